"""Over real sockets of the loopback: what a client sees of each delivery, and that nothing is left behind."""

import asyncio
import gc
import io
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Self

import aiohttp
import pytest
import uvloop

from batch.sandbox import faults
from batch.sandbox.faults import InjectedFault
from batch.sandbox.server import SandboxServer
from tests.kit.faults import slow
from tests.kit.records import records_of
from tests.kit.scripts import Numbers
from tests.unit.sandbox.asking import Desk, small_sandbox

LOOPS = pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])


def run(main: Coroutine[Any, Any, None], loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await main

    with asyncio.Runner(loop_factory=loop_factory, debug=loop_factory is None) as runner:
        runner.run(bounded())


def desk_with(*plan: InjectedFault) -> Desk:
    return Desk(small_sandbox(faults=Numbers(dict(enumerate(plan, 1)))))


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 # the sandbox has no event for it, and a turn of the loop takes no time
        await asyncio.sleep(0)


class Wire:
    """One raw connection, to see what is really on it."""

    def __init__(self, server: SandboxServer, desk: Desk) -> None:
        self._port = int(server.url.rsplit(":", 1)[1])
        self._desk = desk

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)

    def send_move(self) -> None:
        request = self._desk.move()
        head = [f"PUT {request.target} HTTP/1.1", "Host: x", f"Content-Length: {len(request.body)}"]
        head += [f"{name}: {value}" for name, value in request.headers.items()]
        self.writer.write("\r\n".join([*head, "", ""]).encode() + request.body)

    async def read_answer(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return head + await self.reader.readexactly(length)


@LOOPS
def test_answers_come_over_a_kept_connection_with_headers_as_given(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    desk = Desk()

    async def main() -> None:
        async with SandboxServer(desk.sandbox.exchange) as server, Wire(server, desk) as wire:
            for _ in range(3):
                wire.send_move()
                answer = await wire.read_answer()
                assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
                assert answer.count(b"Set-Cookie: HWWAF") == 2
                assert answer.count(b"Content-Type: application/json\r\n") == 1
                assert answer.count(b"Server: CloudWAF\r\n") == 1

    run(main(), loop_factory)
    records = records_of(desk.sandbox.journal)
    assert [(one.status, one.answered_whole, one.applied) for one in records] == [(200, True, True)] * 3
    assert {one.open for one in records} == {1}


@LOOPS
def test_a_reset_is_a_reset_on_the_wire(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    desk = desk_with(faults.reset(applied=True))

    async def main() -> None:
        async with SandboxServer(desk.sandbox.exchange) as server, Wire(server, desk) as wire:
            wire.send_move()
            with pytest.raises(ConnectionResetError):
                await wire.reader.read()

    run(main(), loop_factory)
    (record,) = records_of(desk.sandbox.journal)
    assert (record.status, record.answered_whole, record.applied, record.fault) == (None, False, True, "reset")


@LOOPS
def test_a_dropped_connection_ends_without_a_byte(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    desk = desk_with(faults.drop())

    async def main() -> None:
        async with SandboxServer(desk.sandbox.exchange) as server, Wire(server, desk) as wire:
            wire.send_move()
            assert await wire.reader.read() == b""

    run(main(), loop_factory)
    (record,) = records_of(desk.sandbox.journal)
    assert (record.status, record.answered_whole, record.applied) == (None, False, False)


@LOOPS
def test_a_cut_answer_promises_more_than_it_gives(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    desk = desk_with(faults.cut())

    async def main() -> None:
        async with SandboxServer(desk.sandbox.exchange) as server, Wire(server, desk) as wire:
            wire.send_move()
            head, _, body = (await wire.reader.read()).partition(b"\r\n\r\n")
            promised = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert 0 < len(body) == promised // 2

    run(main(), loop_factory)
    (record,) = records_of(desk.sandbox.journal)
    assert (record.status, record.answered_whole, record.applied) == (200, False, True)


@LOOPS
def test_silence_lasts_until_the_client_goes(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    desk = desk_with(faults.silence(applied=False))
    journal = desk.sandbox.journal

    async def main() -> None:
        async with SandboxServer(desk.sandbox.exchange) as server:
            async with Wire(server, desk) as wire:
                wire.send_move()
                await until(lambda: journal.open_count == 1)
            await until(lambda: journal.open_count == 0)

    run(main(), loop_factory)
    (record,) = records_of(journal)
    assert (record.status, record.answered_whole, record.applied) == (None, False, False)


@LOOPS
def test_a_stop_lets_go_of_everything_that_is_open(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Held requests, a half-sent one, an idle connection and a late update: all end with the server, at once."""
    desk = desk_with(faults.silence(applied=True), slow(3600.0), faults.gateway_error(504, lands_after_s=3600.0))
    journal = desk.sandbox.journal

    async def main() -> None:
        server = SandboxServer(desk.sandbox.exchange)
        await server.start()
        held, slow, late, half, idle = [Wire(server, desk) for _ in range(5)]
        async with held, slow, late, half, idle:
            for count, wire in enumerate((held, slow, late), 1):
                wire.send_move()
                await until(lambda count=count: journal.arrived_count == count)  # type: ignore[misc] # a lambda's default has no type
            assert (await late.read_answer()).startswith(b"HTTP/1.1 504 ")
            half.writer.write(b"PUT /v1/p/secrets/a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            await half.writer.drain()
            assert journal.open_count == 2
            await server.stop()
            assert journal.open_count == 0
            assert [await wire.reader.read() for wire in (held, slow, late, half, idle)] == [b""] * 5
        await server.stop()

    run(main(), loop_factory)
    assert [record.answered_whole for record in records_of(journal)] == [False, False, True]
    assert [record.landed_s for record in records_of(journal)] == [None, None, None]


@pytest.mark.parametrize("turns", range(5))
def test_a_connection_of_the_last_moment_is_let_go_of(turns: int) -> None:
    """Half-way in when the server closed, it belonged to no test, and was a warning in the next one."""

    async def main() -> None:
        server = SandboxServer(desk_with().sandbox.exchange)
        await server.start()
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))):
            for _ in range(turns):
                await asyncio.sleep(0)
            await server.stop()

    run(main())
    gc.collect()


def test_a_client_that_leaves_before_its_answer_is_recorded_so() -> None:
    desk = desk_with(slow(3600.0))

    async def main() -> None:
        async with SandboxServer(desk.sandbox.exchange) as server:
            async with Wire(server, desk) as wire:
                wire.send_move()
                await until(lambda: desk.sandbox.journal.open_count == 1)
            await until(lambda: desk.sandbox.journal.open_count == 0)

    run(main())
    (record,) = records_of(desk.sandbox.journal)
    assert (record.status, record.answered_whole, record.applied) == (None, False, True)


def test_a_late_update_lands_without_another_request() -> None:
    desk = desk_with(faults.gateway_error(504, lands_after_s=0.0))

    async def main() -> None:
        async with SandboxServer(desk.sandbox.exchange) as server, Wire(server, desk) as wire:
            wire.send_move()
            await wire.read_answer()
            await until(lambda: desk.key_of() == desk.keys.new)

    run(main())
    assert records_of(desk.sandbox.journal)[0].landed_s is not None


def test_many_clients_at_once_are_all_served_and_counted() -> None:
    desk = Desk()

    async def main() -> None:
        async with SandboxServer(desk.sandbox.exchange, latency_ms=1.0) as server, aiohttp.ClientSession() as session:

            async def one() -> int:
                move = desk.move()
                async with session.put(server.url + move.target, data=move.body, headers=dict(move.headers)) as answer:
                    return answer.status

            assert set(await asyncio.gather(*(one() for _ in range(200)))) == {200}

    run(main())
    journal = desk.sandbox.journal
    assert [record.n for record in records_of(journal)] == list(range(1, 201))
    assert 1 < max(record.open for record in records_of(journal)) <= 100  # what aiohttp's pool allows


def test_the_exchange_can_be_served_again_at_the_same_place_and_its_time_goes_on() -> None:
    desk = Desk()
    clock = iter(float(n) for n in range(1_000_000))

    async def main() -> None:
        server = SandboxServer(desk.sandbox.exchange, clock=lambda: next(clock))
        urls = []
        for _ in range(2):
            async with server, Wire(server, desk) as wire:
                urls.append(server.url)
                wire.send_move()
                await wire.read_answer()
            with pytest.raises(ConnectionRefusedError):
                await Wire(server, desk).__aenter__()
        assert urls[0] == urls[1]

    run(main())
    first, second = records_of(desk.sandbox.journal)
    assert first.ended_s is not None
    assert first.at_s < first.ended_s < second.at_s


def test_a_body_that_is_too_large_is_refused_and_not_recorded() -> None:
    desk = Desk()

    async def main() -> None:
        async with SandboxServer(desk.sandbox.exchange) as server, aiohttp.ClientSession() as session:
            move = desk.move()
            async with session.put(
                server.url + move.target, data=io.BytesIO(b"x" * 2**21), headers=dict(move.headers)
            ) as answer:
                assert answer.status == 413

    run(main())
    assert records_of(desk.sandbox.journal) == ()


def test_only_loopback_is_served() -> None:
    async def main() -> None:
        async with SandboxServer(Desk().sandbox.exchange) as server:
            assert server._runner is not None
            assert [host for host, _ in server._runner.addresses] == ["127.0.0.1"]

    run(main())


def test_a_port_that_is_taken_is_told_and_leaves_nothing_open() -> None:
    async def main() -> None:
        with (
            socket.create_server(("127.0.0.1", 0)) as taken,
            pytest.raises(OSError, match="address already in use"),
        ):
            await SandboxServer(Desk().sandbox.exchange, port=taken.getsockname()[1]).start()

    run(main())
