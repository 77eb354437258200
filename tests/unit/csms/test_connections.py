"""What is left of one exchange never becomes part of the next; and which names of aiohttp this rests on."""

import asyncio
import inspect
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import aiohttp.connector
import aiohttp.http
import pytest
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_parser import HttpResponseParser
from aiohttp.streams import DataQueue

from batch.csms.deadlines import Deadline
from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import WireAnswer, WireRequest
from batch.csms.wire import HttpWire
from tests.listening import listening_at

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"
LIE = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nlie"


def put(body: bytes = b"{}", method: str = "PUT") -> WireRequest:
    return WireRequest(method=method, target="/x", headers={"X-Auth-Token": "t"}, body=body)


class Line:
    """The servers' side of every connection, one after the other, in the hands of a test."""

    def __init__(self, *answers: bytes) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.heard: list[bytes] = []
        self._answers = list(answers)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while chunk := await reader.read(65_536):
                self.heard.append(chunk)
                writer.write(self._answers.pop(0) if self._answers else OK)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def say(self, text: bytes) -> None:
        """Puts something on the newest connection, past the loop: it is there at once, and has not been read."""
        sock = self.writers[-1].get_extra_info("socket")
        assert sock.fileno() >= 0
        with sock.dup() as raw:
            raw.sendall(text)


def exchanges(
    line: Line, first: WireRequest, between: Callable[[], None], *, looks: bool
) -> tuple[WireAnswer | Fault, WireAnswer | Fault]:
    """Two requests, with something between them; the loop `looks` at it before the second, or not."""

    async def scenario() -> tuple[WireAnswer | Fault, WireAnswer | Fault]:
        async with listening_at(line) as port, HttpWire(f"http://127.0.0.1:{port}", timeout_s=5.0) as http:
            one = await http.send(first)
            between()
            if looks:
                for _ in range(5):
                    await asyncio.sleep(0)
            return one, await http.send(put())

    return asyncio.run(scenario())


def body_of(answer: WireAnswer | Fault) -> bytes:
    assert isinstance(answer, WireAnswer), answer
    return answer.body


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("stray", [LIE, LIE[:20], b"\x00"])
def test_what_comes_while_nothing_is_asked_is_never_taken_for_the_answer_to_the_next_request(
    stray: bytes, *, looks: bool
) -> None:
    line = Line()
    one, two = exchanges(line, put(), lambda: line.say(stray), looks=looks)
    assert [body_of(one), body_of(two)] == [b"one", b"one"]
    assert len(line.writers) == 2


@pytest.mark.parametrize("looks", [False, True])
def test_a_kept_connection_that_has_ended_meanwhile_is_not_used(*, looks: bool) -> None:
    line = Line()
    one, two = exchanges(line, put(), lambda: line.writers[-1].get_extra_info("socket").shutdown(1), looks=looks)
    assert [body_of(one), body_of(two)] == [b"one", b"one"]


