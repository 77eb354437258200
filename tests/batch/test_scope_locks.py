"""Which runs keep each other out, and who is told to hold a lock."""

import os
import stat
from pathlib import Path

import pytest

from batch.scope_locks import lock_folder, lock_scopes, take_lock
from jobs.lock import FileLock, LockHeldError
from jobs.model import Scope

A, B, C = (Scope(endpoint="https://kms.example.com", project_id=letter * 32) for letter in "abc")


def test_two_runs_cannot_hold_one_scope_and_the_second_holds_nothing(tmp_path: Path) -> None:
    with lock_scopes([A, B], tmp_path, "first", wait_s=0.0):
        with pytest.raises(LockHeldError) as held, lock_scopes([B, C], tmp_path, "second", wait_s=0.0):
            pass
        assert held.value.holder is not None
        assert (held.value.holder.pid, held.value.holder.purpose) == (os.getpid(), "first")
        with lock_scopes([C], tmp_path, "third", wait_s=0.0):
            pass
    with lock_scopes([A, B, C], tmp_path, "fourth", wait_s=0.0):
        pass


def test_scopes_that_share_an_endpoint_and_project_share_a_lock(tmp_path: Path) -> None:
    same = Scope(endpoint=A.endpoint, project_id=A.project_id, region="r")
    with lock_scopes([A, same], tmp_path, "one", wait_s=0.0):
        assert len(list(tmp_path.iterdir())) == 1


def test_a_lock_file_stays_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    with FileLock(tmp_path / "x.lock", "run"):
        pass
    assert stat.S_IMODE((tmp_path / "x.lock").stat().st_mode) == 0o600
    with FileLock(tmp_path / "x.lock", "again"):
        pass


def test_waiting_for_a_lock_ends_when_the_time_is_over(tmp_path: Path) -> None:
    with FileLock(tmp_path / "x.lock", "run"), pytest.raises(LockHeldError, match="held by pid"):
        take_lock(tmp_path / "x.lock", "second", wait_s=0.01)


def test_many_scopes_are_locked_although_few_files_may_be_open(tmp_path: Path) -> None:
    scopes = [Scope(endpoint=A.endpoint, project_id=f"{number:032x}") for number in range(1_500)]
    with lock_scopes(scopes, tmp_path, "many", wait_s=0.0):
        assert len(list(tmp_path.iterdir())) == 1_500


def test_the_lock_folder_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = lock_folder()
    assert folder == tmp_path / "csms-rekey" / "locks"
    assert folder.is_dir()


def test_without_a_state_folder_locks_go_to_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert lock_folder() == tmp_path / f"csms-rekey-{os.geteuid()}"
