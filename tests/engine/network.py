"""The network of a simulation: carries requests to an exchange in virtual time, and its faults back as they look."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from random import Random

import aiohttp

from batch.csms.faults import Fault
from batch.csms.messages import WireAnswer, WireRequest, nothing
from batch.csms.wire_faults import fault_of
from batch.sandbox.exchange import Act, Exchange
from batch.sandbox.faults import Delivery
from batch.sandbox.wire import Request


def _never(_now_s: float) -> bool:
    return False


def _nothing(_moment: str) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How the network behaves. A request takes `there_s`, always the same, so that the rate seen at the service is the
    rate at which requests left; an answer takes anything up to `back_s`. While `down` nothing listens.
    `watch` is told of each moment of an exchange - leaving, arrived, answered - and may end the process there.
    """

    timeout_s: float
    connect_s: float = 0.0
    """Before the first byte leaves."""
    there_s: float = 0.01
    back_s: float = 0.05
    rng: Random = field(default_factory=lambda: Random(1))
    down: Callable[[float], bool] = _never
    watch: Callable[[str], None] = _nothing


class Network:
    """Carries the requests of one session to an exchange whose seconds run with the loop's.

    `start_s` is the exchange's time when the loop's was `loop_s`. It is the `Wire` of every endpoint.
    """

    def __init__(self, exchange: Exchange, line: Line, *, start_s: float, loop_s: float) -> None:
        self._exchange = exchange
        self._line = line
        self._offset_s = start_s - loop_s
        self._underway: dict[int, Request] = {}
        self._open: dict[int, Act] = {}
        self._count = 0
        self._dead = False

    @contextlib.asynccontextmanager
    async def wire(self, _endpoint: str) -> AsyncIterator["Network"]:
        """As a session wants it."""
        yield self

    def now_s(self) -> float:
        """The exchange's time."""
        return asyncio.get_running_loop().time() + self._offset_s

    async def send(self, request: WireRequest, leaving: Callable[[], None] = nothing) -> WireAnswer | Fault:
        """Sends it once; what goes wrong comes back as the real wire would say it."""
        try:
            async with asyncio.timeout(self._line.timeout_s):
                return await self._carry(request, leaving)
        except (aiohttp.ClientError, TimeoutError) as error:
            return fault_of(error, sent=not isinstance(error, aiohttp.ConnectionTimeoutError))

    def die(self, now_s: float, rng: Random) -> None:
        """The process has ended: what was on its way may still arrive, and the answer is not heard."""
        self._dead = True
        for act in self._open.values():
            answered = act.delivery is Delivery.WHOLE and rng.random() < 0.5
            self._exchange.leave(act, now_s + self._offset_s, whole=answered)
        for request in self._underway.values():
            if rng.random() < 0.5:
                act = self._exchange.arrive(request, now_s + self._offset_s)
                self._exchange.leave(act, now_s + self._offset_s, whole=False)

    async def _carry(self, sent: WireRequest, leaving: Callable[[], None]) -> WireAnswer:
        if self._line.down(self.now_s()):
            # A refused connection comes with a key that only aiohttp makes; this is taken for the same.
            raise aiohttp.ConnectionTimeoutError
        if self._line.connect_s:
            await asyncio.sleep(self._line.connect_s)
        leaving()
        self._line.watch("leaving")
        request = Request(method=sent.method, target=sent.target, headers=sent.headers, body=sent.body)
        await self._bring(request)
        act = self._exchange.arrive(request, self.now_s())
        self._open[act.n] = act
        heard = False
        try:
            self._line.watch("arrived")
            await self._answered(act)
            heard = True
        finally:
            if not self._dead:
                del self._open[act.n]
                self._exchange.leave(act, self.now_s(), whole=heard)
        self._line.watch("answered")
        return _whole(act)

    async def _bring(self, request: Request) -> None:
        self._count += 1
        number = self._count
        self._underway[number] = request
        try:
            await asyncio.sleep(self._line.there_s)
        finally:
            if not self._dead:
                del self._underway[number]

    async def _answered(self, act: Act) -> None:
        """Waits for the answer, as long as it takes and in whatever state it comes."""
        await asyncio.sleep(act.delay_s + self._line.rng.uniform(0.0, self._line.back_s))
        match act.delivery:
            case Delivery.WHOLE:
                pass
            case Delivery.CUT:
                raise aiohttp.ClientPayloadError
            case Delivery.RESET | Delivery.DROP:
                raise aiohttp.ServerDisconnectedError
            case Delivery.SILENCE:
                await asyncio.get_running_loop().create_future()


def _whole(act: Act) -> WireAnswer:
    answer = act.answer
    assert answer is not None
    headers = dict(answer.headers)
    return WireAnswer(
        status=answer.status,
        body=answer.body,
        request_id=answer.request_id,
        retry_after=headers.get("Retry-After"),
        date=headers.get("Date"),
    )
