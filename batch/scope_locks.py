"""Keeps two runs of one user off the same quota: a lock for each endpoint and project, held while a run sends."""

import hashlib
import os
import resource
import stat
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from jobs.lock import FileLock, LockHeldError
from jobs.model import Scope

_POLL_S = 0.2
# Files a run has open besides its locks.
_OTHER_FILES = 512


def lock_folder() -> Path:
    """The user's own folder of locks, made where it is missing; another user cannot have put it there.

    Raises:
        OSError: it cannot be made, or belongs to somebody else.
    """
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111 - no home, no error
    for folder in (Path(state) / "csms-rekey" / "locks", Path(tempfile.gettempdir()) / f"csms-rekey-{os.geteuid()}"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and os.access(folder, os.W_OK):
            return folder
    raise OSError("no folder for locks: neither the user's state folder nor the temporary folder can be written")


def take_lock(path: Path, purpose: str, *, wait_s: float) -> FileLock:
    """Takes a lock, waiting for it if need be.

    Raises:
        LockHeldError: it is still held when the time is over.
        OSError: its file cannot be made.
    """
    give_up_s = time.monotonic() + wait_s
    while True:
        try:
            return FileLock(path, purpose)
        except LockHeldError:
            if time.monotonic() >= give_up_s:
                raise
        time.sleep(_POLL_S)


def lock_scopes(scopes: Iterable[Scope], folder: Path, purpose: str, *, wait_s: float) -> ExitStack:
    """Takes the locks of all scopes, or none; closing what is returned lets go of them.

    They are taken in one order by every run, so that two runs that wait for each other's cannot both wait for ever.

    Raises:
        LockHeldError: another run works on one of them.
        OSError: the lock files cannot be made.
    """
    names = sorted({_name(scope) for scope in scopes})
    _allow_files(len(names))
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(take_lock(folder / name, purpose, wait_s=wait_s))
        return stack.pop_all()
    raise AssertionError("unreachable")


def _name(scope: Scope) -> str:
    digest = hashlib.sha256(f"{scope.endpoint}|{scope.project_id}".encode()).hexdigest()
    return f"{digest[:32]}.lock"


def _allow_files(locks: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = locks + _OTHER_FILES
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard >= 0 else wanted, hard))
