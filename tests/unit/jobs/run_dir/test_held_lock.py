"""Who holds a lock, asked without taking it."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.run_dir.lock import FileLock, LockHeldError, held_by_another


def test_a_lock_that_is_held_names_its_holder_and_one_that_is_free_stays_free(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with FileLock(path, "run"):
        held = held_by_another(path)
        assert held is not None
        assert held.holder is not None
        assert (held.holder.pid, held.holder.purpose) == (os.getpid(), "run")
    assert held_by_another(path) is None
    with FileLock(path, "resume"):
        pass


def test_a_lock_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    assert held_by_another(tmp_path / "run.lock") is None
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "run.lock").symlink_to("other")
    with pytest.raises(OSError, match="Too many levels"):
        held_by_another(tmp_path / "run.lock")


@pytest.mark.parametrize("then", [Path.touch, lambda _: None], ids=["made again", "not made again"])
def test_a_lock_on_a_file_that_was_removed_meanwhile_keeps_no_process_out_and_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: Callable[[Path], None]
) -> None:
    path, real = tmp_path / "run.lock", fcntl.flock

    def removed_just_now(descriptor: int, how: int) -> None:
        path.unlink()
        then(path)
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", removed_just_now)
    with pytest.raises(LockHeldError):
        FileLock(path, "run")
