"""Who holds a lock, asked without taking it."""

import os
from pathlib import Path

import pytest

from jobs.run_dir.lock import FileLock, held_by_another


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
