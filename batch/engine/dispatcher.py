"""Runs one scope from its first row to its last: one dispatcher, many requests in flight, retries in the queue."""

import asyncio
from functools import partial

import structlog

from batch.engine.row_queue import RowQueue
from batch.engine.row_worker import RowWorker
from batch.engine.scope import ScopeRun
from batch.engine.work import Work
from batch.flow.admission import Admission, Ticket
from jobs.run_view import ScopeState, ScopeView

_log = structlog.get_logger()


class Dispatcher:
    """Runs one scope."""

    def __init__(self, scope: ScopeRun, queue: RowQueue, admission: Admission, worker: RowWorker) -> None:
        self.scope = scope
        self._queue = queue
        self._admission = admission
        self._worker = worker
        self._tasks: dict[asyncio.Task[None], Work | None] = {}
        """What each task is for, until it has begun: one that is cancelled before that never runs at all."""
        self._over = False

    @property
    def sent(self) -> int:
        """Requests of this scope that have left."""
        return self._admission.sent

    async def run(self) -> None:
        """Works until no row is left or the scope is stopped; then waits for what is in flight and parks the rest."""
        try:
            await self._dispatch()
            while self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            self._over = True
            self._admission.close()
            for work in self._queue.rest():
                self._worker.park(work)

    def stop(self) -> None:
        """Starts no more requests; what is in flight is waited for."""
        self.scope.switch.stop()

    def cancel(self) -> None:
        """Breaks off what is in flight."""
        self.stop()
        for task in tuple(self._tasks):
            task.cancel()

    def view(self) -> ScopeView:
        """How the scope stands now."""
        state, again_in_s = self._state()
        place = self.scope.opened.scope
        return ScopeView(
            project_id=place.project_id,
            region=place.region,
            state=state,
            open_rows=self.scope.open_rows,
            in_flight=len(self._tasks),
            allowed_per_s=self._admission.rate_per_s,
            again_in_s=again_in_s,
            reason=self.scope.reason,
        )

    def _state(self) -> tuple[ScopeState, float | None]:
        """What it does, and for how many seconds nothing leaves, where that is known."""
        if self.scope.switch.stopped:
            return ScopeState.STOPPED, None
        if self._over:
            return ScopeState.ENDED, None
        now_s = self.scope.clock.now_s()
        state, again_in_s = self._admission.standing(now_s)
        settling_in_s = self._queue.settling_in_s(now_s)
        if state is ScopeState.RUNNING and not self._tasks and settling_in_s is not None:
            return ScopeState.SETTLING, settling_in_s
        return state, again_in_s

    async def _dispatch(self) -> None:
        try:
            while (work := await self._next()) is not None:
                ticket = await self._admission.enter(partial(self._queue.wanted, work), open_rows=self.scope.open_rows)
                if ticket is None:
                    self._queue.give_back(work)
                    continue
                task = asyncio.create_task(self._handle(work, ticket))
                self._tasks[task] = work
                task.add_done_callback(self._landed)
        except Exception as error:  # noqa: BLE001 - a defect must not cut off what is in flight, here or in other scopes
            self._defect(error)

    async def _next(self) -> Work | None:
        """The next row; None where none will come any more, or nothing may be sent."""
        switch = self.scope.switch
        while not switch.stopped:
            # Before looking: what changes meanwhile, such as a stop by a ledger that breaks, must not be wiped away.
            switch.changed.clear()
            now_s = self.scope.clock.now_s()
            if (reason := self._admission.given_up(now_s)) is not None:
                self.scope.stop_for(reason)
                return None
            work = self._queue.next(now_s, self._admission.rate_per_s)
            if work is not None or (self._queue.empty and not self._tasks):
                return work
            # Also while every row waits for its time the service may have been down for too long.
            await switch.nap(min(self._queue.next_in_s(now_s), self._admission.patience_s(now_s)))
        return None

    async def _handle(self, work: Work, ticket: Ticket) -> None:
        """Only cancellation leaves here."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks[task] = None
        if self.scope.switch.stopped:
            # Stopped between the ticket and this first step: nothing leaves any more.
            self._queue.give_back(work)
            return
        try:
            await self._worker.handle(work, ticket)
        except asyncio.CancelledError:
            self._worker.leave(work)
            raise
        except Exception as error:  # noqa: BLE001 - a defect must not take other rows with it
            self._worker.leave(work)
            self._defect(error)

    def _landed(self, task: asyncio.Task[None]) -> None:
        work = self._tasks.pop(task)
        if work is not None:
            self._queue.give_back(work)
        self._admission.leave()

    def _defect(self, error: Exception) -> None:
        _log.error("run.defect", exc_info=error)
        self.scope.events.defect(f"internal error: {type(error).__name__}")
