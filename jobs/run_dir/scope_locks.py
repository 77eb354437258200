"""Keeps two runs off the same quota: a lock for each endpoint and project, held while a run sends."""

import hashlib
import math
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from jobs.endpoint import place_of
from jobs.model import Scope
from jobs.run_dir.lock import LOOKS, FileLock, LockHeldError
from jobs.run_dir.lock_folder import LockFolder, lock_folder

_POLL_S = 0.2
# What `report` takes for a million rows, and some more.
_LONGEST_LOOK_S = 30.0


class Patience:
    """How long a process waits for all its locks together, and where it reports that it waits.

    A command that only looks at a run directory is over soon: for that everybody waits, whatever they asked for.
    """

    def __init__(self, wait_s: float, say: Callable[[str], None], *, nap: Callable[[float], None] = time.sleep) -> None:
        self._left_s = wait_s
        self._say = say
        self._nap = nap

    def take(self, path: Path, purpose: str | None, folder: LockFolder | None = None) -> FileLock:
        """Takes a lock, waiting for it if need be; one of a project is in a `folder` of such locks.

        Raises:
            LockHeldError: it is still held when the time is over.
            OSError: its file cannot be made.
        """
        waited_s = 0.0
        while True:
            try:
                return FileLock(path, purpose, folder)
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


def lock_scopes(scopes: Iterable[Scope], lock_dir: Path | None, purpose: str, patience: Patience) -> ExitStack:
    """Takes the locks of all scopes, or none; closing what is returned lets go of them. `lock_dir` is where they
    are, or None for the best folder there is.

    They are taken in one order by every run, so that two runs that wait for each other's cannot both wait for ever.

    Raises:
        LockHeldError: another run works on one of them.
        OSError: the lock files cannot be made.
    """
    folder = lock_folder(lock_dir)
    with ExitStack() as stack:
        for name in sorted({_name(scope) for scope in scopes}):
            stack.enter_context(patience.take(folder.path / (folder.prefix + name), purpose, folder))
        return stack.pop_all()
    raise AssertionError("unreachable")


def _name(scope: Scope) -> str:
    digest = hashlib.sha256(f"{place_of(scope.endpoint)}|{scope.project_id.lower()}".encode()).hexdigest()
    return f"{digest[:32]}.lock"
