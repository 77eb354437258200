"""Keeps two runs apart: an exclusive lock on a file, held for as long as the process lives, that says who holds it."""

import contextlib
import errno
import fcntl
import os
import socket
import stat
import time
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import msgspec

from jobs.model import Count, Moment
from jobs.printable import storable
from jobs.run_dir.lock_folder import LockFolder
from jobs.run_dir.own_file import open_own

_HOW = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

LOOKS = frozenset({"status", "report", "look"})
"""Purposes of those that only look, and let go soon."""


_Line = Annotated[str, msgspec.Meta(max_length=5_000)]
_HOLDER_BYTES = 32_768


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a lock: process, machine, UTC seconds since 1970, and for what. Only shown: anybody may write to a lock
    that users share.
    """

    pid: Count
    host: _Line
    since: Moment
    purpose: _Line

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(self.since))
        return f"pid {self.pid} on {self.host} since {since} ({self.purpose})"


class LockHeldError(Exception):
    """Another process holds the lock; `holder` is None where it has not said who it is. With a `folder` the lock is one
    of a project, without one it is that of a run directory.
    """

    def __init__(self, path: Path, holder: Holder | None, folder: LockFolder | None = None) -> None:
        if folder is None:
            super().__init__(f"{path.parent}: in use by {holder or 'another process'}")
        else:
            super().__init__(f"another run {folder.reach} uses a project of this one: {holder or path}")
        self.path = path
        self.holder = holder


class FileLock:
    """An flock on one file. The file is never deleted: a lock on a deleted file keeps no process out."""

    def __init__(self, path: Path, purpose: str | None, folder: LockFolder | None = None) -> None:
        """Takes the lock at once; without a purpose its holder says nothing, and writes nothing, until `introduce`.
        Where `folder` is shared, other users can take it too.

        Raises:
            LockHeldError: another process, or another lock in this one, has it.
            OSError: the file cannot be made, or not locked where it is.
        """
        self._introduced = False
        shared = folder is not None and folder.shared
        self._descriptor = _open_shared(path) if shared else open_own(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            if isinstance(error, BlockingIOError):
                raise LockHeldError(path, _read_holder(path), folder) from None
            raise
        if not _is_file_of(path, self._descriptor):
            # The last holder removed it with its directory: a lock on a removed file excludes no process.
            self.release()
            raise LockHeldError(path, None, folder)
        if purpose is not None:
            self.introduce(purpose)

    def introduce(self, purpose: str) -> None:
        """Says who holds it; where that cannot be written, as on a full disk, it is still held."""
        if os.fstat(self._descriptor).st_nlink > 1:
            # It is another file too, such as the one in a copy made of links.
            return
        self._introduced = True
        holder = Holder(
            pid=os.getpid(), host=storable(socket.gethostname()), since=time.time(), purpose=storable(purpose)
        )
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, msgspec.json.encode(holder) + b"\n", 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Lets go; safe to call twice. What the holder said of itself goes with it."""
        if self._descriptor >= 0:
            if self._introduced:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def _is_file_of(path: Path, descriptor: int) -> bool:
    try:
        there = path.stat(follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


def held_by_another(path: Path) -> LockHeldError | None:
    """What taking this lock would raise, without taking it or making its file; None where it is free.

    Raises:
        OSError: the file cannot be opened.
    """
    try:
        descriptor = open_own(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        # Shared: those who only look do not meet each other, and a run that starts just now tries twice.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return LockHeldError(path, _read_holder(path))
    finally:
        os.close(descriptor)
    return None


def _read_holder(path: Path) -> Holder | None:
    """Who says so; None too where that one was killed, and another holds the lock that has not said anything yet."""
    try:
        with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
            holder = msgspec.json.decode(file.read(_HOLDER_BYTES), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None
    return None if holder.host == storable(socket.gethostname()) and _dead(holder.pid) else holder


def _dead(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        # It belongs to another user.
        return False
    return False


def _open_shared(path: Path) -> int:
    """A file among those of other users: theirs are opened as they are, and a file that is not a lock is left alone.

    Raises:
        OSError: it cannot be opened or made, or is something else.
    """
    while True:
        # Never O_CREAT for one that is there: fs.protected_regular forbids it where the file is another user's.
        with contextlib.suppress(FileNotFoundError):
            return _checked(_open_existing(path), path)
        with contextlib.suppress(FileExistsError):
            mask = os.umask(0)
            try:
                return os.open(path, _HOW | os.O_CREAT | os.O_EXCL, 0o666)
            finally:
                os.umask(mask)


def _open_existing(path: Path) -> int:
    try:
        return os.open(path, _HOW)
    except PermissionError:
        # It can be locked all the same, only not say by whom.
        return os.open(path, _HOW & ~os.O_RDWR | os.O_RDONLY)


def _checked(descriptor: int, path: Path) -> int:
    """A second name could make us write into any file of ours."""
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_nlink <= 1:
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EPERM, "not a lock file; remove it, or give --lock-dir", str(path))
