"""The rows of one scope that are waiting for their turn: pages from the ledger in manifest order, and delayed rows."""

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator

from batch.work import Work, intent_of
from jobs.ledger import Intent, OpenRow

_PAGE = 256
# Rows that wait for another try are held in memory; beyond this many, no new ones are taken up.
_MOST_DELAYED = 1_000
_MOST_AT_ONCE = 256


class RowQueue:
    """Gives rows out one by one. Whatever is given out to be written has its intent on record.

    `page(after_row, limit)` reads open rows; `intend(intents)` records intents and says whether that worked.
    """

    def __init__(
        self,
        *,
        page: Callable[[int, int], list[OpenRow]],
        begin: Callable[[OpenRow], Work],
        intend: Callable[[list[Intent]], bool],
    ) -> None:
        self._read_page = page
        self._begin = begin
        self._intend = intend
        self._page: deque[OpenRow] = deque()
        self._after_row = 0
        self._exhausted = False
        self._ready: deque[Work] = deque()
        self._delayed: list[tuple[float, int, Work]] = []
        self._order = 0

    def delay(self, work: Work, due_s: float) -> None:
        """Puts a row aside until `due_s`."""
        self._order += 1
        heapq.heappush(self._delayed, (due_s, self._order, work))

    def give_back(self, work: Work) -> None:
        """Takes back a row that could not leave after all; it is first again."""
        self._ready.appendleft(work)

    def next(self, now_s: float, per_s: float) -> Work | None:
        """The next row whose time has come; None where there is none now or nothing can be recorded.

        At a low rate few intents are recorded ahead of their requests, so that a crash leaves few rows in doubt.
        """
        if not self._ready:
            self._fill(now_s, at_once=max(1, int(min(_MOST_AT_ONCE, per_s / 4))))
        return self._ready.popleft() if self._ready else None

    def due_in_s(self, now_s: float) -> float:
        """Seconds until a delayed row's time comes; infinite where none is delayed."""
        return max(0.0, self._delayed[0][0] - now_s) if self._delayed else math.inf

    @property
    def empty(self) -> bool:
        """Whether no row will ever come again unless one is put aside."""
        return self._exhausted and not self._page and not self._ready and not self._delayed

    def rest(self) -> Iterator[Work]:
        """Empties the queue of the rows that were taken up; those still in the ledger's pages were not."""
        while self._ready:
            yield self._ready.popleft()
        while self._delayed:
            yield heapq.heappop(self._delayed)[2]

    def _fill(self, now_s: float, at_once: int) -> None:
        batch: list[Work] = []
        while len(batch) < at_once and self._delayed and self._delayed[0][0] <= now_s:
            batch.append(heapq.heappop(self._delayed)[2])
        while len(batch) < at_once and len(self._delayed) < _MOST_DELAYED and self._turn_page():
            batch.append(self._begin(self._page.popleft()))
        to_write = [work for work in batch if work.needs_intent]
        if to_write and not self._intend([intent_of(work) for work in to_write]):
            for work in batch:
                self.delay(work, math.inf)
            return
        for work in to_write:
            work.intended = True
        self._ready.extend(batch)

    def _turn_page(self) -> bool:
        if not self._page and not self._exhausted:
            self._page.extend(self._read_page(self._after_row, _PAGE))
            self._exhausted = len(self._page) < _PAGE
            if self._page:
                self._after_row = self._page[-1].row
        return bool(self._page)
