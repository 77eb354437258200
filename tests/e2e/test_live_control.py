"""A real run that is changed, asked and watched while it lasts, and one whose directory goes away."""

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from batch.sandbox.assembly import Sandbox
from jobs.model import Status
from jobs.run_dir.state import read_state
from tests.e2e.tool import Tool, case_in, manifest_of, served, wait_until
from tests.engine.machine import keys_of
from tests.engine.rows import moves, small_service
from tests.kit.records import records_of
from tests.oracle import Asked, violations

ROWS = 400


def job(folder: Path) -> tuple[Sandbox, list[Asked], Path]:
    sandbox = small_service(secrets=ROWS, projects=2)
    asked = moves(sandbox)
    path = folder / "m.csv"
    path.write_bytes(manifest_of(asked))
    return sandbox, asked, path


def arrived(sandbox: Sandbox) -> int:
    return len(records_of(sandbox.journal))


def status(tool: Tool, run_dir: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(tool.run("status", str(run_dir), "--json").out)
    return found


def test_a_run_is_paused_asked_continued_and_slowed_down_and_all_of_it_is_on_record(tmp_path: Path) -> None:
    sandbox, asked, path = job(tmp_path)
    keys, run_dir = keys_of(sandbox), tmp_path / "run"
    with served(sandbox, tmp_path) as tool:
        with tool.start("run", str(path), *tool.to(run_dir, "--rate=20/s", "--progress=off")) as running:
            wait_until(lambda: arrived(sandbox) >= 20, running)
            paused = tool.run("set", str(run_dir), "--pause", more={"CSMS_REKEY_RATE": "1/s"})
            assert (paused.code, paused.err) == (0, "")
            assert paused.out.startswith(f"{run_dir}: paused, ")
            assert "nothing in flight" in paused.out or "in flight to be finished" in paused.out
            assert "rate 20/s" in paused.out, "the environment is a run's, not that of `set`"
            seen = arrived(sandbox)
            running.send_signal(signal.SIGUSR1)
            wait_until(lambda: b"run.progress" in (run_dir / "run.log").read_bytes(), running)
            told = status(tool, run_dir)
            assert (told["running"], told["paused"], told["rate"]) == (True, True, "20/s")
            assert str(told["pace"]).startswith("paused by `set`, 0 in flight")
            assert tool.run("status", str(run_dir)).out.startswith("state: paused by `set`\n")
            assert arrived(sandbox) == seen
            refused = tool.run("set", str(run_dir), "--rate=2000/s")
            assert (refused.code, arrived(sandbox)) == (2, seen)
            assert "2000/s is above the 20/s that the run was started with" in refused.err
            assert tool.run("set", str(run_dir), "--continue", "--rate=2000/s", "--yes").code == 0
            assert running.wait(20) == 0
            assert running.stderr is not None
            lines = running.stderr.read().decode()
        after = tool.run("set", str(run_dir), "--pause")
    assert (after.code, after.err) == (2, f"csms-rekey: {run_dir}: no run is active here; there is nothing to change\n")
    assert lines.count("paused by `set`") == 1
    for said in ("`set`: paused\n", "`set`: rate 2000/s (before 20/s), continued\n"):
        assert said in lines
    assert not (run_dir / "control.json").exists()
    (session,) = msgspec.json.decode((run_dir / "summary.json").read_bytes())["sessions"]
    assert [one["words"] for one in session["controls"]] == ["paused", "rate 2000/s (before 20/s), continued"]
    assert violations(case_in(run_dir, asked, path.read_bytes(), sandbox, keys, per_s=2000)) == []


def test_a_paused_run_drains_at_once_when_it_is_told_to_end_and_the_resume_is_not_paused(tmp_path: Path) -> None:
    sandbox, _, path = job(tmp_path)
    run_dir = tmp_path / "run"
    with served(sandbox, tmp_path) as tool:
        with tool.start("run", str(path), *tool.to(run_dir, "--rate=20/s")) as running:
            wait_until(lambda: arrived(sandbox) >= 10, running)
            assert tool.run("set", str(run_dir), "--pause").code == 0
            running.send_signal(signal.SIGTERM)
            assert running.wait(10) == 143
        assert tool.run("resume", str(run_dir), "--rate=unlimited").code == 0


def test_a_killed_run_leaves_a_pause_behind_that_holds_for_no_other(tmp_path: Path) -> None:
    sandbox, _, path = job(tmp_path)
    run_dir = tmp_path / "run"
    with served(sandbox, tmp_path) as tool:
        with tool.start("run", str(path), *tool.to(run_dir, "--rate=20/s")) as running:
            wait_until(lambda: arrived(sandbox) >= 10, running)
            assert tool.run("set", str(run_dir), "--pause").code == 0
            running.kill()
            running.wait()
        assert tool.run("set", str(run_dir), "--continue").code == 2
        assert tool.run("resume", str(run_dir), "--rate=unlimited").code == 0
    assert not (run_dir / "control.json").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "nothing to change: give --rate, --pause or --continue"),
        (("--pause", "--continue"), "--pause and --continue exclude each other"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    ended = Tool(tmp_path, "http://127.0.0.1:9", "t").run("set", str(tmp_path), *arguments)
    assert (ended.code, ended.out, ended.err) == (2, "", f"csms-rekey: {told}\n")


def test_a_question_ends_no_command_not_even_while_it_loads(tmp_path: Path) -> None:
    sandbox, _, path = job(tmp_path)
    run_dir = tmp_path / "run"
    with (
        served(sandbox, tmp_path) as tool,
        tool.start("run", "-", *tool.to(run_dir), stdin=subprocess.PIPE) as running,
    ):
        wait_until((run_dir / "run.lock").exists, running)
        running.send_signal(signal.SIGUSR1)
        assert running.stdin is not None
        running.stdin.write(path.read_bytes())
        running.stdin.close()
        assert running.wait(20) == 0


def moved(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("lose", "reason", "rows_printed"),
    [
        (shutil.rmtree, "the run directory was deleted or replaced", True),
        (lambda folder: (folder / "ledger.db").unlink(), "its ledger was deleted or replaced", True),
        (moved, "the run directory was moved", False),
    ],
)
def test_a_run_whose_directory_goes_away_stops_at_once_and_prints_what_it_held(
    tmp_path: Path, lose: Callable[[Path], None], reason: str, *, rows_printed: bool
) -> None:
    sandbox, asked, path = job(tmp_path)
    run_dir = tmp_path / "run"
    with served(sandbox, tmp_path) as tool:
        with tool.start("run", str(path), *tool.to(run_dir, "--rate=30/s")) as running:
            wait_until(lambda: arrived(sandbox) >= 30, running)
            lose(run_dir)
            assert running.wait(20) == 74
            assert running.stderr is not None
            *lines, last = running.stderr.read().decode().splitlines()
        seen = arrived(sandbox)
        assert f"{reason} while the run was active; sending stopped" in last
        began = sum(line.startswith("csms-rekey: ") for line in lines)
        printed = {row["row"]: row["status"] for row in map(msgspec.json.decode, lines[began:])}
        if rows_printed:
            sent = {one.secret_name for one in records_of(sandbox.journal)}
            assert printed == {one.row: Status.UPDATED for one in asked if one.secret_name in sent}
            assert not (run_dir / "ledger.db").exists()
            assert not (run_dir / "summary.json").exists()
        else:
            assert printed == {}
            assert not run_dir.exists()
            assert tool.run("resume", str(tmp_path / "elsewhere"), "--rate=unlimited").code == 0
            assert arrived(sandbox) == ROWS
    assert seen < ROWS


def test_a_service_manager_hears_that_rows_are_sent_how_it_stands_and_that_it_stops(tmp_path: Path) -> None:
    sandbox, _, path = job(tmp_path)
    run_dir = tmp_path / "run"
    heard: list[str] = []
    with served(sandbox, tmp_path) as tool, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        with tool.start("run", str(path), *tool.to(run_dir, "--rate=20/s"), more=environ) as running:
            while len([one for one in heard if one == "WATCHDOG=1"]) < 3 or not any("rows" in one for one in heard):
                heard.append(manager.recv(65_536).decode())
            state = read_state(run_dir)
            assert state is not None
            running.send_signal(signal.SIGTERM)
            while "writing the reports" not in heard[-1]:
                heard.append(manager.recv(65_536).decode())
            assert running.wait(20) == 143
    steps = [one for one in heard if one != "WATCHDOG=1" and not one.startswith("STATUS=")]
    assert steps == [
        "EXTEND_TIMEOUT_USEC=3600000000",
        "READY=1",
        "STOPPING=1",
        "WATCHDOG_USEC=3600000000\nEXTEND_TIMEOUT_USEC=3600000000\nSTATUS=writing the reports",
    ]
    assert any(one.startswith("STATUS=0 of 400 rows") for one in heard)
