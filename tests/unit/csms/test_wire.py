"""What leaves on a real socket, how often, and what is made of every way an answer can go wrong."""

import asyncio
import contextlib
import inspect
import socket
import time

import aiohttp
import msgspec
import pytest

from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import BODY_LIMIT, WireAnswer, WireRequest
from batch.csms.wire import HttpWire, bytes_of, fields_of
from batch.csms.wire_faults import fault_of
from tests.listening import listening_at

PUT = WireRequest(method="PUT", target="/v1/p/secrets/a%2Fb", headers={"X-Auth-Token": "t"}, body=b'{"a":1}')
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-Id: abc\r\n\r\n{}"


class RawServer:
    """Counts the requests that reach it whole and answers each with `answer`; None closes, "rst" resets."""

    def __init__(self, *answers: bytes | str | None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
                self.requests.append(head + body)
                answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
                if answer is None:
                    break
                if answer == "rst":
                    sock = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    break
                assert isinstance(answer, bytes)
                writer.write(answer)
                await writer.drain()
                if b"Connection: close" in answer or b"Content-Length" not in answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def exchange(server: RawServer, *requests: WireRequest, timeout_s: float = 5.0) -> list[WireAnswer | Fault]:
    async with listening_at(server) as port, HttpWire(f"http://127.0.0.1:{port}", timeout_s=timeout_s) as http:
        return [await http.send(request) for request in requests]


def send(server: RawServer, *requests: WireRequest, timeout_s: float = 5.0) -> list[WireAnswer | Fault]:
    return asyncio.run(exchange(server, *(requests or (PUT,)), timeout_s=timeout_s))


def test_the_path_the_headers_and_the_body_go_out_exactly_as_given() -> None:
    server = RawServer(OK)
    before_s = time.time()
    (answer,) = send(server)
    assert isinstance(answer, WireAnswer)
    assert (answer.status, answer.body, answer.request_id) == (200, b"{}", "abc")
    assert before_s <= (answer.came_s or 0.0) <= time.time()
    (request,) = server.requests
    assert request.startswith(b"PUT /v1/p/secrets/a%2Fb HTTP/1.1\r\n")
    assert b"X-Auth-Token: t\r\n" in request
    assert request.endswith(b'\r\n\r\n{"a":1}')


@pytest.mark.parametrize("ending", [None, "rst"])
def test_a_put_whose_connection_breaks_is_sent_exactly_once(ending: str | None) -> None:
    server = RawServer(ending)
    (fault,) = send(server)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.maybe_applied) == (FaultKind.LOST, True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("ending", [None, "rst"])
def test_a_put_on_a_kept_connection_that_breaks_is_sent_exactly_once(ending: str | None) -> None:
    server = RawServer(OK, ending)
    _, fault = send(server, PUT, PUT)
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.LOST
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_never_followed(status: int) -> None:
    sink = RawServer(OK)

    async def scenario() -> WireAnswer | Fault:
        async with listening_at(sink) as port:
            location = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{port}/x\r\nContent-Length: 0\r\n\r\n"
            return (await exchange(RawServer(location.encode()), PUT))[0]

    answer = asyncio.run(scenario())
    assert isinstance(answer, WireAnswer)
    assert answer.status == status
    assert sink.requests == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n{}", "truncated"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n{", "truncated"),
        (b"garbage\r\n\r\nConnection: close", "garbled"),
        (b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 9_000 + b"\r\nConnection: close\r\n\r\n", "garbled"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\nConnection: close\r\n\r\n" + b"x" * 70_000, "oversized"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * (BODY_LIMIT + 1), "oversized"),
    ],
)
def test_an_answer_that_is_not_whole_or_not_http_leaves_the_fate_open(answer: bytes, code: str) -> None:
    (fault,) = send(RawServer(answer))
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code, fault.maybe_applied) == (FaultKind.LOST, code, True)


def test_a_body_up_to_the_limit_is_read_and_never_unpacked() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % BODY_LIMIT
    (answer,) = send(RawServer(head + b"\x1f" * BODY_LIMIT))
    assert isinstance(answer, WireAnswer)
    assert answer.body == b"\x1f" * BODY_LIMIT


@pytest.mark.parametrize("framing", [b"Content-Length: 70000\r\n", b"Connection: close\r\n"])
def test_a_request_may_allow_a_larger_answer(framing: bytes) -> None:
    server = RawServer(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n" + b"x" * 70_000)
    (answer,) = asyncio.run(exchange(server, msgspec.structs.replace(PUT, answer_limit=70_000)))
    assert isinstance(answer, WireAnswer)
    assert len(answer.body) == 70_000
    (fault,) = asyncio.run(exchange(server, msgspec.structs.replace(PUT, answer_limit=69_999)))
    assert isinstance(fault, Fault)
    assert (fault.code, fault.message) == ("oversized", "the answer is larger than 69999 bytes")


def test_a_server_that_says_nothing_runs_into_the_timeout_with_the_fate_open() -> None:
    class Silent(RawServer):
        async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            await writer.wait_closed()

    (fault,) = send(Silent(), timeout_s=0.05)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code, fault.maybe_applied) == (FaultKind.LOST, "timeout", True)


def test_a_closed_port_proves_that_nothing_was_applied() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    async def scenario() -> WireAnswer | Fault:
        async with HttpWire(f"http://127.0.0.1:{port}", timeout_s=5.0) as http:
            return await http.send(PUT)

    fault = asyncio.run(scenario())
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.maybe_applied) == (FaultKind.UNREACHABLE, False)


