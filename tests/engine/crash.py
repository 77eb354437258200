"""Ends a simulated process at a chosen moment: nothing after it is written, sent or heard."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from jobs.ledger import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable


class Crash(KeyboardInterrupt):
    """The process is gone. The event loop lets only this kind of exception through at once."""


class CrashPoint(msgspec.Struct, frozen=True):
    """The `nth` time that `moment` comes."""

    moment: str
    nth: int


MOMENTS = ("before commit", "after commit", "leaving", "arrived", "answered")
FILES = ("before file", "after file")
"""The moments of a file that gets its name, where somebody watches those too."""
FAILS = "commit fails"
"""In place of a moment: the disk breaks at the nth commit, and the process lives to see it."""


class Fuse:
    """Blows at its point, or never; counts how often each moment came."""

    def __init__(self, point: CrashPoint | None) -> None:
        self._point = point
        self.seen = dict.fromkeys((*MOMENTS, *FILES), 0)
        self.blown = False
        self.failed = False
        self.sent_after_failure = 0
        self.on_blow: Callable[[], None] = lambda: None

    def at(self, moment: str) -> None:
        """Raises `Crash` if this is the moment; afterwards every moment is.

        Raises:
            LedgerError: the disk is broken.
        """
        if self.blown:
            raise Crash
        self.seen[moment] += 1
        self.sent_after_failure += self.failed and moment == "leaving"
        if moment == "before commit" and self._point is not None and self._point.moment == FAILS:
            self.failed = self.seen[moment] >= self._point.nth
            if self.failed:
                raise LedgerError(Path("ledger.db"), "injected: the disk is broken")
        if self._point is not None and (moment, self.seen[moment]) == (self._point.moment, self._point.nth):
            self.blown = True
            self.on_blow()
            raise Crash


def snapshot(folder: Path, into: Path) -> None:
    """Copies a run directory as a killed process leaves it: ledger and write-ahead log as they are."""
    shutil.copytree(folder, into)
