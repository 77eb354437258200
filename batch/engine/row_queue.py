"""The rows of one scope that are waiting for their turn: pages from the ledger in manifest order, and delayed rows."""

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator

from batch.engine.held_rows import HeldRows
from batch.engine.retry import Phase
from batch.engine.work import Work, intent_of
from jobs.ledger import Intent, OpenRow

_PAGE = 256
# Rows that wait for another try are held in memory; beyond this many, no new ones are taken up.
_MOST_DELAYED = 1_000
_MOST_AT_ONCE = 256
# Rows of a key that is held back are passed over; only so many before others get their turn.
_MOST_PASSED_OVER = 4_096


class RowQueue:
    """Gives rows out one by one. Whatever is given out to be written has its intent on record.

    `page(after_row, limit)` reads open rows; `intend(intents)` records intents and says whether that worked;
    `holds(kms_key_id)` says which rows are not wanted now.
    """

    def __init__(
        self,
        *,
        page: Callable[[int, int], list[OpenRow]],
        begin: Callable[[OpenRow], Work],
        intend: Callable[[list[Intent]], bool],
        holds: Callable[[str], bool],
    ) -> None:
        self._read_page = page
        self._begin = begin
        self._intend = intend
        self._holds = holds
        self._held = HeldRows()
        self._again: deque[int] = deque()
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

    def release(self, kms_key_id: str) -> None:
        """Takes the rows of a key up again that were held back: the key is good after all."""
        works, rows = self._held.release(kms_key_id)
        for work in works:
            # Back where their intents are recorded: some were put aside before theirs was.
            self.delay(work, -math.inf)
        self._again.extend(rows)

    def wanted(self, work: Work) -> bool:
        """Whether a row may leave as it is: its key has not been held back since it was given out."""
        return work.progress.phase is Phase.SETTLE or not self._holds(work.progress.update.kms_key_id)

    def next(self, now_s: float, per_s: float) -> Work | None:
        """The next row whose time has come; None where there is none now or nothing can be recorded.

        At a low rate few intents are recorded ahead of their requests, so that a crash leaves few rows in doubt.
        """
        if not self._ready:
            self._fill(now_s, at_once=max(1, int(min(_MOST_AT_ONCE, per_s / 4))))
        while self._ready:
            work = self._ready.popleft()
            if self._sifted(work):
                return work
        return None

    def next_in_s(self, now_s: float) -> float:
        """Seconds until it is worth asking again; infinite where only another row's answer can bring one."""
        more = self._page or self._again or not self._exhausted
        if self._ready or (more and len(self._delayed) < _MOST_DELAYED):
            return 0.0
        return max(0.0, self._delayed[0][0] - now_s) if self._delayed else math.inf

    @property
    def empty(self) -> bool:
        """Whether no row will ever come again unless one is put aside."""
        return self._exhausted and not (self._page or self._again or self._ready or self._delayed)

    def settling_in_s(self, now_s: float) -> float | None:
        """Seconds until the next row is read, where all that are left wait for that; None where there are others."""
        if not self._delayed or self._ready or not self.nothing_to_write:
            return None
        return max(0.0, self._delayed[0][0] - now_s)

    @property
    def nothing_to_write(self) -> bool:
        """Whether no row is left here but such as are read to settle their doubt."""
        rows = (*self._ready, *(entry[2] for entry in self._delayed))
        return (
            self._exhausted
            and not (self._page or self._again)
            and all(work.progress.phase is Phase.SETTLE for work in rows)
        )

    def rest(self) -> Iterator[Work]:
        """Empties the queue of the rows that were taken up; those still in the ledger's pages were not."""
        while self._ready:
            yield self._ready.popleft()
        while self._delayed:
            yield heapq.heappop(self._delayed)[2]
        yield from self._held.rest()

    def _sifted(self, work: Work) -> bool:
        """Whether a row goes on. One of a key that is held back is kept apart, or read where it is in doubt."""
        if self.wanted(work):
            return True
        if work.progress.doubt:
            work.progress = work.progress.settling()
            return True
        self._held.keep(work)
        return False

    def _fill(self, now_s: float, at_once: int) -> None:
        batch: list[Work] = []
        while len(batch) < at_once and self._delayed and self._delayed[0][0] <= now_s:
            batch.append(heapq.heappop(self._delayed)[2])
        batch.extend(self._fresh(at_once - len(batch)))
        # Sifted before anything is recorded: whatever stays has its intent, also if its key turns good meanwhile.
        batch = [work for work in batch if self._sifted(work)]
        to_write = [work for work in batch if work.needs_intent]
        if to_write and not self._intend([intent_of(work) for work in to_write]):
            for work in batch:
                self.delay(work, math.inf)
            return
        for work in to_write:
            work.intended = True
        self._ready.extend(batch)

    def _fresh(self, wanted: int) -> Iterator[Work]:
        passed_over = 0
        while wanted > 0 and len(self._delayed) < _MOST_DELAYED and (row := self._take()) is not None:
            if not row.doubt and self._holds(row.update.kms_key_id):
                self._held.pass_over(row.update.kms_key_id, row.row)
                passed_over += 1
                if passed_over >= _MOST_PASSED_OVER:
                    return
                continue
            wanted -= 1
            yield self._begin(row)

    def _take(self) -> OpenRow | None:
        """The next row of the ledger, those that were passed over first."""
        if self._again:
            return next(iter(self._read_page(self._again.popleft() - 1, 1)), None)
        return self._page.popleft() if self._turn_page() else None

    def _turn_page(self) -> bool:
        if not self._page and not self._exhausted:
            self._page.extend(self._read_page(self._after_row, _PAGE))
            self._exhausted = len(self._page) < _PAGE
            if self._page:
                self._after_row = self._page[-1].row
        return bool(self._page)
