"""The sandbox on real sockets of the loopback, with every fault done to the connection for real."""

import asyncio
import http
import socket
import struct
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web

from batch.sandbox.exchange import Act, Exchange
from batch.sandbox.faults import Delivery
from batch.sandbox.wire import Reply, Request

_HOST = "127.0.0.1"  # loopback only: no other machine may reach it
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_BACKLOG = 1024
_SHUTDOWN_S = 1.0
_TURNS_TO_ARRIVE = 5


class SandboxServer:
    """Serves an exchange on a loopback address for as long as the context lasts.

    `port` 0 takes a free one. `latency_ms` goes before every answer; updates are applied before it, on arrival. A
    stopped server lets go of what it held open, whatever state that is in, and the exchange can be served again.
    A request whose body never comes whole is not recorded: nothing was done for it. `clock` gives seconds.

    Raises:
        OSError: on entering, the port is taken.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        port: int = 0,
        latency_ms: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exchange = exchange
        self._port = port
        self._latency_s = latency_ms / 1000
        self._clock = clock
        self._began_s = 0.0
        self._busy: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """Scheme, host and port, without a trailing slash: CSMS, KMS and IAM alike."""
        return f"http://{_HOST}:{self._port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listens from now on; a port that was chosen freely stays the same over a stop and a start."""
        # The exchange's time continues where it stood, so a second start does not take it back.
        self._began_s = self._clock() - self._exchange.last_s
        server = web.Server(self._serve, access_log=None, handler_cancellation=True)
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, _HOST, self._port, backlog=_BACKLOG).start()
        except OSError:
            await self.stop()
            raise
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Stops listening, breaks off every request, and returns when no connection is left."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        # A connection takes a few turns of the loop until the runner knows and closes it; one that is half-way in when
        # its listening socket closes is never let go of (CPython 3.11).
        await _turns(_TURNS_TO_ARRIVE)
        for site in runner.sites:
            await site.stop()
        await _turns(_TURNS_TO_ARRIVE)
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        busy = tuple(self._busy)
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        await runner.cleanup()

    def _now_s(self) -> float:
        return self._clock() - self._began_s

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._runner is None:
            # It came while the server was stopping: too late to be recorded, so nothing is done for it.
            _close(request.transport)
            return web.Response()
        self._busy.add(request.task)
        try:
            return await self._exchange_one(request)
        finally:
            self._busy.discard(request.task)

    async def _exchange_one(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        act = self._exchange.arrive(
            Request(method=request.method, target=request.raw_path, headers=request.headers, body=body), self._now_s()
        )
        if act.lands_at_s is not None:
            self._settle_at(act.lands_at_s)
        whole = False
        try:
            delay_s = self._latency_s + act.delay_s
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            response, whole = await self._deliver(act, request)
        finally:
            self._exchange.leave(act, self._now_s(), whole=whole)
        return response

    async def _deliver(self, act: Act, request: web.BaseRequest) -> tuple[web.StreamResponse, bool]:
        """Does to the connection what the act says; what it returns is not sent once the connection is closed."""
        match act.delivery, act.answer:
            case Delivery.WHOLE, Reply() as answer:
                return await _send(answer, request)
            case Delivery.CUT, Reply() as answer:
                _cut(answer, request.transport)
            case Delivery.RESET, _:
                _reset(request.transport)
            case Delivery.SILENCE, _:
                # The client's going and the server's stop both cancel this.
                await asyncio.get_running_loop().create_future()
            case _:
                _close(request.transport)
        return web.Response(), False

    def _settle_at(self, due_s: float) -> None:
        """Has a late update land when it is due, even if no request comes by then."""

        def settle() -> None:
            self._timers.discard(timer)
            self._exchange.settle(due_s)

        timer = asyncio.get_running_loop().call_later(max(0.0, due_s - self._now_s()), settle)
        self._timers.add(timer)


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def _send(answer: Reply, request: web.BaseRequest) -> tuple[web.StreamResponse, bool]:
    """Writes the answer out here, because aiohttp would only do so after the journal's last word on it."""
    response = web.Response(status=answer.status, headers=answer.headers, body=answer.body)
    try:
        await response.prepare(request)
        await response.write_eof()
    except ConnectionError:
        return response, False
    return response, True


def _cut(answer: Reply, transport: asyncio.Transport | None) -> None:
    if transport is None:
        return
    lines = [f"HTTP/1.1 {answer.status} {http.HTTPStatus(answer.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    lines += [f"Content-Length: {len(answer.body)}", "", ""]
    transport.write("\r\n".join(lines).encode() + answer.body[: len(answer.body) // 2])
    transport.close()


def _close(transport: asyncio.Transport | None) -> None:
    if transport is not None:
        transport.close()


def _reset(transport: asyncio.Transport | None) -> None:
    if transport is None:
        return
    # Closing with a linger time of zero throws away what is unsent and sends an RST.
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
