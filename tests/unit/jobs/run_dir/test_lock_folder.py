"""Where project locks are: which folder, which runs see them there, and what other users can do with them."""

import fcntl
import os
import stat
import sys
from pathlib import Path

import pytest

from jobs.model import Scope
from jobs.run_dir import lock_folder as folders
from jobs.run_dir.lock import FileLock, LockHeldError
from jobs.run_dir.lock_folder import LockFolder, Reach, lock_folder
from jobs.run_dir.scope_locks import Patience, lock_scopes

NOBODY = Patience(0.0, print)
SCOPE = Scope(endpoint="https://kms.example.com", project_id="a" * 32)
needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can make a folder that all trust, or be another user"
)


@pytest.fixture
def for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as /run/lock is; another user can reach it."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o111)
    monkeypatch.setattr(folders, "_SHARED", (folder,))
    return folder


@pytest.fixture
def _without_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_SHARED", ())


@needs_root
def test_a_folder_for_all_from_which_no_user_may_remove_is_the_machines(for_all: Path) -> None:
    assert lock_folder() == LockFolder(for_all, Reach.MACHINE)


@needs_root
@pytest.mark.parametrize("mode", [0o777, 0o1755, 0o700])
def test_a_folder_that_anybody_may_take_from_or_not_all_may_use_is_not(
    for_all: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: int
) -> None:
    for_all.chmod(mode)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert lock_folder().reach is Reach.USER


@needs_root
def test_a_folder_for_all_that_belongs_to_a_user_is_not(
    for_all: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    os.chown(for_all, 12_345, 12_345)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert lock_folder().reach is Reach.USER


@pytest.mark.usefixtures("_without_shared")
@pytest.mark.parametrize("state", ["", "relative/state", "./x"])
def test_a_state_folder_that_is_relative_counts_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", state)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    expected = LockFolder(tmp_path / "home" / ".local" / "state" / "csms-rekey" / "locks", Reach.USER)
    assert lock_folder() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.usefixtures("_without_shared")
def test_otherwise_the_folder_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = lock_folder()
    assert folder == LockFolder(tmp_path / "csms-rekey" / "locks", Reach.USER)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


@pytest.mark.usefixtures("_without_shared")
def test_without_a_state_folder_locks_go_to_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert lock_folder() == LockFolder(tmp_path / f"csms-rekey-{os.geteuid()}", Reach.USER)


def test_a_folder_that_is_given_is_made_and_used(tmp_path: Path) -> None:
    assert lock_folder(tmp_path / "a" / "b") == LockFolder(tmp_path / "a" / "b", Reach.GIVEN)
    assert (tmp_path / "a" / "b").is_dir()


@needs_root
@pytest.mark.parametrize("reach", ["on this machine", "with this --lock-dir"])
def test_who_finds_a_project_in_use_reads_which_runs_are_kept_apart(for_all: Path, reach: str) -> None:
    given = None if reach == "on this machine" else for_all
    told = rf"another run {reach} uses a project of this one: pid \d+ on .*\(first\)"
    with lock_scopes([SCOPE], given, "first", NOBODY), pytest.raises(LockHeldError, match=told):
        lock_scopes([SCOPE], given, "second", NOBODY)
    (name,) = [path.name for path in for_all.iterdir()]
    assert name.startswith("csms-rekey-") is (given is None)


@pytest.fixture
def by_another_user(for_all: Path) -> Path:
    """A lock file that another user has made, and holds."""
    path = for_all / "x.lock"
    os.close(os.open(path, os.O_CREAT | os.O_RDWR))
    path.chmod(0o666)
    os.chown(path, 12_345, 12_345)
    return path


ALL = LockFolder(Path("/"), Reach.MACHINE)


@needs_root
def test_a_lock_that_another_user_made_is_taken_and_one_that_we_made_is_theirs_to_take(
    for_all: Path, by_another_user: Path
) -> None:
    with FileLock(by_another_user, "ours", ALL), pytest.raises(LockHeldError, match="ours"):
        FileLock(by_another_user, "second", ALL)
    ours = for_all / "ours.lock"
    with FileLock(ours, "first", ALL):
        pass
    assert stat.S_IMODE(ours.stat().st_mode) == 0o666
    child = os.fork()
    if child == 0:
        os.setgid(12_345)
        os.setuid(12_345)
        try:
            FileLock(ours, "theirs", ALL)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - a forked process must never continue as its parent
            sys.stderr.write(repr(error))
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert b"theirs" in ours.read_bytes()


def test_a_lock_that_may_only_be_read_keeps_others_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.lock"
    path.write_bytes(b"")
    opened = os.open

    def only_read(name: Path, flags: int, *mode: int) -> int:
        if flags & os.O_RDWR:
            raise PermissionError
        return opened(name, flags, *mode)

    monkeypatch.setattr(os, "open", only_read)
    with FileLock(path, "first", ALL), pytest.raises(LockHeldError):
        FileLock(path, "second", ALL)


def test_a_name_for_a_file_of_ours_is_no_lock_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_bytes(b"mine")
    (tmp_path / "link").symlink_to(mine)
    os.link(mine, tmp_path / "second name")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "second name", "pipe", "folder"):
        with pytest.raises(OSError, match=name):
            FileLock(tmp_path / name, "run", ALL)
    assert mine.read_bytes() == b"mine"


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 100_000, b"{}", b'{"pid":1,"host":"h","since":1e300,"purpose":"x"}', b"[" * 30_000, b"\xff"],
)
def test_what_others_write_into_a_lock_is_shown_at_most(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.lock"
    with FileLock(path, "first", ALL):
        path.write_bytes(content)
        with pytest.raises(LockHeldError, match=r"uses a project of this one: /.*x\.lock"):
            FileLock(path, "second", ALL)


def test_the_process_that_flocks_the_file_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_bytes(b"")
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(LockHeldError):
            FileLock(path, "run", ALL)
