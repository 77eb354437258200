"""Keeps two runs of one user off the same quota: a lock for each endpoint and project, held while a run sends."""

import hashlib
import math
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from jobs.model import Scope
from jobs.run_dir.lock import LOOKS, FileLock, LockHeldError

_POLL_S = 0.2
# What `report` takes for a million rows, and some more.
_LONGEST_LOOK_S = 30.0


def lock_folder() -> Path:
    """The user's own folder of locks, made where it is missing; another user cannot have put it there.

    Raises:
        OSError: it cannot be made, or belongs to somebody else.
    """
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111 - no home, no error
    for folder in (Path(state) / "csms-rekey" / "locks", Path(tempfile.gettempdir()) / f"csms-rekey-{os.geteuid()}"):
        if not folder.is_absolute():
            # A user without a home: a folder named ~ would be made wherever this was started.
            continue
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and os.access(folder, os.W_OK):
            return folder
    raise OSError("no folder for locks: neither the user's state folder nor the temporary folder can be written")


class Patience:
    """How long a process waits for all its locks together, and whom it tells that it waits.

    A command that only looks at a run directory is over soon: for that everybody waits, whatever they asked for.
    """

    def __init__(self, wait_s: float, say: Callable[[str], None], *, nap: Callable[[float], None] = time.sleep) -> None:
        self._left_s = wait_s
        self._say = say
        self._nap = nap

    def take(self, path: Path, purpose: str | None) -> FileLock:
        """Takes a lock, waiting for it if need be.

        Raises:
            LockHeldError: it is still held when the time is over.
            OSError: its file cannot be made.
        """
        waited_s = 0.0
        while True:
            try:
                return FileLock(path, purpose)
            except LockHeldError as held:
                looking = held.holder is None or held.holder.purpose in LOOKS
                # One that says nothing only looks, or has not come to it yet.
                if self._left_s <= 0 and waited_s >= (_LONGEST_LOOK_S if looking else _POLL_S):
                    raise
                if not waited_s and self._left_s > 0:
                    self._say(f"waiting up to {math.ceil(self._left_s)} s for {held.holder or held.path}")
            self._nap(_POLL_S)
            waited_s += _POLL_S
            self._left_s = max(0.0, self._left_s - _POLL_S)


def lock_scopes(scopes: Iterable[Scope], folder: Path, purpose: str, patience: Patience) -> ExitStack:
    """Takes the locks of all scopes, or none; closing what is returned lets go of them.

    They are taken in one order by every run, so that two runs that wait for each other's cannot both wait for ever.

    Raises:
        LockHeldError: another run works on one of them.
        OSError: the lock files cannot be made.
    """
    with ExitStack() as stack:
        for name in sorted({_name(scope) for scope in scopes}):
            stack.enter_context(patience.take(folder / name, purpose))
        return stack.pop_all()
    raise AssertionError("unreachable")


def _name(scope: Scope) -> str:
    digest = hashlib.sha256(f"{scope.endpoint}|{scope.project_id}".encode()).hexdigest()
    return f"{digest[:32]}.lock"
