"""The exit code, which follows from how the rows ended and only then from how the run did."""

from collections.abc import Sequence
from enum import Enum, IntEnum
from typing import assert_never

from jobs.ledger import SessionRecord
from jobs.ledger.record import ShardFacts
from jobs.model import Group, Status, StatusCount


class Exit(IntEnum):
    """Every exit code of every command."""

    DONE = 0
    NOT_ALL_DONE = 1
    USAGE = 2
    STOPPED_EARLY = 3
    LOCKED = 4
    INTERNAL = 70
    CANNOT_WRITE = 74
    SIGHUP = 129
    SIGINT = 130
    SIGTERM = 143


class Ending(Enum):
    """What ended a run."""

    FINISHED = "finished"
    """Every row was taken up."""
    STOPPED = "stopped"
    """A safety rule: outage, authentication, failure budget, duration."""
    LEASE_LOST = "lease lost"
    """Another process may work on its rows by now."""
    NOT_KEPT = "not kept"
    """What it did could not be copied to where it would survive this machine."""
    SIGINT = "SIGINT"
    SIGTERM = "SIGTERM"
    SIGHUP = "SIGHUP"


def exit_code_of(counts: Sequence[StatusCount], ending: Ending, *, carried: int = 0) -> Exit:
    """The exit code of a run whose outcomes are on record.

    0 says that every row is done, whatever ended the run: a stop or a signal that came too late to cost a row leaves
    nothing to resume, and a caller who acts on anything else would act on nothing. For the same reason a run that was
    ended early, but has no row to run again, has finished (1). And a run that came to its end but did not attempt some
    rows, because a safety rule closed their scope or their key, was stopped early for those (3): it can be resumed.
    While there are rows that a plan could not do and are `carried` along, not all is done (1), and nothing to resume.
    """
    rows = dict.fromkeys(Status, 0) | {count.status: count.rows for count in counts}
    if not any(rows[status] for status in Status if status.group is not Group.DONE):
        return Exit.NOT_ALL_DONE if carried else Exit.DONE
    if not any(rows[status] for status in Status if status.group is Group.RUN_AGAIN):
        return Exit.NOT_ALL_DONE
    match ending:
        case Ending.FINISHED:
            return Exit.STOPPED_EARLY if rows[Status.NOT_ATTEMPTED] else Exit.NOT_ALL_DONE
        case Ending.STOPPED:
            return Exit.STOPPED_EARLY
        case Ending.LEASE_LOST:
            return Exit.LOCKED
        case Ending.NOT_KEPT:
            return Exit.CANNOT_WRITE
        case Ending.SIGINT | Ending.SIGTERM | Ending.SIGHUP:
            return Exit[ending.name]
        case _:
            assert_never(ending)


def exit_code_on_record(
    sessions: Sequence[SessionRecord], shards: Sequence[ShardFacts], counts: Sequence[StatusCount], *, carried: int
) -> int:
    """That of the last session; of one that was killed or of shards, that which follows from the rows."""
    if sessions and sessions[-1].exit_code is not None and not shards:
        return sessions[-1].exit_code
    over = bool(shards) and all(one.over for one in shards)
    # A killed run was stopped, by something that has no name.
    return exit_code_of(counts, Ending.FINISHED if over else Ending.STOPPED, carried=carried)