@pytest.mark.parametrize("behind", [LIE, LIE[:20], b"x", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_what_comes_in_one_piece_with_an_answer_and_behind_it_is_dropped_with_its_connection(behind: bytes) -> None:
    line = Line(OK + behind)
    one, two = exchanges(line, put(), lambda: None, looks=False)
    assert body_of(two) == b"one"
    assert len(line.writers) == 2
    # What follows a whole answer says nothing against it, unless the piece as such cannot be read.
    assert isinstance(one, Fault) or one.body == b"one"


def test_an_answer_that_comes_before_the_request_is_whole_ends_the_connection() -> None:
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        early = (await reader.read(1)) and (await reader.read(3)) == b"OST"
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n" if early else OK)
        # Of a request that it does not want it reads no more.
        await over.wait()
        writer.close()

    async def scenario() -> tuple[WireAnswer | Fault, WireAnswer | Fault]:
        async with listening_at(serve) as port, HttpWire(f"http://127.0.0.1:{port}", timeout_s=1.0) as http:
            answers = await http.send(put(b"x" * 20_000_000, "POST")), await http.send(put())
            over.set()
            return answers

    one, two = asyncio.run(scenario())
    assert isinstance(one, WireAnswer)
    assert (one.status, body_of(two)) == (413, b"one")


@pytest.mark.parametrize(("connect_s", "timeout_s", "code"), [(10.0, 0.05, "timeout"), (0.05, 5.0, "unreachable")])
def test_a_connection_that_is_not_there_in_time_proves_that_nothing_was_applied(
    monkeypatch: pytest.MonkeyPatch, connect_s: float, timeout_s: float, code: str
) -> None:
    monkeypatch.setattr("batch.csms.wire._CONNECT_TIMEOUT_S", connect_s)

    async def scenario(port: int) -> WireAnswer | Fault:
        async with HttpWire(f"http://127.0.0.1:{port}", timeout_s=timeout_s) as http:
            return await http.send(put())

    # The one connection that may wait is not taken, and the next is not answered.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        fault = asyncio.run(scenario(full.getsockname()[1]))
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code, fault.maybe_applied) == (FaultKind.UNREACHABLE, code, False)


def test_a_connection_that_comes_when_the_time_is_over_is_not_used() -> None:
    deadline = Deadline(at_s=1.0)
    deadline.expire()
    with pytest.raises(TimeoutError):
        deadline.watch(asyncio.Transport())


@pytest.mark.parametrize(
    ("answer", "status", "body", "kept"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, 200, b"one", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b"", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n2\r\n!!\r\n0\r\n\r\n", 200, b"one!!", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\none", 200, b"one", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none", 200, b"one", False),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 101, b"", False),
    ],
)
def test_every_framing_of_an_answer_is_read_to_its_end(answer: bytes, status: int, body: bytes, *, kept: bool) -> None:
    line = Line(answer)
    one, two = exchanges(line, put(), lambda: None, looks=True)
    assert isinstance(one, WireAnswer)
    assert (one.status, one.body, body_of(two)) == (status, body, b"one")
    assert len(line.writers) == (1 if kept else 2)


def test_the_answer_to_head_has_no_body_whatever_length_it_names() -> None:
    line = Line(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    one, two = exchanges(line, put(b"", "HEAD"), lambda: None, looks=False)
    assert [body_of(one), body_of(two)] == [b"", b"one"]
    assert len(line.writers) == 1


@pytest.mark.parametrize("framing", [b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_an_answer_that_is_not_whole_in_time_is_no_answer(framing: bytes) -> None:
    line = Line(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n3\r\n")

    async def scenario() -> WireAnswer | Fault:
        async with listening_at(line) as port, HttpWire(f"http://127.0.0.1:{port}", timeout_s=0.05) as http:
            return await http.send(put())

    fault = asyncio.run(scenario())
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code, fault.maybe_applied) == (FaultKind.LOST, "timeout", True)


def test_each_of_many_exchanges_has_its_own_time() -> None:
    async def silent_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"silent" not in await reader.read(65_536):
            writer.write(OK)
        await reader.read()
        writer.close()

    async def scenario() -> tuple[WireAnswer | Fault, ...]:
        async with listening_at(silent_once) as port, HttpWire(f"http://127.0.0.1:{port}", timeout_s=0.05) as http:
            return tuple(await asyncio.gather(*(http.send(put(text)) for text in (b"{}", b"silent", b"{}", b"silent"))))

    answers = asyncio.run(scenario())
    assert [isinstance(answer, WireAnswer) for answer in answers] == [True, False, True, False]


def test_who_stops_waiting_for_an_answer_ends_the_connection() -> None:
    line = Line(b"", OK)

    async def scenario() -> WireAnswer | Fault:
        async with listening_at(line) as port, HttpWire(f"http://127.0.0.1:{port}", timeout_s=5.0) as http:
            waiting = asyncio.create_task(http.send(put()))
            while not line.heard:  # noqa: ASYNC110 - the server has no other way to say so
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            return await http.send(put())

    assert body_of(asyncio.run(scenario())) == b"one"
    assert len(line.writers) == 2


def test_after_the_end_nothing_is_sent() -> None:
    async def scenario() -> WireAnswer | Fault:
        async with HttpWire("http://127.0.0.1:9", timeout_s=5.0) as http:
            pass
        return await http.send(put())

    fault = asyncio.run(scenario())
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.maybe_applied) == (FaultKind.INTERNAL, False)


def _parameters(function: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(function).parameters)


_NAMES: dict[str, Callable[[], bool]] = {
    "ClientRequest(method, url, loop, proxy, proxy_headers)": lambda: (
        _parameters(aiohttp.ClientRequest) >= {"method", "url", "loop", "proxy", "proxy_headers"}
    ),
    "TCPConnector.connect(req, traces, timeout)": lambda: (
        list(inspect.signature(aiohttp.TCPConnector.connect).parameters) == ["self", "req", "traces", "timeout"]
    ),
    "ClientTimeout(connect, sock_connect, ceil_threshold)": lambda: (
        _parameters(aiohttp.ClientTimeout) >= {"connect", "sock_connect", "ceil_threshold"}
    ),
    "Connection.protocol, .transport": lambda: (
        isinstance(aiohttp.connector.Connection.protocol, property)
        and isinstance(aiohttp.connector.Connection.transport, property)
    ),
    "Connection.close()": lambda: _parameters(aiohttp.connector.Connection.close) == {"self"},
    "ResponseHandler.set_response_params(...)": lambda: (
        _parameters(ResponseHandler.set_response_params)
        >= {"skip_payload", "read_until_eof", "auto_decompress", "max_line_size", "max_field_size"}
    ),
    "ResponseHandler.is_connected(), .should_close": lambda: (
        _parameters(ResponseHandler.is_connected) == {"self"} and isinstance(ResponseHandler.should_close, property)
    ),
    "ResponseHandler.read()": lambda: (
        ResponseHandler.read is DataQueue.read and inspect.iscoroutinefunction(DataQueue.read)
    ),
    "ResponseHandler._parser": lambda: (
        "self._parser.feed_data(" in inspect.getsource(ResponseHandler.data_received)
        and "self._parser.feed_eof(" in inspect.getsource(ResponseHandler.connection_lost)
    ),
    "HttpResponseParser.feed_eof()": lambda: callable(HttpResponseParser.feed_eof),
    "RawResponseMessage.code, .headers": lambda: all(
        hasattr(aiohttp.http.RawResponseMessage, name) for name in ("code", "headers")
    ),
    "StreamReader.is_eof(), .readany()": lambda: all(
        callable(getattr(aiohttp.StreamReader, name, None)) for name in ("is_eof", "readany")
    ),
    "StreamReader._buffer": lambda: "_buffer" in aiohttp.StreamReader.__slots__,
    "http.HttpProcessingError": lambda: issubclass(aiohttp.http.HttpProcessingError, Exception),
}


@pytest.mark.parametrize("name", _NAMES)
def test_a_name_that_aiohttp_does_not_document_is_still_there(name: str) -> None:
    assert _NAMES[name](), f"aiohttp {aiohttp.__version__} has moved {name}; see batch/csms/line.py"
