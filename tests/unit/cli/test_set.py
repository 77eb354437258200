"""`set` where no run can be changed: one line, exit code 2, and nothing is left behind."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batch.cli.app import main
from jobs.run_dir.lock import FileLock
from jobs.run_dir.state import LiveState, write_state


@contextmanager
def held(folder: Path, purpose: str | None, *, state: bool, job_rate: str = "") -> Iterator[Path]:
    run_dir = folder / "run"
    run_dir.mkdir()
    with FileLock(run_dir / "run.lock", purpose):
        if state:
            now = time.time()
            write_state(
                run_dir,
                LiveState(
                    pid=os.getpid(), started_at=now, written_at=now, total=9, open_rows=9, in_flight=0, counts=(),
                    rate="10/s", full_rate="10/s", job_rate=job_rate,
                ),
            )  # fmt: skip
        yield run_dir


@pytest.mark.parametrize(
    ("purpose", "state", "arguments", "told"),
    [
        ("status", True, ("--pause",), "no run is active here; there is nothing to change"),
        ("report", False, ("--pause",), "no run is active here; there is nothing to change"),
        (None, False, ("--pause",), "in use by another process, which does not send yet; try again when it does"),
        ("run", False, ("--rate=5/s",), "which does not send yet; try again when it does"),
        ("run", True, ("--rate=quick",), "'quick' is not a rate"),
        ("run", True, ("--rate=0/s",), "both numbers must be above zero"),
        ("run", True, ("--rate=11/s",), "11/s is above the 10/s that the run was started with: add --yes"),
        ("run", True, ("--rate=auto",), "auto is above the 10/s that the run was started with: add --yes"),
        ("run", True, ("--pause",), "the run has not answered within 0 s"),
    ],
)
def test_a_run_that_cannot_be_changed_is_left_alone(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    purpose: str | None,
    *,
    state: bool,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.setattr("batch.cli.commands.set._PATIENCE_S", 0.0)
    with held(tmp_path, purpose, state=state) as run_dir:
        before = sorted(path.name for path in run_dir.iterdir())
        assert main(["set", str(run_dir), *arguments]) == 2
        assert sorted(path.name for path in run_dir.iterdir()) == before
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


@pytest.mark.parametrize(
    ("job_rate", "rate", "told"),
    [
        ("20/s", "15/s", "the run has not answered"),
        ("20/s", "21/s", "21/s is above the 20/s that the run was started with: add --yes"),
        ("5/s", "6/s", "6/s is above the 5/s that the run was started with: add --yes"),
    ],
)
def test_a_rate_needs_a_yes_above_that_of_the_job(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    job_rate: str,
    rate: str,
    told: str,
) -> None:
    """Not above that of a session, which a resume may have begun at another one."""
    monkeypatch.setattr("batch.cli.commands.set._PATIENCE_S", 0.0)
    with held(tmp_path, "run", state=True, job_rate=job_rate) as run_dir:
        assert main(["set", str(run_dir), f"--rate={rate}"]) == 2
    assert told in capsys.readouterr().err


def test_another_users_run_is_not_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = os.geteuid()
    with held(tmp_path, "run", state=True) as run_dir:
        monkeypatch.setattr("os.geteuid", lambda: own + 1)
        assert main(["set", str(run_dir), "--pause"]) == 2
        assert not (run_dir / "control.json").exists()
    assert f"the run belongs to user {own}" in capsys.readouterr().err


def test_status_of_a_directory_whose_holder_has_not_said_who_it_is_names_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.run_dir.scope_locks._LONGEST_LOOK_S", 0.0)
    with held(tmp_path, None, state=False) as run_dir:
        assert main(["status", str(run_dir)]) == 2
    assert "in use by another process, which has not reported progress yet" in capsys.readouterr().err
