"""The file by which a live run is changed, and what a run does not take for one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.run_dir.control import Control, ControlError, read_control, remove_control, write_control

PAUSE = Control(session=1_787_313_600.123456, rate="5/s", paused=True)


def test_what_is_written_is_read_back_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    assert read_control(tmp_path) is None
    write_control(tmp_path, PAUSE)
    assert read_control(tmp_path) == PAUSE
    assert (tmp_path / "control.json").stat().st_mode & 0o777 == 0o600
    remove_control(tmp_path)
    remove_control(tmp_path)
    assert list(tmp_path.iterdir()) == []


def link(path: Path) -> None:
    path.with_name("other").write_text('{"session":1,"rate":"5/s"}')
    path.symlink_to("other")


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link": (link, "it cannot be opened"),
    "a pipe": (os.mkfifo, "it is not a regular file"),
    "a folder": (Path.mkdir, "it is not a regular file"),
    "nothing": (Path.touch, "it is not what `set` writes"),
    "half of it": (lambda path: path.write_text('{"session":1,'), "it is not what `set` writes"),
    "bytes": (lambda path: path.write_bytes(b'{"session":1,"rate":"\xff"}'), "it is not what `set` writes"),
    "another field": (lambda path: path.write_text('{"session":1,"rate":"5/s","x":1}'), "it is not what `set` writes"),
    "a huge file": (lambda path: path.write_text(" " * 10_000), "it is too large"),
    "no right to it": (lambda path: path.write_text("{}"), "it belongs to user"),
}


@pytest.mark.parametrize("name", BAD)
def test_anything_else_under_its_name_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    make, reason = BAD[name]
    make(tmp_path / "control.json")
    if name == "no right to it":
        own = os.geteuid()
        monkeypatch.setattr("os.geteuid", lambda: own + 1)
    with pytest.raises(ControlError, match=reason):
        read_control(tmp_path)


def test_a_rate_that_is_none_is_refused() -> None:
    with pytest.raises(ControlError, match="is not a rate"):
        Control(session=1.0, rate="fast").parsed_rate()
