"""The rows of one scope that wait for a moment: to be sent again, or to be read because they are in doubt."""

import heapq
import math
from collections.abc import Iterator

from batch.engine.progress import Phase
from batch.engine.work import Work

# Both are held in memory; beyond so many, no new rows are taken up. Those to be read wait for a minute at least.
_MOST_TO_SEND = 1_000
_MOST_TO_READ = 10_000
Waiting = tuple[float, int, Work]
"""When a row is due, the order in which it was put aside, and the row."""


class DelayedRows:
    """Keeps rows that are sent again apart from those that are only read: these go when nothing is to be sent, and one
    of them now and then between.
    """

    def __init__(self) -> None:
        self._to_send: list[Waiting] = []
        self._to_read: list[Waiting] = []
        self._order = 0

    def __bool__(self) -> bool:
        return bool(self._to_send or self._to_read)

    @property
    def to_send(self) -> int:
        """How many wait to be sent again."""
        return len(self._to_send)

    @property
    def full(self) -> bool:
        """Whether no new rows are to be taken up."""
        return len(self._to_send) >= _MOST_TO_SEND or len(self._to_read) >= _MOST_TO_READ

    def add(self, work: Work, due_s: float) -> None:
        """Puts a row aside until `due_s`."""
        self._order += 1
        where = self._to_read if work.progress.phase is Phase.SETTLE else self._to_send
        heapq.heappush(where, (due_s, self._order, work))

    def due_to_send(self, now_s: float, most: int) -> list[Work]:
        """Takes out rows that are to be sent again, the one that has been due for longest first."""
        return _due(self._to_send, now_s, most)

    def due_to_read(self, now_s: float, most: int) -> list[Work]:
        """The same for rows that are only read."""
        return _due(self._to_read, now_s, most)

    def pull(self, row: int) -> Work | None:
        """Takes out a row that is to be sent again, due or not."""
        for waiting in self._to_send:
            if waiting[2].row == row:
                self._to_send.remove(waiting)
                heapq.heapify(self._to_send)
                return waiting[2]
        return None

    def next_in_s(self, now_s: float) -> float:
        """Seconds until the next of them is due; infinite where there is none."""
        due_s = min((waiting[0][0] for waiting in (self._to_send, self._to_read) if waiting), default=math.inf)
        return max(0.0, due_s - now_s)

    def rest(self) -> Iterator[Work]:
        """Empties it."""
        for waiting in (self._to_send, self._to_read):
            while waiting:
                yield heapq.heappop(waiting)[2]


def _due(waiting: list[Waiting], now_s: float, most: int) -> list[Work]:
    due: list[Work] = []
    while len(due) < most and waiting and waiting[0][0] <= now_s:
        due.append(heapq.heappop(waiting)[2])
    return due
