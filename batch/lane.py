"""One scope of a run from its first row to its last: slot, then pacing, then send; retries wait in the queue."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import structlog

from batch.clock import Clock
from batch.csms.client import CsmsClient
from batch.csms.faults import Fault, FaultKind
from batch.pacing import nap
from batch.recorder import Recorder
from batch.retry import Again, Answer, Finish, Leave, Phase, Policy, Step, after_answer
from batch.row_queue import RowQueue
from batch.slots import Slots
from batch.valve import Valve
from batch.work import Work, outcome_of, parked_of

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What the scopes of one run share. `on_defect` is told of an error in this program's own logic."""

    slots: Slots
    recorder: Recorder
    policy: Policy
    clock: Clock
    rng: Random
    on_defect: Callable[[str], None]


class Lane:
    """Runs one scope. `on_stop` is told, once, why its remaining rows will not be attempted."""

    def __init__(
        self, common: Common, *, queue: RowQueue, client: CsmsClient, valve: Valve, on_stop: Callable[[str], None]
    ) -> None:
        self._common = common
        self._slots = common.slots
        self._clock = common.clock
        self._queue = queue
        self._client = client
        self._valve = valve
        self._on_stop = on_stop
        self._in_flight: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._stopped = False

    async def run(self) -> None:
        """Works until no row is left or the lane is stopped; then waits for what is in flight and parks the rest."""
        self._slots.join()
        try:
            while (work := await self._next()) is not None:
                if not await self._admitted():
                    self._queue.give_back(work)
                    break
                task = asyncio.create_task(self._exchange(work))
                self._in_flight.add(task)
                task.add_done_callback(self._landed)
            if self._in_flight:
                await asyncio.wait(self._in_flight)
        finally:
            self._slots.leave()
            for work in self._queue.rest():
                self._common.recorder.park(parked_of(work))

    def stop(self) -> None:
        """Starts no more requests; what is in flight is waited for."""
        self._stopped = True
        self._changed.set()

    def cancel(self) -> None:
        """Breaks off what is in flight."""
        self.stop()
        for task in self._in_flight:
            task.cancel()

    def _is_stopped(self) -> bool:
        return self._stopped

    async def _next(self) -> Work | None:
        while not self._stopped:
            now_s = self._clock.now_s()
            work = self._queue.next(now_s, self._valve.rate_per_s)
            if work is not None:
                return work
            if self._queue.empty and not self._in_flight:
                return None
            self._changed.clear()
            await nap(self._changed, self._queue.due_in_s(now_s))
        return None

    async def _admitted(self) -> bool:
        """Waits until one request may leave; the slot is held when it returns True.

        The wait for the rate comes before the slot, so that waiting scopes hold none; then it is asked again, because
        the wait for the slot may have been long.
        """
        while not self._stopped:
            wait_s = self._valve.wait_s(self._clock.now_s())
            if wait_s > 0 or len(self._in_flight) >= self._slots.share:
                self._changed.clear()
                await nap(self._changed, wait_s or float("inf"))
                continue
            await self._slots.acquire()
            now_s = self._clock.now_s()
            if not self._is_stopped() and self._valve.wait_s(now_s) <= 0:
                await self._valve.take(now_s)
                return True
            self._slots.release()
        return False

    async def _exchange(self, work: Work) -> None:
        """Sends what a row needs next and draws the conclusions; only cancellation leaves here."""
        sent_s = self._clock.now_s()
        if work.started_s is None:
            work.started_s = sent_s
        try:
            answer = await self._ask(work, sent_s)
            self._valve.note(answer, sent_s=sent_s, now_s=self._clock.now_s())
            self._conclude(work, answer)
        except asyncio.CancelledError:
            self._leave_in_doubt(work)
            raise
        except Exception as error:  # noqa: BLE001 - a defect must not take other rows with it
            _log.error("run.defect", row=work.row, exc_info=error)
            self._leave_in_doubt(work)
            self._common.on_defect(f"internal error: {type(error).__name__}")

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._slots.release()
        self._changed.set()

    async def _ask(self, work: Work, sent_s: float) -> Answer:
        progress = work.progress
        if progress.phase is not Phase.WRITE:
            return await self._client.show_secret(progress.update.secret_name)
        work.progress = progress.sent(sent_s)
        work.intended = False
        return await self._client.update_secret(progress.update)

    def _leave_in_doubt(self, work: Work) -> None:
        if work.progress.phase is Phase.WRITE:
            work.progress = work.progress.doubted()
        self._common.recorder.park(parked_of(work))

    def _conclude(self, work: Work, answer: Answer) -> None:
        now_s = self._clock.now_s()
        step = after_answer(work.progress, answer, self._common.policy, now_s=now_s, rng=self._common.rng)
        if isinstance(answer, Fault):
            _log.info(
                "row.fault",
                row=work.row,
                phase=work.progress.phase,
                kind=answer.kind,
                code=answer.code,
                http_status=answer.http_status,
                request_id=answer.request_id,
                attempts=work.progress.attempts,
            )
        self._take(work, step, now_s)

    def _take(self, work: Work, step: Step, now_s: float) -> None:
        match step:
            case Finish():
                self._common.recorder.settle(outcome_of(work, step, now_s=now_s, clock=self._clock))
            case Again(progress=progress, after_s=after_s, fault=fault):
                work.progress = progress
                work.last_fault = fault or work.last_fault
                self._queue.delay(work, now_s + after_s)
            case Leave(progress=progress, fault=fault):
                work.progress = progress
                work.last_fault = fault
                self._queue.delay(work, float("inf"))
                self._stop_for(fault)

    def _stop_for(self, fault: Fault) -> None:
        if fault.kind is FaultKind.INTERNAL:
            self._common.on_defect(f"internal error: {fault.message}")
        elif not self._stopped:
            self.stop()
            self._on_stop(f"{fault.code}: {fault.message}")
