"""Whatever somebody puts under a name of a run directory: it is not waited for, and no link is followed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from batch.cli.runs import runs_in
from batch.telemetry.log import start_log
from jobs.run_dir import names
from jobs.run_dir.control import ControlError, read_control
from jobs.run_dir.lock import FileLock, held_by_another
from jobs.run_dir.own_file import read_own
from jobs.run_dir.report_files import ReportFiles
from jobs.run_dir.room import Reserve
from jobs.run_dir.state import read_state


def written(folder: Path) -> dict[str, str]:
    """What a report is called in the end, once a run has written it again."""
    files = ReportFiles(folder)
    for name in ("outcomes.csv", names.SUMMARY):
        files.withdraw(name)
        with files.place(name) as out:
            out.write(b"new\n")
    files.seal(())
    return {name: files.name_of(name) for name in ("outcomes.csv", names.SUMMARY)}


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "the log": (names.LOG, lambda folder: start_log(folder, "info")),
    "the lock": (names.LOCK, lambda folder: FileLock(folder / names.LOCK, "run")),
    "who holds it": (names.LOCK, lambda folder: held_by_another(folder / names.LOCK)),
    "the control file": (names.CONTROL, read_control),
    "any": (names.SUMS, lambda folder: read_own(folder / names.SUMS)),
}


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
@pytest.mark.parametrize("reader", READERS)
def test_what_is_not_a_regular_file_is_an_error_of_its_own(tmp_path: Path, reader: str, kind: str) -> None:
    name, read = READERS[reader]
    put(tmp_path, name, kind)
    with pytest.raises((OSError, ControlError)):
        read(tmp_path)
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def put(folder: Path, name: str, kind: str) -> None:
    (folder / "elsewhere").write_bytes(b"precious")
    match kind:
        case "pipe":
            os.mkfifo(folder / name)
        case "link":
            (folder / name).symlink_to(folder / "elsewhere")
        case "second name":
            (folder / name).hardlink_to(folder / "elsewhere")
        case "huge":
            with (folder / name).open("wb") as file:
                file.truncate(1 << 40)
        case _:
            (folder / name).mkdir()


@pytest.mark.parametrize("kind", ["pipe", "link", "second name"])
def test_the_reserve_takes_the_place_of_what_has_its_name(tmp_path: Path, kind: str) -> None:
    put(tmp_path, names.RESERVE, kind)
    reserve = Reserve(tmp_path)
    assert (tmp_path / names.RESERVE).lstat().st_size > 1 << 20
    assert reserve.release()
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def test_a_lock_that_is_another_file_too_is_held_and_not_written(tmp_path: Path) -> None:
    put(tmp_path, names.LOCK, "second name")
    with FileLock(tmp_path / names.LOCK, "run"):
        held = held_by_another(tmp_path / names.LOCK)
    assert (held is not None, held and held.holder) == (True, None)
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "huge"])
def test_a_state_that_is_not_a_file_of_the_run_s_counts_as_none(tmp_path: Path, kind: str) -> None:
    put(tmp_path, names.STATE, kind)
    assert read_state(tmp_path) is None


@pytest.mark.parametrize("kind", ["pipe", "link", "huge"])
def test_sums_that_are_not_a_file_of_the_run_s_are_replaced(tmp_path: Path, kind: str) -> None:
    put(tmp_path, names.SUMS, kind)
    assert written(tmp_path) == {"outcomes.csv": "outcomes.csv", names.SUMMARY: names.SUMMARY}
    assert (tmp_path / names.SUMS).is_file()
    assert not (tmp_path / names.SUMS).is_symlink()


def test_a_report_is_written_beside_a_pipe_of_its_name(tmp_path: Path) -> None:
    put(tmp_path, "outcomes.csv", "pipe")
    put(tmp_path, names.SUMMARY, "pipe")
    assert written(tmp_path) == {"outcomes.csv": "outcomes.2.csv", names.SUMMARY: "summary.2.json"}
    assert (tmp_path / "outcomes.csv").is_fifo()


@pytest.mark.parametrize("kind", ["pipe", "link", "huge"])
def test_a_summary_that_is_not_a_file_of_the_run_s_is_not_read(tmp_path: Path, kind: str) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / names.LEDGER).touch()
    put(run, names.SUMMARY, kind)
    [line] = runs_in(tmp_path)
    assert line.state == "unreadable"
