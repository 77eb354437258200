"""The exit code, which follows from how the rows ended and only then from how the run did."""

from collections.abc import Sequence
from enum import Enum
from typing import assert_never

from jobs.ledger import StatusCount
from jobs.model import Group, Status

ALL_DONE = 0
NOT_ALL_DONE = 1
STOPPED_EARLY = 3


class Ending(Enum):
    """What ended a run."""

    FINISHED = "finished"
    """Every row was taken up."""
    STOPPED = "stopped"
    """A safety rule: outage, authentication, failure budget, duration."""
    SIGINT = "SIGINT"
    SIGTERM = "SIGTERM"
    SIGHUP = "SIGHUP"


def exit_code_of(counts: Sequence[StatusCount], ending: Ending) -> int:
    """The exit code of a run whose outcomes are on record.

    0 says that every row is done, whatever ended the run: a stop or a signal that came too late to cost a row leaves
    nothing to resume, and a caller who acts on anything else would act on nothing. For the same reason a run that was
    ended early, but has no row to run again, has finished (1). And a run that came to its end but did not attempt some
    rows, because a safety rule closed their scope or their key, was stopped early for those (3): it can be resumed.
    """
    rows = dict.fromkeys(Status, 0) | {count.status: count.rows for count in counts}
    if not any(rows[status] for status in Status if status.group is not Group.DONE):
        return ALL_DONE
    if not any(rows[status] for status in Status if status.group is Group.RUN_AGAIN):
        return NOT_ALL_DONE
    match ending:
        case Ending.FINISHED:
            return STOPPED_EARLY if rows[Status.NOT_ATTEMPTED] else NOT_ALL_DONE
        case Ending.STOPPED:
            return STOPPED_EARLY
        case Ending.SIGINT:
            return 130
        case Ending.SIGTERM:
            return 143
        case Ending.SIGHUP:
            return 129
        case _:
            assert_never(ending)
