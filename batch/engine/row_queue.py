"""The rows of one scope that are waiting for their turn: pages from the ledger in manifest order, and delayed rows."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

from batch.engine.delayed_rows import DelayedRows
from batch.engine.fresh_rows import FreshRows
from batch.engine.held_rows import HeldRows
from batch.engine.progress import Phase
from batch.engine.refused_rows import RefusedRows
from batch.engine.trials import Trials
from batch.engine.work import Work, intent_of, last_unsent
from batch.flow.ticket import Pass
from jobs.ledger import Intent, OpenRow

_MOST_AT_ONCE = 256
_MOST_PASSED_OVER = 4_096
"""Rows of a key that is held back are passed over; only so many in one go."""
_DOUBTFUL_PER_WITNESS = 3
_MANY = 1_000_000  # More rows left than any rule about the last few asks for.


class RowQueue:
    """Gives rows out one by one. Whatever is given out to be written is intended.

    `intend(intents)` takes intents, which are on record before any of them leaves, and says whether it could;
    `holds(kms_key_id)` says which rows are not wanted now.
    """

    def __init__(
        self,
        fresh: FreshRows,
        *,
        begin: Callable[[OpenRow], Work],
        intend: Callable[[list[Intent]], bool],
        holds: Callable[[str], bool],
    ) -> None:
        self._fresh = fresh
        self._begin = begin
        self._intend = intend
        self._holds = holds
        self._held = HeldRows()
        self._refused = RefusedRows()
        self._trials = Trials()
        self._again: deque[int] = deque()
        self._ready: deque[Work] = deque()
        self._delayed = DelayedRows()
        self.doubtful: set[int] = set()
        """Rows that met no service twice, with others answered between: while they wait, a few unsent ones are kept as
        witnesses."""

    def delay(self, work: Work, due_s: float) -> None:
        """Puts a row aside until `due_s`."""
        self._delayed.add(work, due_s)

    def give_back(self, work: Work) -> None:
        """Takes back a row that could not leave after all; it is first again."""
        self._ready.appendleft(work)

    def chosen_before(self) -> Work | None:
        """A row that was chosen for where it stands, or to try its key, and could not leave."""
        chosen = self._ready and (self._ready[0].streak is not None or self._ready[0].tries_key)
        return self._ready.popleft() if chosen else None

    def refuse(self, work: Work, sent_s: float, *, of_key: bool) -> None:
        """Puts a row aside that was refused for a reason of the moment, by its key or not."""
        self._refused.add(work, sent_s, key=work.progress.update.kms_key_id if of_key else None)

    def accept(self, kms_key_id: str, sent_s: float) -> None:
        """A PUT of this key was accepted that left at `sent_s`: those refused before it are asked once more."""
        for work in self._refused.before(sent_s, kms_key_id):
            self.delay(work, -math.inf)

    def release(self, kms_key_id: str) -> None:
        """Takes the rows of a key up again that were held back: the key is good after all."""
        works, rows = self._held.release(kms_key_id)
        for work in works:
            # Back where their intents are recorded: some were put aside before theirs was.
            self.delay(work, -math.inf)
        self._again.extend(rows)

    def wanted(self, work: Work) -> bool:
        """Whether a row may leave: its key has not been held back since it was given out."""
        held = self._holds(work.progress.update.kms_key_id)
        return not held or work.streak is not None or work.tries_key or work.progress.phase is Phase.SETTLE

    def next(self, now_s: float, per_s: float, wants: Pass = Pass.ROW) -> Work | None:
        """The next row whose time has come; None where there is none now or nothing can be recorded.

        At a low rate few intents are recorded ahead of their requests, so that a crash leaves few rows in doubt.
        """
        at_once = max(1, int(min(_MOST_AT_ONCE, per_s / 4)))
        if wants is not Pass.TRIAL:
            self._trials.clear()
        elif self._ready and self._trials.knows(self._ready[0]):
            return self._ready.popleft()
        elif (work := self._trial(now_s, at_once)) is not None:
            return work
        if wants is Pass.ELSEWHERE and (work := self.elsewhere()) is not None:
            return work
        return self._in_order(now_s, at_once)

    def elsewhere(self, *, of_key: str | None = None) -> Work | None:
        """A row far from the next one, of one key or of any; one that has not been sent, as long as there are any."""
        chosen = partial(self._fresh.elsewhere, of_key=of_key, holds=self._holds)
        row = (chosen() if self._fresh.unsent else None) or self._passed_over(of_key)
        if row is None:
            work = last_unsent(self._ready, lambda key: key == of_key if of_key else not self._holds(key))
            if work is not None:
                return work
            row = chosen()
        work = None if row is None else self._begin(row)
        return work if work is not None and self._intended([work]) else None

    def _passed_over(self, of_key: str | None) -> OpenRow | None:
        """The last row of a key that was passed over while the key was held, also if it has been released since."""
        number = None if of_key is None else self._held.pop(of_key, last=True)
        row = None if number is None else self._fresh.one(number)
        if row is not None or not self._again:
            return row
        row = self._fresh.one(self._again[-1])
        if row is None or row.update.kms_key_id != of_key:
            return None
        self._again.pop()
        return row

    def of_held_key(self, kms_key_id: str) -> Work | None:
        """One row of a key that is held, to see whether it still has to be; None where none is left."""
        number = self._held.pop(kms_key_id, last=False)
        row = None if number is None else self._fresh.one(number)
        work = self._held.pop_kept(kms_key_id) if row is None else self._begin(row)
        work = work or self._refused.pop(kms_key_id)
        if work is None or not self._intended([work]):
            return None
        work.tries_key = True
        return work

    def ask_refused_again(self) -> bool:
        """Where nothing else is left: whether there were rows that were refused once, which are now asked once more."""
        works = self._refused.all_but(self._holds)
        for work in works:
            self.delay(work, -math.inf)
        return bool(works)

    def next_in_s(self, now_s: float) -> float:
        """Seconds until it is worth asking again; infinite where only another row's answer can bring one."""
        more = self._again or not (self._fresh.exhausted or (self.doubtful and self._delayed.to_send))
        if self._ready or (more and not self._delayed.full):
            return 0.0
        return self._delayed.next_in_s(now_s)

    @property
    def empty(self) -> bool:
        """Whether no row will ever come again unless one is put aside."""
        return self._fresh.exhausted and not (self._again or self._ready or self._delayed)

    def settling_in_s(self, now_s: float) -> float | None:
        """Seconds until the next row is read, where all that are left wait for that; None where there are others."""
        waits = bool(self._delayed) and not self._ready and self.nothing_to_write
        return self._delayed.next_in_s(now_s) if waits else None

    @property
    def nothing_to_write(self) -> bool:
        """Whether no row is left here but such as are read to settle their doubt."""
        return not self.left_to_write()

    def left_to_write(self) -> int:
        """How many rows are left here to be written; where the ledger has more, too many to matter."""
        if not self._fresh.exhausted:
            return _MANY
        ready = sum(work.progress.phase is not Phase.SETTLE for work in self._ready)
        return len(self._again) + ready + self._delayed.to_send

    def rest(self) -> Iterator[Work]:
        """Empties the queue of the rows that were taken up; those still in the ledger's pages were not."""
        yield from self._ready
        self._ready.clear()
        yield from self._delayed.rest()
        yield from self._refused.rest()
        yield from self._held.rest()

    def _trial(self, now_s: float, at_once: int) -> Work | None:
        """The row that tries whether the service is back: one of a few, in turn, however long each was to wait."""
        if self._trials.wants_more:
            work = self.elsewhere() or self._in_order(now_s, at_once)
            if work is not None:
                self._trials.add(work)
                return work
        work = self._trials.pull(self._delayed)
        return work if work is not None and self._sifted(work) and self._intended([work]) else None

    def _in_order(self, now_s: float, at_once: int) -> Work | None:
        if not self._ready:
            self._fill(now_s, at_once)
        while self._ready:
            work = self._ready.popleft()
            if self._sifted(work):
                return work
        return None

    def _sifted(self, work: Work) -> bool:
        """Whether a row continues. One of a key that is held back is kept apart, or read where it is in doubt."""
        if self.wanted(work):
            return True
        if work.progress.doubt:
            work.progress = work.progress.settling()
            return True
        self._held.keep(work)
        return False

    def _fill(self, now_s: float, at_once: int) -> None:
        batch = self._delayed.due_to_send(now_s, at_once)
        batch.extend(self._begin(row) for row in self._new(at_once - len(batch)))
        batch.extend(self._delayed.due_to_read(now_s, 1 if batch else at_once))
        # Sifted before anything is recorded: whatever stays has its intent, also if its key turns good meanwhile.
        batch = [work for work in batch if self._sifted(work)]
        if self._intended(batch):
            self._ready.extend(batch)

    def _intended(self, batch: list[Work]) -> bool:
        """Has what is about to be sent put on record; where that fails, nothing of it may leave."""
        to_write = [work for work in batch if work.needs_intent]
        if to_write and not self._intend([intent_of(work) for work in to_write]):
            for work in batch:
                self.delay(work, math.inf)
            return False
        for work in to_write:
            work.intended = True
        return True

    def _new(self, wanted: int) -> list[OpenRow]:
        rows: list[OpenRow] = []
        passed_over = 0
        if self.doubtful and self._delayed.to_send and not self._again:
            wanted = min(wanted, self._fresh.left - len(self.doubtful) // _DOUBTFUL_PER_WITNESS)
        while len(rows) < wanted and not self._delayed.full and (row := self._take()) is not None:
            if row.doubt or not self._holds(row.update.kms_key_id):
                rows.append(row)
                continue
            self._held.pass_over(row.update.kms_key_id, row.row)
            passed_over += 1
            if passed_over >= _MOST_PASSED_OVER:
                break
        return rows

    def _take(self) -> OpenRow | None:
        """The next row of the ledger, those that were passed over first."""
        return self._fresh.one(self._again.popleft()) if self._again else self._fresh.take()
