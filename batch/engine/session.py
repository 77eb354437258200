"""One run or resume from its first request to its last: every scope side by side, each row recorded."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from typing import TypeVar

import msgspec
import structlog

from batch.csms.auth import Login
from batch.csms.client import CsmsClient
from batch.csms.messages import Wire
from batch.engine.budget import FailureBudget
from batch.engine.dispatcher import Lane
from batch.engine.fail_fast import KeyWatch, RightsWatch
from batch.engine.recorder import Recorder
from batch.engine.retry import Policy
from batch.engine.row_queue import RowQueue
from batch.engine.row_worker import RowWorker
from batch.engine.scope import Desk, Notices
from batch.engine.work import begin
from batch.flow.admission import Valve
from batch.flow.slots import Slots
from batch.process.clock import Clock
from batch.telemetry.fault_book import FaultBook
from jobs.ledger import Ledger, LedgerError, OpenScope
from jobs.model import Outcome, Status
from jobs.run_view import SessionView
from jobs.spec import Limits

T = TypeVar("T")
_log = structlog.get_logger()
WireFactory = Callable[[str], contextlib.AbstractAsyncContextManager[Wire]]


class SessionEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a session ended. `stopped` says why it did early; `broken` and `defect` that it could not go on at all, and
    `unrecorded` are outcomes the ledger did not take.
    """

    stopped: str | None = None
    broken: str | None = None
    defect: str | None = None
    unrecorded: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
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
    """Runs the open rows of a ledger; one object is one session."""

    def __init__(self, ledger: Ledger, limits: Limits, world: World) -> None:
        self._ledger = ledger
        self._limits = limits
        self._world = world
        self._recorder = Recorder(ledger, on_broken=self._on_broken, make_room=world.make_room, clean=world.clean)
        self._slots = Slots(limits.concurrency)
        self._lanes: list[Lane] = []
        self._scopes: list[OpenScope] = []
        self._ended: Counter[int] = Counter()
        self._faults = FaultBook(world.clean)
        self._failures = FailureBudget(limits.max_failures)
        self._old_land_until_s = 0.0
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
        """Requests that are open now."""
        return self._slots.taken

    def look(self) -> SessionView:
        """How it stands now, for whoever watches."""
        lanes = zip(self._lanes, self._scopes, strict=True)
        return SessionView(
            requests=sum(lane.sent for lane in self._lanes),
            scopes=tuple(lane.view(scope.scope, scope.open_rows - self._ended[scope.id]) for lane, scope in lanes),
            faults=self._faults.recent(),
            stopping=self._stopped,
        )

    def stop(self, reason: str) -> None:
        """Starts no more requests; the first reason given is the one that is told."""
        self._stopped = self._stopped or reason
        for lane in self._lanes:
            lane.stop()

    def cancel(self) -> None:
        """Breaks off what is in flight; each such row stays open, in doubt."""
        for lane in self._lanes:
            lane.cancel()

    async def run(self) -> SessionEnd:
        """Works until every row has ended or the session is stopped, then records what is left.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        scopes = self._ledger.open_scopes()
        # A PUT of an earlier session may have left just before this one, with more time than it has now.
        self._old_land_until_s = self._world.clock.now_s() + self._ledger.told.longest_timeout_s()
        async with self._clients(scopes) as client_of:
            for scope in scopes:
                self._scopes.append(scope)
                self._lanes.append(self._lane(scope, client_of(scope)))
            if self._stopped is not None:
                self.stop(self._stopped)
            if (limit_s := self._limits.max_duration_s) is not None:
                asyncio.get_running_loop().call_later(limit_s, self.stop, f"--max-duration {limit_s:g} s is over")
            await asyncio.gather(*(lane.run() for lane in self._lanes))
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
                    wires[endpoint] = await stack.enter_async_context(self._world.wire(endpoint))

            def client_of(scope: OpenScope) -> CsmsClient:
                endpoint, project_id = scope.scope.endpoint, scope.scope.project_id
                credential = self._world.login.for_scope(endpoint, project_id)
                return CsmsClient(wires[endpoint], credential, project_id, user_agent=self._world.user_agent)

            yield client_of

    def _lane(self, scope: OpenScope, client: CsmsClient) -> Lane:
        clock = self._world.clock
        policy = Policy(max_attempts=self._limits.max_attempts, timeout_s=self._limits.timeout_s)
        rng = Random(self._world.rng.getrandbits(64))  # noqa: S311 - jitter, not a secret
        before = cache(lambda: self._read(lambda: self._ledger.told.accepted_keys(scope.id), frozenset[str]()))
        keys = KeyWatch(before)
        queue = RowQueue(
            page=lambda after_row, limit: self._read(lambda: self._ledger.open_rows(scope.id, after_row, limit), []),
            begin=partial(begin, policy=policy, old_land_until_s=self._old_land_until_s),
            intend=self._recorder.intend,
            holds=keys.holds,
        )
        valve = Valve(self._limits, rng=rng)
        notices = Notices(
            ended=partial(self._on_outcome, scope),
            fault=self._faults.note,
            key_held=partial(self._on_key_held, scope),
            key_good=partial(self._on_key_good, scope),
            stop=lambda reason: lane.stop_for(self._world.clean(reason)),
            defect=self._on_defect,
        )
        desk = Desk(
            client=client,
            valve=valve,
            queue=queue,
            recorder=self._recorder,
            policy=policy,
            clock=clock,
            rng=rng,
            keys=keys,
            rights=RightsWatch(lambda: bool(before())),
            notices=notices,
            in_flight=lambda: lane.in_flight,
        )
        lane = Lane(
            queue=queue,
            valve=valve,
            worker=RowWorker(desk),
            slots=self._slots.join(),
            clock=clock,
            open_rows=lambda: scope.open_rows - self._ended[scope.id],
            on_stop=partial(self._on_scope_stop, scope),
            on_defect=self._on_defect,
        )
        client.may_send = lambda: not lane.stopped
        return lane

    def _read(self, read: Callable[[], T], otherwise: T) -> T:
        """A ledger that cannot be read stops the run like one that cannot be written: what is in flight is finished."""
        try:
            return read()
        except LedgerError as error:
            self._on_broken(error)
            return otherwise

    def _on_outcome(self, scope: OpenScope, outcome: Outcome) -> None:
        self._ended[scope.id] += 1
        reason = self._failures.note(outcome.status)
        if reason is not None:
            self.stop(reason)

    def _on_key_held(self, scope: OpenScope, kms_key_id: str, reason: str) -> None:
        reason = self._world.clean(reason)
        _log.error("key.held", project_id=scope.scope.project_id, kms_key_id=kms_key_id, reason=reason)
        self._record(lambda: self._ledger.hold_key(scope.id, kms_key_id, reason))

    def _on_key_good(self, scope: OpenScope, kms_key_id: str) -> None:
        _log.warning("key.released", project_id=scope.scope.project_id, kms_key_id=kms_key_id)
        self._record(lambda: self._ledger.release_key(scope.id, kms_key_id))

    def _on_scope_stop(self, scope: OpenScope, reason: str) -> None:
        _log.error("scope.stopped", endpoint=scope.scope.endpoint, project_id=scope.scope.project_id, reason=reason)
        self._scope_stopped = self._scope_stopped or f"project {scope.scope.project_id}: {reason}"
        self._record(lambda: self._ledger.stop_scope(scope.id, reason))

    def _record(self, write: Callable[[], None]) -> None:
        try:
            write()
        except LedgerError as error:
            self._on_broken(error)

    def _on_broken(self, error: LedgerError) -> None:
        _log.critical("ledger.broken", reason=error.reason)
        self._broken = self._broken or error
        self.stop(f"the ledger cannot be used: {error.reason}")

    def _on_defect(self, what: str) -> None:
        self._defect = self._defect or what
        self.stop(what)
