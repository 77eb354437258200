"""Runs one scope from its first row to its last: one dispatcher, many requests in flight, retries in the queue."""

import asyncio
import math
from functools import partial

import msgspec
import structlog

from batch.engine.beforehand import Beforehand
from batch.engine.fail_fast import FailFast, Streak
from batch.engine.row_queue import RowQueue
from batch.engine.row_worker import RowWorker
from batch.engine.scope import ScopeRun
from batch.engine.work import Work
from batch.flow.admission import Admission
from batch.flow.ticket import Pass, Ticket
from jobs.rate import Rate
from jobs.run_view import ScopeState, ScopeView

_log = structlog.get_logger()
# A shorter wait after a refusal is part of the pace.
_WAIT_S = 1.0


class Dispatcher:
    """Runs one scope."""

    def __init__(
        self, scope: ScopeRun, queue: RowQueue, *, admission: Admission, worker: RowWorker, fail_fast: FailFast
    ) -> None:
        self.scope = scope
        self._queue = queue
        self._admission = admission
        self._worker = worker
        self._fail_fast = fail_fast
        self._before: tuple[Beforehand, ...] = ()
        self._tried_at_last: set[str] = set()
        """Held keys that were tried once more when nothing else was left."""
        self._tasks: dict[asyncio.Task[None], Work | None] = {}
        """What each task is for, until it has begun: one that is cancelled before that never runs at all."""
        self._over = False

    def begin_with(self, *before: Beforehand) -> None:
        """This comes before everything else."""
        self._before = before

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

    def obey(self, rate: Rate, *, paused: bool) -> None:
        """Sends at this rate from now on, or nothing until the pause is over."""
        self._admission.allow(rate)
        if paused:
            self._admission.pause()
        else:
            self._admission.proceed()

    def cancel(self) -> None:
        """Breaks off what is in flight."""
        self.stop()
        for one in self._before:
            one.cancel()
        for task in tuple(self._tasks):
            task.cancel()

    def view(self) -> ScopeView:
        """How the scope stands now."""
        admission, reading = self._admission, self._admission.reading
        state, again_in_s = self.state()
        place, clean = self.scope.opened.scope, self.scope.recorder.clean
        held, login = self._fail_fast.held_over(), admission.login
        view = ScopeView(
            project_id=place.project_id,
            region=place.region,
            state=state,
            open_rows=self.scope.open_rows,
            in_flight=len(self._tasks),
            allowed_per_s=admission.rate_per_s,
            asked_per_s=admission.asked_per_s,
            named_per_s=admission.named_per_s,
            accepted_per_s=reading.accepted_per_s,
            refused=reading.refused,
            unanswered=reading.unanswered,
            code=clean(reading.code if login is None else login.code),
            again_in_s=again_in_s,
            gives_up_in_s=admission.gives_up_in_s(self.scope.clock.now_s()),
            reason=self.scope.reason,
            held_keys=len(self._fail_fast.held()),
            held_reason=None if held is None else clean(held),
            login=None if login is None else clean(login.source),
        )
        slowed = view.state is ScopeState.RUNNING and view.slowed
        return msgspec.structs.replace(view, state=ScopeState.SLOWED) if slowed else view

    def state(self) -> tuple[ScopeState, float | None]:
        """What it does, and for how many seconds nothing leaves, where that is known."""
        if self.scope.switch.stopped:
            return ScopeState.STOPPED, None
        if self._over or self.scope.waits:
            return (ScopeState.WAITING if self.scope.waits else ScopeState.ENDED), None
        if self.scope.switch.paused:
            return ScopeState.PAUSED, None
        now_s = self.scope.clock.now_s()
        state, again_in_s = self._admission.standing(now_s)
        settling_in_s = self._queue.settling_in_s(now_s)
        if state is ScopeState.RUNNING and not self._tasks and settling_in_s is not None:
            return ScopeState.SETTLING, settling_in_s
        if state is ScopeState.THROTTLED and (again_in_s is None or again_in_s < _WAIT_S):
            return ScopeState.RUNNING, None
        return state, again_in_s

    async def _dispatch(self) -> None:
        try:
            for one in self._before:
                await one.run()
            while (work := await self._next()) is not None:
                ticket = await self._admission.enter(
                    partial(self._queue.wanted, work),
                    rows_left=self._queue.left_to_write,
                    elsewhere=self._admission.wants is Pass.ELSEWHERE,
                )
                if ticket is None or not self._worker.may_leave(work, ticket):
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
            work = self._chosen(now_s)
            if work is not None or (self._queue.empty and not self._tasks and not self._once_more()):
                return work
            # Also while every row waits for its time the service may have been down for too long.
            await switch.nap(min(self._again_in_s(now_s), self._admission.patience_s(now_s)))
        return None

    def _chosen(self, now_s: float) -> Work | None:
        """The row to send next: one from elsewhere while a streak of refusals is in doubt, else the next in order."""
        if (work := self._queue.chosen_before()) is not None:
            return work
        if self._fail_fast.calm:
            return self._queue.next(now_s, self._admission.rate_per_s, self._admission.wants)
        if (streak := self._fail_fast.of_scope) is not None:
            return self._from_elsewhere(streak)
        for of_key in tuple(self._fail_fast.of_keys()):
            if (work := self._from_elsewhere(of_key)) is not None:
                return work
        key = self._fail_fast.due(now_s)
        if key is not None:
            self._fail_fast.hold(key, now_s)
            if (work := self._queue.of_held_key(key)) is not None:
                return work
        return self._queue.next(now_s, self._admission.rate_per_s, self._admission.wants)

    def _from_elsewhere(self, streak: Streak) -> Work | None:
        """One of up to three rows that show whether a refusal is true of all; where none was accepted, it is."""
        if streak.wants_more:
            work = self._queue.elsewhere(of_key=streak.key)
            if work is not None:
                work.streak = streak
                streak.sent += 1
                return work
        if streak.waits:
            return None
        if streak.key is None:
            self.scope.stop_for(streak.reason)
        else:
            self._fail_fast.hold(streak.key, self.scope.clock.now_s())
            self.scope.events.key_held(self.scope.opened, streak.key, f"held back: {streak.reason}")
        return None

    def _once_more(self) -> bool:
        """Nothing else is left: rows that were refused are asked once more, and each held key is tried once more."""
        if self._queue.ask_refused_again():
            return True
        for key in self._fail_fast.held():
            if key not in self._tried_at_last:
                self._tried_at_last.add(key)
                work = self._queue.of_held_key(key)
                if work is not None:
                    self._queue.give_back(work)
                    return True
        return False

    def _again_in_s(self, now_s: float) -> float:
        """Seconds until a row may be due, if no answer comes before."""
        if self._fail_fast.of_scope is not None:
            return math.inf
        return min(self._queue.next_in_s(now_s), self._fail_fast.due_in_s(now_s))

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
