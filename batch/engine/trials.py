"""The few rows that try, in turn, whether a service that was down is back: in one outage never more than five."""

from collections.abc import Iterator

from batch.engine.delayed_rows import DelayedRows
from batch.engine.work import Work

_MOST = 5


class Trials:
    """Row numbers in the order of their last trial."""

    def __init__(self) -> None:
        self._rows: dict[int, None] = {}

    @property
    def wants_more(self) -> bool:
        """Whether one more row may be used for it."""
        return len(self._rows) < _MOST

    def knows(self, work: Work) -> bool:
        """Whether a row is one of them."""
        return work.row in self._rows

    def add(self, work: Work) -> None:
        """One more row tries it."""
        self._rows[work.row] = None

    def pull(self, delayed: DelayedRows) -> Work | None:
        """Takes the next of them out of the rows that wait, however long it was to wait."""
        return next(filter(None, map(delayed.pull, self.in_turn())), None)

    def in_turn(self) -> Iterator[int]:
        """The rows, the one that has waited longest first; the last one that was taken is the last next time."""
        for row in tuple(self._rows):
            del self._rows[row]
            self._rows[row] = None
            yield row

    def clear(self) -> None:
        """The outage is over."""
        self._rows.clear()
