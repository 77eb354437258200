"""Keeps two runs apart: an exclusive lock on a file, held for as long as the process lives, that says who holds it."""

import contextlib
import fcntl
import os
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from jobs.printable import storable

LOOKS = frozenset({"status", "report"})
"""Purposes of those that only look, and let go soon."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a lock: process, machine, UTC seconds since 1970, and for what."""

    pid: int
    host: str
    since: float
    purpose: str

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(self.since))
        return f"pid {self.pid} on {self.host} since {since} ({self.purpose})"


class LockHeldError(Exception):
    """Another process holds the lock; `holder` is None where it has not said who it is."""

    def __init__(self, path: Path, holder: Holder | None) -> None:
        super().__init__(f"{path}: held by {holder or 'another process'}")
        self.path = path
        self.holder = holder


class FileLock:
    """An flock on one file. The file is never deleted: a lock on a deleted file keeps nobody out."""

    def __init__(self, path: Path, purpose: str) -> None:
        """Takes the lock at once.

        Raises:
            LockHeldError: another process, or another lock in this one, has it.
            OSError: the file cannot be made, or not locked where it is.
        """
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            if isinstance(error, BlockingIOError):
                raise LockHeldError(path, _read_holder(path)) from None
            raise
        self._introduce(purpose)

    def _introduce(self, purpose: str) -> None:
        """Says who holds it; where that cannot be written, as on a full disk, it is held all the same."""
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
        """Lets go; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _read_holder(path: Path) -> Holder | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None
