"""Posting the summary of a run that has ended."""

import json
import pickle
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from batch.csms.network import Network
from batch.csms.tls import client_context
from batch.redaction.masked import Masked
from batch.redaction.redactor import Redactor
from batch.telemetry import notify
from batch.telemetry.notify import NotifyUrl, Targets, announce, post, targets_of
from jobs.spec import SpecError
from reports import Summary
from reports.screen.chat import chat_text
from reports.summary.schema import summary_json
from tests.unit.summaries import summary_of

NETWORK = Network(client_context())


class Listener(ThreadingHTTPServer):
    """Takes posts and answers them all with one status."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.got: list[tuple[str, str, bytes]] = []
        self.release = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/hook/s3cret"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], body))
        if self.server.status == 0:
            self.server.release.wait(30)
            return
        self.send_response(self.server.status)
        if self.server.status in {301, 307}:
            self.send_header("Location", self.server.url + "/elsewhere")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - the base class decides

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class decides
        del format, args


@contextmanager
def listening(status: int = 204) -> Iterator[Listener]:
    """A listener while the block runs."""
    with Listener(status) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.release.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def summary(tmp_path: Path) -> Summary:
    """Of a small run."""
    return summary_of(tmp_path)


def test_the_summary_is_posted_as_it_is_written(summary: Summary, tmp_path: Path) -> None:
    """Byte for byte the file, once."""
    with listening() as server:
        assert post(NotifyUrl.parse(server.url), summary_json(summary), NETWORK) is None
    [(path, kind, body)] = server.got
    assert (path, kind) == ("/hook/s3cret", "application/json")
    assert body == (tmp_path / "run" / "summary.json").read_bytes()
    assert json.loads(body)["schema"] == "csms-rekey/summary/1"


@pytest.mark.parametrize(("status", "reason"), [(500, "HTTP 500"), (301, "HTTP 301"), (307, "HTTP 307")])
def test_a_refusal_is_told_and_a_redirect_is_not_followed(summary: Summary, status: int, reason: str) -> None:
    """Nor tried again."""
    with listening(status) as server:
        assert post(NotifyUrl.parse(server.url), summary_json(summary), NETWORK) == reason
    assert len(server.got) == 1


def test_a_receiver_that_does_not_answer_is_told(summary: Summary) -> None:
    """In the library's words."""
    with listening() as server:
        url = server.url
    assert "ClientConnectorError" in (post(NotifyUrl.parse(url), summary_json(summary), NETWORK) or "")


def test_a_listener_that_never_answers_is_left_alone(summary: Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time, however it drips."""
    monkeypatch.setattr(notify, "_PATIENCE_S", 0.1)
    with listening(0) as server:
        assert post(NotifyUrl.parse(server.url), summary_json(summary), NETWORK) == "no whole answer within the timeout"


def test_a_chat_gets_one_text(summary: Summary, tmp_path: Path) -> None:
    """And nothing that a chat would not know."""
    said: list[str] = []
    with listening() as server:
        targets = targets_of(server.url, None, chat=True)
        announce(summary, tmp_path / "run", targets, NETWORK, said.append)
    [(_, kind, body)] = server.got
    assert (kind, json.loads(body), said) == ("application/json", {"text": chat_text(summary, tmp_path / "run")}, [])


def test_a_credential_in_a_message_for_a_chat_is_taken_out(summary: Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = Redactor()
    redactor.watch(lambda: (Masked("canary-token"),))
    monkeypatch.setattr(notify, "PROCESS_REDACTOR", redactor)
    assert b"canary" not in notify.chat_json(summary, Path("/srv/canary-token"))


def test_an_end_that_cannot_be_told_changes_nothing(summary: Summary, tmp_path: Path) -> None:
    """It is said with the host alone: the rest of such an address is often a password."""
    said: list[str] = []
    with listening(500) as server:
        url = NotifyUrl.parse(server.url)
        announce(summary, tmp_path, Targets(url=url, textfile=tmp_path / "no" / "x.prom"), NETWORK, said.append)
    assert said == [
        f"{tmp_path}/no/x.prom: metrics not written: No such file or directory",
        "could not notify 127.0.0.1: HTTP 500",
    ]
    assert "s3cret" not in repr(url)
    with pytest.raises(TypeError):
        pickle.dumps(url)


def test_a_server_that_throws_the_address_back_does_not_get_it_shown(summary: Summary) -> None:
    """As one that speaks no HTTP and echoes what it hears."""

    class Echo(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(self.rfile.readline())

    with socketserver.TCPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = NotifyUrl.parse(f"http://127.0.0.1:{server.server_address[1]}/hook/s3cret")
        reason = post(url, summary_json(summary), NETWORK)
        thread.join()
    assert reason == "the answer is not HTTP"


def test_a_proxy_of_the_environment_hears_nothing(summary: Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only one that --proxy names is used."""
    with listening() as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:pw@127.0.0.1:{server.server_port}")
        assert post(NotifyUrl.parse("https://127.0.0.1:9/x"), summary_json(summary), NETWORK) is not None
        assert server.got == []


def test_an_end_that_is_told_says_nothing(summary: Summary, tmp_path: Path) -> None:
    """To the person at the screen."""
    said: list[str] = []
    with listening() as server:
        targets = Targets(url=NotifyUrl.parse(server.url), textfile=tmp_path / "x.prom")
        announce(summary, tmp_path, targets, NETWORK, said.append)
    assert said == []
    assert (tmp_path / "x.prom").exists()
    announce(summary, tmp_path, Targets(), NETWORK, said.append)


def test_an_option_that_cannot_be_used_is_told_by_its_name() -> None:
    """Before anything is sent, and without the address."""
    with pytest.raises(SpecError, match=r"^--notify-url: neither https nor an address of this machine$"):
        targets_of("http://example.com/s3cret", None)
    assert targets_of(None, None) == Targets()


@pytest.mark.parametrize(
    "text",
    ["https://example.com/x", "http://localhost:9/x", "http://127.0.0.1/", "http://127.3.2.1:80/", "http://[::1]:9/a"],
)
def test_https_and_this_machine_may_be_told(text: str) -> None:
    """Nothing else in the clear."""
    assert NotifyUrl.parse(text).url.reveal() == text


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_break_at_the_end_does_not_belong_to_the_address(end: str) -> None:
    """A secret that was made from a file ends with one."""
    assert NotifyUrl.parse(f"https://example.com/x{end}").url.reveal() == "https://example.com/x"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "http://example.com/x",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "ftp://localhost/",
        "file:///etc/passwd",
        "https://",
        "https://user:password@example.com/",
        "https://exa mple.com/",
        "https://example.com/\r\nX: y",
        "https://example.com:port/",
        "http://[::1/",
        "https://\u0435xample.com/",
    ],
)
def test_other_addresses_are_refused_without_being_repeated(text: str) -> None:
    """They may hold a password."""
    with pytest.raises(ValueError, match=r"URL|this machine") as caught:
        NotifyUrl.parse(text)
    assert not text or text not in str(caught.value)
