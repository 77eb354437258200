"""Counts failed rows against what the user is ready to lose before a run stops."""

from jobs.model import Group, Status
from jobs.printable import counted
from jobs.spec import FailureLimit

# A percentage of a handful of rows is chance.
_LEAST_ROWS = 100


class FailureBudget:
    """Rows that ended, over all scopes of a session; rows that were never sent do not count."""

    def __init__(self, limit: FailureLimit | None) -> None:
        self._limit = limit
        self._ended = 0
        self._failed = 0

    def note(self, status: Status) -> str | None:
        """Counts a row; why the run has to stop, if it has to."""
        limit = self._limit
        if limit is None:
            return None
        self._ended += 1
        self._failed += status.group is not Group.DONE
        if limit.count is not None:
            exceeded = self._failed > limit.count
        else:
            share = self._failed * 100.0 > (limit.percent or 0.0) * self._ended
            exceeded = self._ended >= _LEAST_ROWS and share
        return (
            f"{self._failed} of {counted(self._ended, 'row')} failed, more than --max-failures {limit}"
            if exceeded
            else None
        )
