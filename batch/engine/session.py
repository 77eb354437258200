"""One run or resume from its first request to its last: every scope side by side, each row recorded."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TypeVar

import msgspec
import structlog

from batch.csms.auth import Login
from batch.csms.client import CsmsClient
from batch.csms.faults import Fault
from batch.csms.messages import Wire
from batch.engine.assembly import Shared, assemble
from batch.engine.budget import FailureBudget
from batch.engine.dispatcher import Dispatcher
from batch.engine.fresh_rows import OpenRows
from batch.engine.progress import LATE_UPDATE_S, Policy
from batch.engine.recorder import Recorder
from batch.engine.scope import ScopeRun
from batch.flow.slots import Slots, Turns
from batch.process.clock import Clock
from batch.telemetry.fault_book import FaultBook
from jobs.ledger import Ledger, LedgerError, OpenRow, OpenScope
from jobs.model import Outcome, Status
from jobs.run_view import SessionView
from jobs.spec import Limits

T = TypeVar("T")
_log = structlog.get_logger()
WireFactory = Callable[[str], contextlib.AbstractAsyncContextManager[Wire]]


class SessionEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a session ended. `stopped` says why it did early; `broken` and `defect` that it could not continue at all,
    and `unrecorded` are outcomes the ledger did not take.
    """

    stopped: str | None = None
    broken: str | None = None
    defect: str | None = None
    unrecorded: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Everything a session takes from outside: the network, the login, the clock and chance. `make_room` frees
    room on the disk of the ledger, once; `clean` takes credentials out of what the service said.
    """

    wire: WireFactory
    login: Login
    clock: Clock
    rng: Random
    user_agent: str
    clean: Callable[[str], str]
    make_room: Callable[[], bool] = lambda: False


class Session:
    """Runs the open rows of a ledger; one object is one session, which hears what happens in its scopes."""

    def __init__(self, ledger: Ledger, limits: Limits, outside: Outside) -> None:
        self._ledger = ledger
        self._limits = limits
        self._outside = outside
        self._recorder = Recorder(ledger, on_broken=self._on_broken, make_room=outside.make_room, clean=outside.clean)
        self._slots = Slots(limits.concurrency)
        self._scopes: list[Dispatcher] = []
        self._faults = FaultBook(outside.clean)
        self._failures = FailureBudget(limits.max_failures)
        self._stopped: str | None = None
        self._scope_stopped: str | None = None
        self._broken: LedgerError | None = None
        self._defect: str | None = None

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
        )

    def stop(self, reason: str) -> None:
        """Starts no more requests; the first reason given is the one that is reported."""
        self._stopped = self._stopped or reason
        for one in self._scopes:
            one.stop()

    def cancel(self) -> None:
        """Breaks off what is in flight; each such row stays open, in doubt."""
        for one in self._scopes:
            one.cancel()

    async def run(self) -> SessionEnd:
        """Works until every row has ended or the session is stopped, then records what is left.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        opened = self._ledger.open_scopes()
        shared = Shared(
            limits=self._limits,
            slots=self._slots,
            turns=Turns(),
            # A PUT of an earlier session may have left just before this one, with more time than it has now.
            old_land_until_s=self._outside.clock.now_s() + max(LATE_UPDATE_S, self._ledger.told.longest_timeout_s()),
        )
        async with self._clients(opened) as client_of:
            self._scopes += [self._assembled(scope, client_of(scope), shared) for scope in opened]
            if self._stopped is not None:
                self.stop(self._stopped)
            if (limit_s := self._limits.max_duration_s) is not None:
                asyncio.get_running_loop().call_later(limit_s, self.stop, f"--max-duration {limit_s:g} s is over")
            await asyncio.gather(*(one.run() for one in self._scopes))
        self._recorder.flush()
        return SessionEnd(
            stopped=self._stopped or self._scope_stopped,
            broken=None if self._broken is None else str(self._broken),
            defect=self._defect,
            unrecorded=tuple(self._recorder.unrecorded),
        )

    @contextlib.asynccontextmanager
    async def _clients(self, scopes: Sequence[OpenScope]) -> AsyncIterator[Callable[[OpenScope], CsmsClient]]:
        """Clients that share one wire for each endpoint."""
        wires: dict[str, Wire] = {}
        async with AsyncExitStack() as stack:
            for scope in scopes:
                endpoint = scope.scope.endpoint
                if endpoint not in wires:
                    wires[endpoint] = await stack.enter_async_context(self._outside.wire(endpoint))

            def client_of(scope: OpenScope) -> CsmsClient:
                endpoint, project_id = scope.scope.endpoint, scope.scope.project_id
                credential = self._outside.login.for_scope(endpoint, project_id)
                return CsmsClient(wires[endpoint], credential, project_id, user_agent=self._outside.user_agent)

            yield client_of

    def _assembled(self, opened: OpenScope, client: CsmsClient, shared: Shared) -> Dispatcher:
        scope = ScopeRun(
            opened=opened,
            policy=Policy(max_attempts=self._limits.max_attempts, timeout_s=self._limits.timeout_s),
            recorder=self._recorder,
            events=self,
            clock=self._outside.clock,
            rng=Random(self._outside.rng.getrandbits(64)),  # noqa: S311 - jitter, not a secret
        )
        return assemble(scope, self._rows_of(opened), client, shared)

    def _rows_of(self, scope: OpenScope) -> OpenRows:
        def page(after_row: int, limit: int, *, tried: bool) -> list[OpenRow]:
            return self._read(partial(self._ledger.open_rows, scope.id, after_row, limit, tried=tried), otherwise=[])

        return OpenRows(
            page=page,
            one=lambda where: self._read(partial(self._ledger.open_row, scope.id, where), otherwise=None),
            last=lambda: self._read(partial(self._ledger.last_row, scope.id), otherwise=0),
        )

    def _read(self, read: Callable[[], T], *, otherwise: T) -> T:
        """A ledger that cannot be read stops the run like one that cannot be written: what is in flight is finished."""
        try:
            return read()
        except LedgerError as error:
            self._on_broken(error)
            return otherwise

    def ended(self, scope: OpenScope, outcome: Outcome) -> None:  # noqa: ARG002 - as ScopeEvents
        """As ScopeEvents."""
        reason = self._failures.note(outcome.status)
        if reason is not None:
            self.stop(reason)

    def answered_otherwise(self, fault: Fault) -> None:
        """As ScopeEvents."""
        self._faults.note(fault)

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

    def _on_broken(self, error: LedgerError) -> None:
        _log.critical("ledger.broken", reason=error.reason)
        self._broken = self._broken or error
        self.stop(f"the ledger cannot be used: {error.reason}")
