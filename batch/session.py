"""One run or resume from its first request to its last: every scope side by side, each row recorded."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from random import Random

import msgspec
import structlog

from batch.clock import Clock
from batch.csms.auth import Credential
from batch.csms.client import CsmsClient
from batch.csms.messages import Wire
from batch.lane import Common, Lane
from batch.recorder import Recorder
from batch.retry import Policy
from batch.row_queue import RowQueue
from batch.slots import Slots
from batch.valve import Valve
from batch.work import begin
from jobs.ledger import Ledger, LedgerError, OpenScope
from jobs.model import Outcome, Status
from jobs.spec import Limits

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
    """Everything a session takes from outside: the network, the credential, the clock and chance."""

    wire: WireFactory
    credential: Credential
    clock: Clock
    rng: Random
    user_agent: str


class Session:
    """Runs the open rows of a ledger; one object is one session."""

    def __init__(self, ledger: Ledger, limits: Limits, world: World) -> None:
        self._ledger = ledger
        self._limits = limits
        self._world = world
        self._recorder = Recorder(ledger, on_broken=self._on_broken)
        self._slots = Slots(limits.concurrency)
        self._lanes: list[Lane] = []
        self._stopped: str | None = None
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
        async with self._clients(scopes) as client_of:
            for scope in scopes:
                self._lanes.append(self._lane(scope, client_of(scope)))
            if self._stopped is not None:
                self.stop(self._stopped)
            await asyncio.gather(*(lane.run() for lane in self._lanes))
        self._recorder.flush()
        return SessionEnd(
            stopped=self._stopped,
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
                return CsmsClient(
                    wires[scope.scope.endpoint],
                    self._world.credential,
                    scope.scope.project_id,
                    user_agent=self._world.user_agent,
                )

            yield client_of

    def _lane(self, scope: OpenScope, client: CsmsClient) -> Lane:
        policy = Policy(max_attempts=self._limits.max_attempts, timeout_s=self._limits.timeout_s)
        rng = Random(self._world.rng.getrandbits(64))  # noqa: S311 - jitter, not a secret
        common = Common(
            slots=self._slots,
            recorder=self._recorder,
            policy=policy,
            clock=self._world.clock,
            rng=rng,
            on_defect=self._on_defect,
        )
        queue = RowQueue(
            page=partial(self._ledger.open_rows, scope.id),
            begin=partial(begin, policy=policy, session_start_s=self._world.clock.now_s()),
            intend=self._recorder.intend,
        )
        return Lane(
            common,
            queue=queue,
            client=client,
            valve=Valve(self._limits, rng=rng),
            on_stop=partial(self._on_scope_stop, scope),
        )

    def _on_scope_stop(self, scope: OpenScope, reason: str) -> None:
        _log.error("scope.stopped", endpoint=scope.scope.endpoint, project_id=scope.scope.project_id, reason=reason)
        self._stopped = self._stopped or f"project {scope.scope.project_id}: {reason}"
        try:
            self._ledger.stop_scope(scope.id, reason)
        except LedgerError as error:
            self._on_broken(error)

    def _on_broken(self, error: LedgerError) -> None:
        _log.critical("ledger.broken", reason=error.reason)
        self._broken = self._broken or error
        self.stop(f"the ledger cannot be written: {error.reason}")

    def _on_defect(self, what: str) -> None:
        self._defect = self._defect or what
        self.stop(what)
