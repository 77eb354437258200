"""What commands that continue or look at a run say of a path without one: they leave everything there alone."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from batch.cli.app import main

Maker = Callable[[Path], None]


def run_directories(*names: str) -> Maker:
    def make(path: Path) -> None:
        for name in names:
            (path / name).mkdir(parents=True)
            (path / name / "ledger.db").touch()

    return make


def only_locked(path: Path) -> None:
    path.mkdir()
    (path / "run.lock").touch()


def other_files(path: Path) -> None:
    path.mkdir()
    (path / "m.csv").touch()


WHAT_IS_THERE: list[tuple[Maker, str]] = [
    (lambda _: None, "no such run directory"),
    (Path.touch, "a file, not a run directory"),
    (Path.mkdir, "not a run directory: it holds nothing"),
    (other_files, "not a run directory: it holds no ledger.db"),
    (run_directories("b"), "not a run directory: it holds 1 run directory: b; name it"),
    (run_directories("b", "c\x1b", "a"), r"not a run directory: it holds 3 run directories: c\x1b, b, a; name one"),
    (
        run_directories(*"abcdefg"),
        "not a run directory: it holds 7 run directories: g, f, e, d, c and 2 more; name one",
    ),
]


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


CASES = [
    pytest.param(command, make, told, id=f"{command}: {told}")
    for command in ("resume", "report", "status", "set")
    for make, told in WHAT_IS_THERE
    # Of a folder of runs `status` has something to show.
    if command != "status" or not told.endswith(("name it", "name one"))
]


@pytest.mark.parametrize(("command", "make", "told"), CASES)
def test_a_path_without_a_run_is_described_and_nothing_is_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, make: Maker, told: str
) -> None:
    path = tmp_path / "x"
    make(path)
    before = files_in(tmp_path)
    assert main([command, str(path), *(["--pause"] if command == "set" else [])]) == 2
    assert capsys.readouterr().err == f"csms-rekey: {path}: {told}\n"
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("command", ["resume", "report", "status", "set"])
def test_a_name_that_nothing_can_have_is_refused_like_any_other(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    name = "x" * 300
    assert main([command, name, *(["--pause"] if command == "set" else [])]) == 2
    assert capsys.readouterr().err == f"csms-rekey: {name}: cannot be read: File name too long\n"


@pytest.mark.parametrize("command", ["run", "check", "go"])
def test_so_is_that_of_a_manifest(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "t")
    to = [] if command == "check" else [f"--run-dir={tmp_path / 'd'}"]
    assert main([command, "x" * 300 + ".csv", "--endpoint=http://127.0.0.1:9", *to]) == 2
    said = "".join(capfd.readouterr())
    assert "cannot be read: File name too long" in said
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("command", ["resume", "report", "status"])
def test_a_run_that_was_killed_while_it_loaded_has_nothing_to_continue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    path = tmp_path / "x"
    only_locked(path)
    assert main([command, str(path)]) == 2
    told = (
        "its manifest was never fully loaded and nothing was sent; run it with the same command again, or with"
        f" `csms-rekey go MANIFEST --run-dir {path}`"
    )
    assert capsys.readouterr().err == f"csms-rekey: {path}: {told}\n"


@pytest.mark.parametrize("command", ["status", "report", "rollback --out back.csv"])
def test_a_directory_that_may_only_be_read_says_that_a_copy_is_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """As that of an auditor is: these commands lock the directory, and so write to it."""

    def refused(path: Path, *_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("jobs.run_dir.lock.open_own", refused)
    (tmp_path / "ledger.db").touch()
    assert main([*command.split(), str(tmp_path)]) == 74
    said = capsys.readouterr().err
    assert "run.lock: Permission denied; if you may only read this directory, make a copy of it and use that" in said
