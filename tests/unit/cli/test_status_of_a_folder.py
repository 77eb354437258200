"""`status FOLDER`: each run of a folder on one line, whatever became of it, and nothing in it is touched."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from batch.cli.app import main
from jobs.ledger import Intent, Ledger
from jobs.model import Status, StatusCount
from jobs.run_dir.lock import FileLock
from jobs.run_dir.state import LiveState, write_state
from tests.unit.summaries import summary_of

STARTED = 1_787_313_600.0


def ended(folder: Path, name: str) -> Path:
    """A run that has finished, with one row of two done."""
    summary_of(folder)
    return (folder / "run").rename(folder / name)


def killed(folder: Path, name: str) -> Path:
    run_dir = ended(folder, name)
    (run_dir / "summary.json").unlink()
    with Ledger(run_dir) as ledger:
        ledger._run("UPDATE session SET exit_code = NULL, ended_at = NULL")
    return run_dir


def active(folder: Path, name: str, *, paused: bool = False, told: bool = True) -> FileLock:
    (folder / name).mkdir()
    lock = FileLock(folder / name / "run.lock", "run")
    if told:
        state = LiveState(
            pid=os.getpid(),
            started_at=time.time(),
            written_at=time.time(),
            total=2_000,
            open_rows=500,
            in_flight=3,
            counts=(
                StatusCount(status=Status.UPDATED, rows=1_499),
                StatusCount(status=Status.REJECTED, rows=1),
            ),
            paused=paused,
        )
        write_state(folder / name, state)
    return lock


def shown(capsys: pytest.CaptureFixture[str], folder: Path) -> list[dict[str, Any]]:
    assert main(["status", str(folder), "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_state_has_its_word_its_rows_and_the_command_that_continues(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(tmp_path, "a-finished")
    killed(tmp_path, "b-killed")
    (tmp_path / "c-not-loaded").mkdir()
    (tmp_path / "c-not-loaded" / "run.lock").touch()
    (tmp_path / "d-unreadable").mkdir()
    (tmp_path / "d-unreadable" / "ledger.db").write_bytes(b"no ledger" * 100)
    (tmp_path / "z-other").mkdir()
    with (
        active(tmp_path, "e-running"),
        active(tmp_path, "f-paused", paused=True),
        active(tmp_path, "g-loading", told=False),
    ):
        runs = {Path(run["path"]).name: run for run in shown(capsys, tmp_path)}
    fields = ("state", "rows", "done", "open", "exit_code")
    assert {name: tuple(run[field] for field in fields) for name, run in runs.items()} == {
        "a-finished": ("finished", 2, 1, 1, 1),
        "b-killed": ("killed", 2, 1, 1, None),
        "c-not-loaded": ("not loaded", 0, 0, 0, None),
        "d-unreadable": ("unreadable", 0, 0, 0, None),
        "e-running": ("running", 2_000, 1_499, 500, None),
        "f-paused": ("paused", 2_000, 1_499, 500, None),
        "g-loading": ("loading", 0, 0, 0, None),
    }
    assert {name: run["next"] for name, run in runs.items() if run["next"]} == {
        "a-finished": f"csms-rekey run {tmp_path}/a-finished/retry.csv",
        "b-killed": f"csms-rekey resume {tmp_path}/b-killed --failed",
    }
    assert runs["d-unreadable"]["reason"]


def test_the_newest_run_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended(tmp_path, "old")
    with active(tmp_path, "new"):
        assert [Path(run["path"]).name for run in shown(capsys, tmp_path)] == ["new", "old"]


@pytest.mark.parametrize("make", [ended, killed])
def test_a_run_without_a_lock_file_gets_none_and_no_file_is_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any
) -> None:
    make(tmp_path, "copied")
    before = snapshot(tmp_path)
    assert len(shown(capsys, tmp_path)) == 1
    assert snapshot(tmp_path) == before


def test_a_run_is_one_line_for_a_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended(tmp_path, "yesterday")
    killed(tmp_path, "a\x1bb")
    assert main(["status", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("yesterday  finished  1 of 2 done  1 open  exit 1  started 2026-08-21 12:00:00Z  next: ")
    assert lines[1].startswith("a\\x1bb")
    assert len(lines) == 2


@pytest.mark.parametrize("failed", [False, True])
def test_a_killed_run_is_continued_by_the_same_command_in_status_and_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, failed: bool
) -> None:
    """A row in doubt is taken up by any resume; only one that has ended needs --failed."""
    run_dir = killed(tmp_path, "r")
    with Ledger(run_dir) as ledger:
        if not failed:
            ledger._run("DELETE FROM outcome WHERE status = 'failed'")
            ledger.commit(intents=[Intent(row=2, attempts=1)])
    commands = []
    for command in (("status", str(tmp_path), "--json"), ("status", str(run_dir)), ("report", str(run_dir))):
        main(command)
        commands.append(capsys.readouterr().out)
    expected = f"csms-rekey resume {run_dir}{' --failed' if failed else ''}"
    assert json.loads(commands[0])[0]["next"] == expected
    assert f"next: {expected} (continue where it stopped" in commands[1]
    assert f"next: {expected} (continue where it stopped" in commands[2]
