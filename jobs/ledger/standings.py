"""How many rows of a ledger stand how: all are read once, and what is asked of them follows from a few counts."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from jobs.ledger.told_row import CARRIED
from jobs.model import Status, StatusCount
from jobs.next_run import SoFar
from jobs.run_view import Backlog

BEYOND_LIMIT = 2
_ALL = " ".join(Status)
# SQLite sorts rows to group them: with one number for all that they have in common, in half the time. A status that no
# release knows may share its number with others: with those that have none, or with one that begins with it. It is the
# greater or the less of two then, and refused all the same.
_COUNT = f"""SELECT (r.leader IS NOT NULL) + 2 * l.doubt + 4 * (l.attempts > 0) + 8 * l.left_out
    + 64 * instr('{_ALL}', COALESCE(l.status, '-')), MIN(l.status), MAX(l.status), COUNT(*)
    FROM row r JOIN stand l ON l.row = COALESCE(r.leader, r.row) GROUP BY 1"""  # noqa: S608 - from an enum
_FAILED = frozenset({Status.FAILED, Status.UNKNOWN})
_ACCEPTED = frozenset({Status.UPDATED, Status.VERIFIED})


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """So many `rows` stand alike. Those that `follow` repeat an earlier row and share how that one stands; `status` is
    None until they have ended, and `left_out` is the ledger's own number.
    """

    follow: bool
    left_out: int
    status: Status | None
    doubt: bool
    sent: bool
    rows: int

    @property
    def told(self) -> Status:
        """The status that is reported of them."""
        if self.status is not None:
            return self.status
        return Status.UNKNOWN if self.doubt else Status.NOT_ATTEMPTED


class Standings:
    """Counts again only after something was written."""

    def __init__(
        self,
        written: Callable[[], int],
        query: Callable[[str], Iterable[tuple[Any, ...]]],
        status: Callable[[str], Status],
    ) -> None:
        """`written` says how much was written so far, `query` runs a statement, and `status` knows the statuses of this
        release.
        """
        self._written = written
        self._query = query
        self._status = status
        self._counted: tuple[int, tuple[Standing, ...]] | None = None

    def counts(self) -> tuple[StatusCount, ...]:
        """Rows by status, every status once, in the order of `Status`; those left out are not among them."""
        found = [one for one in self._all() if not one.left_out]
        return tuple(StatusCount(status=status, rows=_sum(found, lambda one: one.told is status)) for status in Status)  # noqa: B023 - called at once

    def left_out(self) -> int:
        """How many rows were left out."""
        return _sum(self._all(), lambda one: one.left_out != 0)

    def carried(self) -> int:
        """How many of them are there because the plan could not do them."""
        return _sum(self._all(), lambda one: one.left_out == CARRIED)

    def backlog(self, *, also_failed: bool) -> Backlog:
        """How many rows are open, also those that a session which takes failed rows up again will open, and how the
        others ended.
        """
        again = _FAILED if also_failed else frozenset()
        rows: dict[Status, int] = {}
        open_rows = 0
        for one in self._own():
            if one.status is None or one.status in again:
                open_rows += one.rows
            else:
                rows[one.status] = rows.get(one.status, 0) + one.rows
        ended = tuple(StatusCount(status=status, rows=count) for status, count in rows.items())
        return Backlog(open_rows=open_rows, ended=ended)

    def so_far(self) -> SoFar:
        """How far the job has come; rows that repeat an earlier one count with it."""
        own = list(self._own())
        return SoFar(
            rows=_sum(own, lambda _: True),
            again=_sum(own, lambda one: one.status is None or one.status in _FAILED),
            failed=_sum(own, lambda one: one.status in _FAILED),
            in_doubt=_sum(own, lambda one: one.told is Status.UNKNOWN),
            sent=_sum(own, lambda one: one.sent),
            accepted=_sum(own, lambda one: one.status in _ACCEPTED),
            beyond_limit=_sum(self._all(), lambda one: not one.follow and one.left_out == BEYOND_LIMIT),
        )

    def _own(self) -> Iterator[Standing]:
        return (one for one in self._all() if not one.follow and not one.left_out)

    def _all(self) -> tuple[Standing, ...]:
        written = self._written()
        if self._counted is None or self._counted[0] != written:
            self._counted = written, tuple(map(self._standing, self._query(_COUNT)))
        return self._counted[1]

    def _standing(self, values: tuple[Any, ...]) -> Standing:
        number, *found, rows = values
        status, _ = (None if text is None else self._status(text) for text in found)
        return Standing(
            follow=bool(number & 1),
            doubt=bool(number & 2),
            sent=bool(number & 4),
            left_out=number // 8 % 8,
            status=status,
            rows=rows,
        )


def _sum(found: Iterable[Standing], which: Callable[[Standing], bool]) -> int:
    return sum(one.rows for one in found if which(one))
