"""One scope of a run from its first row to its last: one dispatcher, many requests in flight, retries in the queue."""

import asyncio
from collections.abc import Callable

import structlog

from batch.engine.bulk_read import AT_LEAST, Sweep, sweep_of
from batch.engine.retry import Phase
from batch.engine.row_queue import RowQueue
from batch.engine.row_worker import RowWorker
from batch.engine.work import Work
from batch.flow.admission import Ticket, Valve
from batch.flow.pacer import nap
from batch.flow.slots import ScopeSlots
from batch.process.clock import Clock
from jobs.model import Scope
from jobs.run_view import ScopeState, ScopeView

_log = structlog.get_logger()
_SHORTEST_NAP_S = 0.001


class Lane:
    """Runs one scope. `open_rows` says how many of its rows have not ended. `on_stop` is told, once, why the remaining
    ones will not be attempted; `on_defect` of an error in this program's own logic.
    """

    def __init__(
        self,
        *,
        queue: RowQueue,
        valve: Valve,
        worker: RowWorker,
        slots: ScopeSlots,
        clock: Clock,
        open_rows: Callable[[], int],
        on_stop: Callable[[str], None],
        on_defect: Callable[[str], None],
    ) -> None:
        self._queue = queue
        self._valve = valve
        self._worker = worker
        self._slots = slots
        self._clock = clock
        self._open_rows = open_rows
        self._on_stop = on_stop
        self._on_defect = on_defect
        self._in_flight: dict[asyncio.Task[None], Work | Sweep | None] = {}
        """What each task is for, until it has begun: one that is cancelled before that never runs at all."""
        self._changed = asyncio.Event()
        self._stopped = False
        self._reason: str | None = None
        self._over = False

    @property
    def in_flight(self) -> int:
        """Requests of this scope that are open now."""
        return len(self._in_flight)

    @property
    def sent(self) -> int:
        """Requests of this scope that have left."""
        return self._valve.sent

    async def run(self) -> None:
        """Works until no row is left or the lane is stopped; then waits for what is in flight and parks the rest."""
        try:
            await self._dispatch()
            while self._in_flight:
                await asyncio.wait(self._in_flight)
        finally:
            self._over = True
            self._slots.leave()
            for work in self._queue.rest():
                self._worker.park(work)

    async def _dispatch(self) -> None:
        try:
            while (item := await self._next()) is not None:
                ticket = await self._admitted(item)
                if ticket is None:
                    self._put_back(item)
                    continue
                task = asyncio.create_task(self._handle(item, ticket))
                self._in_flight[task] = item
                task.add_done_callback(self._landed)
        except Exception as error:  # noqa: BLE001 - a defect must not cut off what is in flight, here or in other scopes
            _log.error("run.defect", exc_info=error)
            self._on_defect(f"internal error: {type(error).__name__}")

    def stop(self) -> None:
        """Starts no more requests; what is in flight is waited for."""
        self._stopped = True
        self._changed.set()

    def stop_for(self, reason: str) -> None:
        """The same for a reason of this scope alone, which is told once."""
        if not self._stopped:
            self._reason = reason
            self.stop()
            self._on_stop(reason)

    def view(self, scope: Scope, open_rows: int) -> ScopeView:
        """How the scope stands now, `open_rows` of its rows not ended."""
        state, again_in_s = self._standing()
        return ScopeView(
            project_id=scope.project_id,
            region=scope.region,
            state=state,
            open_rows=open_rows,
            in_flight=self.in_flight,
            allowed_per_s=self._valve.rate_per_s,
            again_in_s=again_in_s,
            reason=self._reason,
        )

    def _standing(self) -> tuple[ScopeState, float | None]:
        """What it does, and for how many seconds nothing leaves, where that is known."""
        if self._stopped:
            return ScopeState.STOPPED, None
        if self._over:
            return ScopeState.ENDED, None
        now_s = self._clock.now_s()
        state, again_in_s = self._valve.standing(now_s)
        settling_in_s = self._queue.settling_in_s(now_s)
        if state is ScopeState.RUNNING and not self._in_flight and settling_in_s is not None:
            return ScopeState.SETTLING, settling_in_s
        return state, again_in_s

    def cancel(self) -> None:
        """Breaks off what is in flight."""
        self.stop()
        for task in tuple(self._in_flight):
            task.cancel()

    @property
    def stopped(self) -> bool:
        """Whether nothing more may leave."""
        return self._stopped

    def _put_back(self, item: Work | Sweep) -> None:
        if isinstance(item, Sweep):
            self._queue.sweeps.append(item)
        else:
            self._queue.give_back(item)

    async def _next(self) -> Work | Sweep | None:
        while not self._stopped:
            # Before looking: what changes meanwhile, such as a stop by a ledger that breaks, must not be wiped away.
            self._changed.clear()
            now_s = self._clock.now_s()
            if self._queue.sweeps:
                return self._queue.sweeps.popleft()
            work = self._queue.next(now_s, self._valve.rate_per_s)
            if work is not None:
                return self._sweep_from(work, now_s) or work
            if (self._queue.empty and not self._in_flight) or self._gives_up(now_s):
                return None
            # Also while every row waits for its time the service may have been down for too long.
            await nap(self._changed, min(self._queue.next_in_s(now_s), self._valve.patience_s(now_s)))
        return None

    def _sweep_from(self, work: Work, now_s: float) -> Sweep | None:
        """One list in place of many reads, where many rows wait to be read at the same time."""
        if work.progress.phase is not Phase.SETTLE or work.listed:
            return None
        works = [work, *self._queue.take_settling(now_s)]
        if len(works) >= AT_LEAST:
            return sweep_of(works)
        for other in reversed(works[1:]):
            self._queue.give_back(other)
        return None

    async def _admitted(self, item: Work | Sweep) -> Ticket | None:
        """Waits until one request may leave; a slot is held when it returns a ticket, and none where the lane has
        stopped or the row is not wanted any more.

        The wait for the rate comes before the slot, so that waiting scopes hold none; then it is asked again, because
        the wait for the slot may have been long.
        """
        while not self._stopped and self._wanted(item):
            self._changed.clear()
            now_s = self._clock.now_s()
            if self._gives_up(now_s):
                return None
            wait_s = self._valve.wait_s(now_s)
            most = 1 if self._worker.alone else min(self._slots.share, self._valve.concurrency)
            if wait_s > 0 or len(self._in_flight) >= most:
                await nap(self._changed, min(_nap_s(wait_s), self._valve.patience_s(now_s)))
                continue
            await self._slots.acquire(silent=self._valve.silent)
            now_s = self._clock.now_s()
            if not self.stopped and self._wanted(item) and self._valve.wait_s(now_s) <= 0:
                return await self._valve.take(now_s, self._open_rows())
            self._slots.release()
        return None

    def _gives_up(self, now_s: float) -> bool:
        reason = self._valve.given_up(now_s)
        if reason is not None:
            self.stop_for(reason)
        return reason is not None

    def _wanted(self, item: Work | Sweep) -> bool:
        return isinstance(item, Sweep) or self._queue.wanted(item)

    async def _handle(self, item: Work | Sweep, ticket: Ticket) -> None:
        """Only cancellation leaves here."""
        task = asyncio.current_task()
        if task is not None:
            self._in_flight[task] = None
        if self._stopped:
            # Stopped between the ticket and this first step: nothing leaves any more.
            self._put_back(item)
            return
        try:
            await self._worker.handle(item, ticket)
        except asyncio.CancelledError:
            self._worker.leave(item)
            raise
        except Exception as error:  # noqa: BLE001 - a defect must not take other rows with it
            _log.error("run.defect", exc_info=error)
            self._worker.leave(item)
            self._on_defect(f"internal error: {type(error).__name__}")

    def _landed(self, task: asyncio.Task[None]) -> None:
        item = self._in_flight.pop(task)
        if item is not None:
            self._put_back(item)
        self._slots.release()
        self._changed.set()


def _nap_s(wait_s: float) -> float:
    """Where there is nothing to wait for but an answer, for ever; and never less than a timer can tell apart: pacing
    makes up for what that is too long.
    """
    return max(wait_s, _SHORTEST_NAP_S) if wait_s > 0 else float("inf")
