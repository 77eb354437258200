"""Real TLS: what is let in, and that nothing is sent where the other side is not who it has to be."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import WireAnswer, WireRequest
from batch.csms.network import Network, open_network, parse_proxy
from batch.csms.tls import client_context
from batch.csms.wire import HttpWire, Proxy
from batch.redaction.masked import Masked
from jobs.spec import SpecError
from tests.listening import listening_at

CANARY = "canary-token"
REQUEST = WireRequest(method="PUT", target="/v1/p/secrets/a", headers={"X-Auth-Token": CANARY}, body=b"{}")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Server:
    """Answers every request 200 and keeps all it was sent."""

    tls: ssl.SSLContext | None
    heard: bytearray = field(default_factory=bytearray)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                self.heard += chunk
                if self.tls is None and chunk.startswith(b"\x16"):
                    # What a web server says to the first bytes of TLS.
                    writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                    break
                if chunk.endswith(b"{}"):
                    writer.write(ANSWER)
                    await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()


def send(server: Server, network: Network, *, host: str = "localhost", scheme: str = "https") -> WireAnswer | Fault:
    async def scenario() -> WireAnswer | Fault:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # a failed handshake is what is tested
        async with (
            listening_at(server, server.tls) as port,
            network.wire(f"{scheme}://{host}:{port}", timeout_s=2.0) as wire,
        ):
            return await wire.send(REQUEST)

    return asyncio.run(scenario())


@contextmanager
def authority(tmp_path: Path) -> Iterator[tuple[trustme.CA, Path]]:
    ca = trustme.CA()
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    yield ca, path


def server_with(certificate: trustme.LeafCert, **limits: ssl.TLSVersion) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    for name, version in limits.items():
        setattr(context, name, version)
    return Server(context)


def test_a_certificate_of_the_given_authority_for_the_host_is_let_in(tmp_path: Path) -> None:
    with authority(tmp_path) as (ca, path):
        server = server_with(ca.issue_cert("localhost"))
        answer = send(server, Network(client_context(path)))
    assert isinstance(answer, WireAnswer)
    assert CANARY.encode() in server.heard


def _certificate(kind: str, ca: trustme.CA) -> trustme.LeafCert:
    match kind:
        case "wrong host":
            return ca.issue_cert("other.example")
        case "expired":
            return ca.issue_cert("localhost", not_after=datetime(2020, 1, 1, tzinfo=UTC))
        case _:
            return trustme.CA().issue_cert("localhost")


@pytest.mark.parametrize("kind", ["wrong host", "expired", "unknown authority"])
def test_any_other_certificate_is_a_configuration_error_and_nothing_is_sent(tmp_path: Path, kind: str) -> None:
    with authority(tmp_path) as (ca, path):
        server = server_with(_certificate(kind, ca))
        fault = send(server, Network(client_context(path)))
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code, fault.maybe_applied) == (FaultKind.MISCONFIGURED, "tls", False)
    assert server.heard == b""
    assert CANARY not in fault.message


def test_a_self_signed_certificate_is_not_let_in_by_the_roots_of_the_machine() -> None:
    server = server_with(trustme.CA().issue_cert("localhost"))
    fault = send(server, open_network(ca_file=None, proxy=None, environment={}))
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.MISCONFIGURED
    assert server.heard == b""


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_server_that_knows_nothing_newer_than_tls_1_1_gets_nothing(tmp_path: Path) -> None:
    with authority(tmp_path) as (ca, path):
        old = {"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1}
        server = server_with(ca.issue_cert("localhost"), **old)
        fault = send(server, Network(client_context(path)))
    assert isinstance(fault, Fault)
    # Some servers say why before they hang up, others do not.
    assert fault.kind in {FaultKind.MISCONFIGURED, FaultKind.UNREACHABLE}
    assert fault.maybe_applied is False
    assert server.heard == b""


@dataclass
class Saying:
    """Answers every handshake with the same bytes."""

    answer: bytes

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read(65_536)
            writer.write(self.answer)
            await writer.drain()
        writer.close()


def alert(number: int) -> bytes:
    """A fatal alert as the record that carries it (RFC 8446 6.2)."""
    return bytes((21, 3, 3, 0, 2, 2, number))


# A ServerHello for TLS 1.1 with a cipher of its time (RFC 4346 7.4.1.3).
HELLO_1_1 = bytes((22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2)) + bytes(32) + bytes((0, 0, 0x2F, 0))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (alert(80), FaultKind.UNREACHABLE),  # internal_error
        (alert(40), FaultKind.UNREACHABLE),  # handshake_failure
        (alert(112), FaultKind.UNREACHABLE),  # unrecognized_name
        (alert(250), FaultKind.UNREACHABLE),  # unassigned
        (alert(70), FaultKind.MISCONFIGURED),  # protocol_version
        (alert(48), FaultKind.MISCONFIGURED),  # unknown_ca
        (alert(116), FaultKind.MISCONFIGURED),  # certificate_required
        (HELLO_1_1, FaultKind.MISCONFIGURED),
    ],
)
def test_a_handshake_that_breaks_off_is_an_outage_unless_it_speaks_of_what_never_changes_by_itself(
    tmp_path: Path, answer: bytes, kind: FaultKind
) -> None:
    async def scenario(tls: ssl.SSLContext) -> WireAnswer | Fault:
        async with (
            listening_at(Saying(answer)) as port,
            HttpWire(f"https://localhost:{port}", timeout_s=5.0, tls=tls) as wire,
        ):
            return await wire.send(REQUEST)

    with authority(tmp_path) as (_, path):
        fault = asyncio.run(scenario(client_context(path)))
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code, fault.maybe_applied) == (kind, "tls", False)


def test_a_port_that_speaks_plain_http_gets_no_request(tmp_path: Path) -> None:
    server = Server(None)
    with authority(tmp_path) as (_, path):
        fault = send(server, Network(client_context(path)))
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.maybe_applied) == (FaultKind.MISCONFIGURED, False)
    assert CANARY.encode() not in server.heard


def test_the_context_verifies_and_wants_tls_1_2_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    context = client_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert not context.keylog_filename
    with authority(tmp_path) as (ca, path):
        send(server_with(ca.issue_cert("localhost")), Network(client_context(path)))
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(("text", "reason"), [(None, "No such file"), ("no pem", "holds no certificates")])
def test_a_ca_file_that_cannot_be_used_is_a_bad_option(tmp_path: Path, text: str | None, reason: str) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text, encoding="ascii")
    with pytest.raises(SpecError, match=f"--ca-file: .*{reason}"):
        client_context(path)


class ProxyServer:
    """A CONNECT proxy that notes what it is asked; instead of a tunnel it may have another `answer`."""

    def __init__(self, port: int, answer: bytes | None = None) -> None:
        self.port = port
        self.answer = answer
        self.heard = b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heard += await reader.readuntil(b"\r\n\r\n")
            if self.answer is not None:
                writer.write(self.answer)
                await writer.drain()
                return
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pump(reader, up_writer), _pump(up_reader, writer))
        finally:
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def through_proxy(tmp_path: Path, answer: bytes | None = None) -> tuple[WireAnswer | Fault, ProxyServer, Server]:
    with authority(tmp_path) as (ca, path):
        server = server_with(ca.issue_cert("csms.example"))
        tls = client_context(path)

    async def scenario() -> tuple[WireAnswer | Fault, ProxyServer, Server]:
        async with listening_at(server, server.tls) as port:
            proxy = ProxyServer(port, answer)
            async with listening_at(proxy) as between:
                settings = Proxy(url=f"http://127.0.0.1:{between}", login=Masked("u:canary-password"))
                async with Network(tls, settings).wire("https://csms.example", timeout_s=5.0) as wire:
                    return await wire.send(REQUEST), proxy, server

    return asyncio.run(scenario())


def test_a_proxy_sees_the_host_and_its_own_login_and_nothing_of_the_request(tmp_path: Path) -> None:
    answer, proxy, server = through_proxy(tmp_path)
    assert isinstance(answer, WireAnswer)
    assert proxy.heard.startswith(b"CONNECT csms.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " in proxy.heard
    assert CANARY.encode() not in proxy.heard
    assert CANARY.encode() in server.heard
    assert b"Proxy-Authorization" not in server.heard


@pytest.mark.parametrize("login", [None, Masked("u:p")])
def test_a_tunnel_through_a_proxy_is_kept_for_the_next_request(tmp_path: Path, login: Masked | None) -> None:
    with authority(tmp_path) as (ca, path):
        server, tls = server_with(ca.issue_cert("csms.example")), client_context(path)
    tunnels: list[ProxyServer] = []

    async def scenario() -> list[WireAnswer | Fault]:
        async with listening_at(server, server.tls) as port:

            async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                tunnels.append(ProxyServer(port))
                await tunnels[-1](reader, writer)

            async with listening_at(tunnel) as between:
                settings = Proxy(url=f"http://127.0.0.1:{between}", login=login)
                async with Network(tls, settings).wire("https://csms.example", timeout_s=5.0) as wire:
                    return [await wire.send(REQUEST) for _ in range(3)]

    assert [isinstance(answer, WireAnswer) for answer in asyncio.run(scenario())] == [True] * 3
    assert len(tunnels) == 1


@pytest.mark.parametrize("status", [400, 403, 407])
@pytest.mark.parametrize("rest", [b"Content-Length: 0\r\n\r\n", b"\r\n<html>"])
def test_a_proxy_that_refuses_to_connect_proves_that_nothing_was_applied(
    tmp_path: Path, status: int, rest: bytes
) -> None:
    fault, _, server = through_proxy(tmp_path, b"HTTP/1.1 %d Refused\r\n%b" % (status, rest))
    assert isinstance(fault, Fault)
    assert (fault.code, fault.kind, fault.maybe_applied) == ("proxy", FaultKind.MISCONFIGURED, False)
    assert str(status) in fault.message
    assert server.heard == b""


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 9_000 + b"\r\n\r\n",
        b"HTTP/1.1 " + b"x" * 9_000 + b"\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: https://proxy.example/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<htm",
        b"HTTP/1.1 200 Connection established\r\n\r\n",
        b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 999 \xff\xfe\r\nX: \x00\r\n\r\n",
        b"HTTP/1.1 407 Log in\r\nTransfer-Encoding: chunked\r\n\r\nzz",
        b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\nzz",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"",
    ],
)
def test_nothing_reached_the_service_where_a_proxy_answers_with_something_else_than_a_tunnel(
    tmp_path: Path, answer: bytes
) -> None:
    fault, _, server = through_proxy(tmp_path, answer)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.maybe_applied) == (FaultKind.UNREACHABLE, False), fault
    assert server.heard == b""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_speaks_tls_where_plain_http_was_said_or_the_reverse_has_been_sent_nothing(
    tmp_path: Path, scheme: str
) -> None:
    with authority(tmp_path) as (ca, path):
        service = server_with(ca.issue_cert("localhost"))
        proxy = Server(service.tls if scheme == "http" else None)

        async def scenario() -> WireAnswer | Fault:
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            async with listening_at(proxy, proxy.tls) as between:
                network = Network(client_context(path), Proxy(url=f"{scheme}://localhost:{between}"))
                async with network.wire("https://csms.example", timeout_s=2.0) as wire:
                    return await wire.send(REQUEST)

        fault = asyncio.run(scenario())
    assert isinstance(fault, Fault)
    assert fault.maybe_applied is False
    assert CANARY.encode() not in proxy.heard


def test_plain_http_never_goes_through_the_proxy() -> None:
    network = Network(client_context(), Proxy(url="http://127.0.0.1:1"))
    server = Server(None)
    assert isinstance(send(server, network, host="127.0.0.1", scheme="http"), WireAnswer)


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    network = open_network(ca_file=None, proxy=None, environment={})
    assert isinstance(send(Server(None), network, host="127.0.0.1", scheme="http"), WireAnswer)


@pytest.mark.parametrize(
    "text", ["proxy:3128", "http://u:canary@proxy:1", "ftp://proxy:1", "http://proxy", "http://proxy:x", "http://p:1/x"]
)
def test_a_proxy_is_scheme_host_and_port_and_never_a_password(text: str) -> None:
    with pytest.raises(SpecError, match="--proxy") as caught:
        parse_proxy(text, {})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("given", ["CSMS_REKEY_PROXY_USER", "CSMS_REKEY_PROXY_PASSWORD"])
@pytest.mark.parametrize("text", ["canary", "canary\udce4"])
def test_half_a_login_of_the_proxy_is_refused_and_not_shown(given: str, text: str) -> None:
    with pytest.raises(SpecError, match="--proxy") as caught:
        parse_proxy("http://proxy:1", {given: text})
    assert "canary" not in str(caught.value)


def test_the_login_of_the_proxy_comes_from_the_environment() -> None:
    environment = {"CSMS_REKEY_PROXY_USER": "u", "CSMS_REKEY_PROXY_PASSWORD": "p"}
    network = open_network(ca_file=None, proxy="http://proxy:3128/", environment=environment)
    assert network.proxy == Proxy(url="http://proxy:3128", login=Masked("u:p"))
    assert [secret.reveal() for secret in network.secrets()] == ["u:p", "p"]


def test_without_a_context_of_ours_the_librarys_verifies_too() -> None:
    async def scenario() -> WireAnswer | Fault:
        server = server_with(trustme.CA().issue_cert("localhost"))
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        async with (
            listening_at(server, server.tls) as port,
            HttpWire(f"https://localhost:{port}", timeout_s=5.0) as wire,
        ):
            return await wire.send(REQUEST)

    fault = asyncio.run(scenario())
    assert isinstance(fault, Fault)
    assert fault.kind is FaultKind.MISCONFIGURED