def test_a_header_that_cannot_be_sent_is_a_defect_that_shows_no_header() -> None:
    request = WireRequest(method="PUT", target="/x", headers={"X-Auth-Token": "secret\n"}, body=b"{}")
    (fault,) = send(RawServer(OK), request)
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.INTERNAL
    assert "secret" not in fault.message


@pytest.mark.parametrize("odd", ["\r", "\n", "\r\n", "\r\nX: y", "\0", "\x1b", "\x7f"])
@pytest.mark.parametrize("place", ["method", "target", "name", "value"])
def test_no_part_of_a_request_can_begin_another_header_or_another_request(place: str, odd: str) -> None:
    parts = {"method": "PUT", "target": "/x", "name": "X-Auth-Token", "value": "t"}
    parts[place] += odd
    request = WireRequest(method=parts["method"], target=parts["target"], headers={parts["name"]: parts["value"]})
    with pytest.raises(ValueError, match="control character"):
        bytes_of(request, fields_of(request.headers, "host"))


def test_each_request_carries_its_own_headers() -> None:
    server = RawServer(OK)
    send(server, *(msgspec.structs.replace(PUT, headers={"X-Auth-Token": token}) for token in ("a", "b", "b", "a")))
    assert [request.split(b"X-Auth-Token: ")[1][:1] for request in server.requests] == [b"a", b"b", b"b", b"a"]


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        (WireRequest(method="GET", target="/x?a=b", headers={}), b"GET /x?a=b HTTP/1.1\r\nHost: h:1\r\n\r\n"),
        (
            WireRequest(method="PUT", target="/", headers={"A": "\t\u00fc"}),
            b"PUT / HTTP/1.1\r\nHost: h:1\r\nA: \t\xc3\xbc\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            WireRequest(method="POST", target="/", headers={"Host": "signed"}, body=b"\r\n\0"),
            b"POST / HTTP/1.1\r\nHost: signed\r\nContent-Length: 3\r\n\r\n\r\n\0",
        ),
    ],
)
def test_a_request_is_its_line_its_host_its_headers_its_length_and_its_body(request_: WireRequest, sent: bytes) -> None:
    assert bytes_of(request_, fields_of(request_.headers, "h:1")) == sent


# Exceptions that no answer to a plain request can raise: websockets, and errors of a server.
_FOREIGN = {"WSServerHandshakeError", "WSMessageTypeError", "ServerFingerprintMismatch"}
_EXPECTED = {
    "ClientConnectorCertificateError": FaultKind.MISCONFIGURED,
    "ClientConnectorSSLError": FaultKind.UNREACHABLE,
    "ClientSSLError": FaultKind.UNREACHABLE,
    "ClientConnectorError": FaultKind.UNREACHABLE,
    "ClientConnectorDNSError": FaultKind.UNREACHABLE,
    "ClientProxyConnectionError": FaultKind.UNREACHABLE,
    "UnixClientConnectorError": FaultKind.UNREACHABLE,
    "ConnectionTimeoutError": FaultKind.UNREACHABLE,
    "ServerConnectionError": FaultKind.LOST,
    "ServerDisconnectedError": FaultKind.LOST,
    "ServerTimeoutError": FaultKind.LOST,
    "SocketTimeoutError": FaultKind.LOST,
    "ClientConnectionError": FaultKind.LOST,
    "ClientConnectionResetError": FaultKind.LOST,
    "ClientOSError": FaultKind.LOST,
    "ClientPayloadError": FaultKind.LOST,
    "ClientResponseError": FaultKind.LOST,
    "ClientHttpProxyError": FaultKind.MISCONFIGURED,
    "ContentTypeError": FaultKind.LOST,
    "ClientError": FaultKind.LOST,
    "TooManyRedirects": FaultKind.INTERNAL,
    "UploadAbortedError": FaultKind.LOST,
    "InvalidURL": FaultKind.INTERNAL,
    "InvalidUrlClientError": FaultKind.INTERNAL,
    "NonHttpUrlClientError": FaultKind.INTERNAL,
    "RedirectClientError": FaultKind.INTERNAL,
    "InvalidUrlRedirectClientError": FaultKind.INTERNAL,
    "NonHttpUrlRedirectClientError": FaultKind.INTERNAL,
}


def _made(kind: type[Exception]) -> Exception:
    """An instance without the arguments its constructor wants: only its class is looked at."""
    error = kind.__new__(kind)
    error.__dict__.update(_os_error=OSError(111, "refused"), _conn_key=None, message="m", status=400)
    return error


def test_every_exception_of_the_http_library_has_its_place() -> None:
    raised = {
        name: value
        for name, value in vars(aiohttp.client_exceptions).items()
        if inspect.isclass(value) and issubclass(value, aiohttp.ClientError)
    }
    assert set(raised) - _FOREIGN == set(_EXPECTED)
    for name, kind in _EXPECTED.items():
        fault = fault_of(_made(raised[name]), sent=True)
        assert (name, fault.kind) == (name, kind)
        assert fault.maybe_applied is (kind is FaultKind.LOST), name


@pytest.mark.parametrize(
    "error",
    [
        _made(aiohttp.ClientPayloadError),
        _made(aiohttp.ClientResponseError),
        TimeoutError(),
        OSError(104, "reset"),
        aiohttp.ServerDisconnectedError(),
    ],
)
def test_whether_headers_were_sent_decides_and_not_the_type_of_the_exception(error: Exception) -> None:
    assert fault_of(error, sent=True).kind is FaultKind.LOST
    assert fault_of(error, sent=False).kind is FaultKind.UNREACHABLE
    assert fault_of(error, sent=False).maybe_applied is False
