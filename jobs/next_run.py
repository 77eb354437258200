"""What `go` does with a run: a pure decision, from how far its job has come and whether the same one is asked for."""

from enum import Enum, auto
from typing import assert_never

import msgspec


class SoFar(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job has come, in rows: `again` are still to be run (open, failed or unknown), of which `failed` have
    ended; `in_doubt` may have been changed, which is not known; `sent` had a PUT, and `accepted` one that was accepted.
    Rows `beyond_limit` are in none of these: only a person's `resume` takes them up.
    """

    rows: int
    again: int
    failed: int
    in_doubt: int
    sent: int
    accepted: int
    beyond_limit: int = 0

    def left(self, *, also_failed: bool) -> int:
        """The rows that a session would run."""
        return self.again if also_failed else self.again - self.failed


class Next(Enum):
    """What a run directory needs."""

    CONTINUE = auto()
    """Rows of this very job are still to be run."""
    NOTHING = auto()
    """This very job has no row left to run."""
    AFTER_DONE = auto()
    """Another job has no row left to run: its files are kept aside and a new run starts."""
    AFTER_NOTHING = auto()
    """Another job never changed anything: its files are kept aside and a new run starts."""
    REFUSE = auto()
    """Another job has rows left to run, and may have changed some already."""


def next_run(so_far: SoFar, *, same_job: bool) -> Next:
    """Decides it."""
    match so_far:
        case SoFar(again=0):
            return Next.NOTHING if same_job else Next.AFTER_DONE
        case SoFar() if same_job:
            return Next.CONTINUE
        case SoFar(accepted=0, in_doubt=0):
            return Next.AFTER_NOTHING
        case SoFar():
            return Next.REFUSE
        case _:
            assert_never(so_far)
