"""One run or resume from its first request to its last: every scope side by side, each row recorded."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import structlog

from batch.csms.faults import Fault
from batch.engine.assembly import scope_run, shared_by
from batch.engine.budget import FailureBudget
from batch.engine.controls import Controls
from batch.engine.course import Course
from batch.engine.fault_book import FaultBook
from batch.engine.fresh_rows import OpenRows
from batch.engine.lane import Lane
from batch.engine.outside import Outside, SessionEnd, clients
from batch.engine.pace_log import PaceLog
from batch.engine.recorder import Recorder
from batch.flow.slots import Slots
from jobs.ledger import Elsewhere, Ledger, LedgerError, OpenRow, OpenScope
from jobs.model import Outcome, Status
from jobs.run_view import SessionView
from jobs.spec import Before, Limits

T = TypeVar("T")
_log = structlog.get_logger()


class Session:
    """Runs the open rows of a ledger; one object is one session, which hears what happens in its scopes."""

    def __init__(self, ledger: Ledger, limits: Limits, outside: Outside, before: Before = Before.OFF) -> None:
        self._ledger = ledger
        self._before = before
        self._limits = limits
        self._outside = outside
        self._recorder = Recorder(ledger, on_broken=self._on_broken, make_room=outside.make_room, clean=outside.clean)
        self._slots = Slots(limits.concurrency)
        self.controls = Controls(limits.rate, self._on_control)
        self._scopes = self.controls.scopes
        self._faults = FaultBook(outside.clean)
        self._pace = PaceLog(outside.clock.now_s(), outside.clean)
        self._failures = FailureBudget(limits.max_failures)
        self._course: Course | None = None
        self._wave: str | None = None
        self._stopped: str | None = None
        self._scope_stopped: str | None = None
        self._broken: LedgerError | None = None
        self._lost = False
        self._defect: str | None = None
        self._cut_off = False

    @property
    def committed(self) -> Counter[Status]:
        """Outcomes of this session that are durable, by status."""
        return self._recorder.committed

    @property
    def in_flight(self) -> int:
        """Requests that are in flight now."""
        return self._slots.taken

    def look(self) -> SessionView:
        """How it stands now."""
        return SessionView(
            requests=sum(one.sent for one in self._scopes),
            scopes=tuple(one.view() for one in self._scopes),
            faults=self._faults.recent(),
            stopping=self._stopped,
            paused=not self.controls.sends and self._stopped is None,
            rate=str(self.controls.rate),
            full_rate=str(self.controls.full_rate),
            wave=None if self._course is None else self._course.view(),
        )

    def lose(self, reason: str, *, kept: bool) -> None:
        """The ledger is not in its place any more, `kept` or lost: nothing more is started. Its file is open, and still
        takes what is in flight.
        """
        self._lost = not kept
        self._on_broken(LedgerError(self._ledger.path.parent, reason))

    def stop(self, reason: str) -> None:
        """Starts no more requests; the first reason given is the one that is reported."""
        self._stopped = self._stopped or reason
        if self._course is not None:
            self._course.stop()
        for one in self._scopes:
            one.stop()

    def cancel(self) -> None:
        """Breaks off what is in flight; each such row stays open, in doubt."""
        self._cut_off = True
        if self._course is not None:
            self._course.cancel()
        for one in self._scopes:
            one.cancel()

    async def run(self) -> SessionEnd:
        """Works until every row has ended or the session is stopped, then records what is left.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        opened = self._ledger.open_scopes()
        shared = shared_by(self._ledger, self._limits, self._slots, self._before, self._outside)
        async with clients(self._outside, opened) as client_of:
            for one in opened:
                scope = scope_run(one, self._outside, self._limits, self._recorder, self)
                self.controls.add(Lane(scope, self._rows_of(one), client_of(one), shared))
            self._course = self._laid_out()
            if self._stopped is not None:
                self.stop(self._stopped)
            if (limit_s := self._limits.max_duration_s) is not None:
                asyncio.get_running_loop().call_later(limit_s, self.stop, f"--max-duration {limit_s:.10g} s is over")
            while (leg := await self._course.next()) is not None:
                self._wave = leg.wave
                await self._run_rows()
                self._recorder.flush()
        self._keep_pace()
        return SessionEnd(
            stopped=self._stopped or self._scope_stopped,
            broken=None if self._broken is None else str(self._broken),
            lost=self._lost,
            defect=self._defect,
            cut_off=self._cut_off,
            unrecorded=tuple(self._recorder.unrecorded),
        )

    def _laid_out(self) -> Course:
        before = self._ledger.told.sessions()[-2:-1]
        course = Course(
            lambda: self._read(self._ledger.told.waves, otherwise=()),
            self._outside,
            soak_s=self._limits.soak_s,
            stopped=before[0].stopped if before else None,
            halt=self.stop,
            note=self._on_control,
        )
        if course.has_waves:
            for one in self._scopes:
                one.wait()
        return course

    async def _run_rows(self) -> None:
        """Runs the scopes with rows of this wave, or all of them where there are no waves."""
        if self._wave is None:
            await asyncio.gather(*(one.run() for one in self._scopes))
            return
        none: tuple[OpenScope, ...] = ()
        opened = self._read(partial(self._ledger.open_scopes, wave=self._wave), otherwise=none)
        rows = {one.id: one.open_rows for one in opened}
        lanes = [one for one in self._scopes if one.scope.opened.id in rows]
        for one in lanes:
            one.enter(rows[one.scope.opened.id])
        await asyncio.gather(*(one.run_in_wave() for one in lanes))

    def _rows_of(self, scope: OpenScope) -> OpenRows:
        def page(after_row: int, limit: int, *, tried: bool) -> list[OpenRow]:
            read = partial(self._ledger.open_rows, scope.id, after_row, limit, tried=tried, wave=self._wave)
            return self._read(read, otherwise=[])

        def one(where: Elsewhere) -> OpenRow | None:
            return self._read(partial(self._ledger.open_row, scope.id, where, wave=self._wave), otherwise=None)

        def last() -> int:
            return self._read(partial(self._ledger.last_row, scope.id, wave=self._wave), otherwise=0)

        return OpenRows(page=page, one=one, last=last)

    def _read(self, read: Callable[[], T], *, otherwise: T) -> T:
        """A ledger that cannot be read stops the run like one that cannot be written: what is in flight is finished."""
        try:
            return read()
        except LedgerError as error:
            self._on_broken(error)
            return otherwise

    def permitted(self) -> bool:
        """As ScopeEvents."""
        reason = self._outside.forbidden()
        if reason is not None:
            self.stop(reason)
        return reason is None

    def ended(self, scope: OpenScope, outcome: Outcome) -> None:  # noqa: ARG002 - as ScopeEvents
        """As ScopeEvents."""
        reason = self._failures.note(outcome.status)
        if reason is not None:
            self.stop(reason)

    def answered(self, answer: object) -> None:
        """As ScopeEvents."""
        fault = answer if isinstance(answer, Fault) else None
        if fault is not None:
            self._faults.note(fault)
        if self._pace.note(self._outside.clock.now_s(), fault, self.controls.allowed_per_s):
            self._keep_pace()

    def _keep_pace(self) -> None:
        if self._broken is None:
            self._record(lambda: self._ledger.keep_pace(self._pace.cells()))

    def key_held(self, scope: OpenScope, kms_key_id: str, reason: str) -> None:
        """As ScopeEvents."""
        reason = self._outside.clean(reason)
        _log.error("key.held", project_id=scope.scope.project_id, kms_key_id=kms_key_id, reason=reason)
        self._record(lambda: self._ledger.hold_key(scope.id, kms_key_id, reason))

    def key_released(self, scope: OpenScope, kms_key_id: str) -> None:
        """As ScopeEvents."""
        _log.warning("key.released", project_id=scope.scope.project_id, kms_key_id=kms_key_id)
        self._record(lambda: self._ledger.release_key(scope.id, kms_key_id))

    def scope_stopped(self, scope: OpenScope, reason: str) -> None:
        """As ScopeEvents."""
        _log.error("scope.stopped", endpoint=scope.scope.endpoint, project_id=scope.scope.project_id, reason=reason)
        self._scope_stopped = self._scope_stopped or f"project {scope.scope.project_id}: {reason}"
        self._record(lambda: self._ledger.stop_scope(scope.id, reason))

    def defect(self, what: str) -> None:
        """As ScopeEvents."""
        self._defect = self._defect or what
        self.stop(what)

    def _record(self, write: Callable[[], None]) -> None:
        try:
            write()
        except LedgerError as error:
            self._on_broken(error)

    def _on_control(self, words: str) -> None:
        _log.warning("control.changed", reason=words)
        at = self._outside.clock.utc_s(self._outside.clock.now_s())
        self._record(lambda: self._ledger.note_control(at, words))

    def _on_broken(self, error: LedgerError) -> None:
        _log.critical("ledger.broken", reason=error.reason)
        self._broken = self._broken or error
        self.stop(f"the ledger cannot be used: {error.reason}")
