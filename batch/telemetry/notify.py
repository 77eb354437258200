"""Reports the end of a run: posts its summary or a message, and writes a file of metrics. Neither can fail a run."""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import structlog

from batch.csms.faults import Fault
from batch.csms.messages import WireRequest
from batch.process.loop import run_loop
from batch.process.version import version
from batch.redaction.masked import Masked
from batch.redaction.redactor import PROCESS_REDACTOR
from batch.telemetry.textfile import unfit
from jobs.endpoint import is_loopback
from jobs.spec import SpecError
from reports import Summary
from reports.screen.chat import chat_text
from reports.summary.schema import summary_json

if TYPE_CHECKING:
    from batch.csms.network import Network

_PATIENCE_S = 10.0
"""For all of a post."""
_log = structlog.get_logger()


class NotifyUrl(msgspec.Struct, frozen=True):
    """Where a summary may be posted. Its path is often a password, so only `host` is ever shown."""

    url: Masked

    @classmethod
    def parse(cls, text: str) -> "NotifyUrl":
        """Reads an https URL, or an http one of this machine; a line break at its end, as a secret made from a file has
        it, does not belong to it.

        Raises:
            ValueError: another scheme, no host, or http to elsewhere; the text is not repeated.
        """
        text = text.rstrip("\r\n")
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValueError("not a URL") from None
        if not text.isascii() or not text.isprintable() or " " in text or not host:
            raise ValueError("not a URL")
        if parts.username is not None or parts.password is not None:
            raise ValueError("a user name in the URL is not sent; leave it out")
        if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
            return cls(Masked(text))
        raise ValueError("neither https nor an address of this machine")

    @property
    def host(self) -> str:
        """The host alone."""
        return urlsplit(self.url.reveal()).hostname or ""

    def parts(self) -> tuple[str, str]:
        """Where it is, as an endpoint, and what is asked for there."""
        parts = urlsplit(self.url.reveal())
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{parts.netloc}", (parts.path or "/") + query

    def __repr__(self) -> str:
        return f"NotifyUrl({self.host})"


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """Who is notified; `chat` says that the URL takes a message, not a summary."""

    url: NotifyUrl | None = None
    chat: bool = False
    textfile: Path | None = None


def targets_of(url: str | None, textfile: Path | None, *, chat: bool = False) -> Targets:
    """Who is notified, by the options.

    Raises:
        SpecError: the URL cannot be used, or the file cannot be put where it is wanted.
    """
    if textfile is not None and (reason := unfit(textfile)) is not None:
        raise SpecError("metrics-textfile", reason)
    try:
        return Targets(url=None if url is None else NotifyUrl.parse(url), chat=chat, textfile=textfile)
    except ValueError as error:
        raise SpecError("notify-url", str(error)) from error


def announce(summary: Summary, folder: Path, targets: Targets, network: "Network", say: Callable[[str], None]) -> None:
    """Notifies all of them of a run in `folder`; a failure is shown and logged, and changes nothing else."""
    if targets.textfile is not None:
        from batch.telemetry.metrics import write_textfile  # noqa: PLC0415 - few runs need it

        try:
            write_textfile(targets.textfile, summary)
        except OSError as error:
            _log.warning("metrics.not_written", reason=error.strerror)
            say(f"{targets.textfile}: metrics not written: {error.strerror}")
    if targets.url is not None:
        body = chat_json(summary, folder) if targets.chat else summary_json(summary)
        reason = post(targets.url, body, network)
        if reason is None:
            _log.info("notify.sent", host=targets.url.host)
        else:
            _log.warning("notify.failed", host=targets.url.host, reason=reason)
            say(f"could not notify {targets.url.host}: {reason}")


def chat_json(summary: Summary, folder: Path) -> bytes:
    """The end of a run as the hooks of chats take it: one text."""
    return msgspec.json.encode({"text": PROCESS_REDACTOR.clean(chat_text(summary, folder))})


def post(url: NotifyUrl, body: bytes, network: "Network") -> str | None:
    """Posts JSON, the way a run's own requests go; None when it was taken, otherwise why not.

    A redirect is not followed: what it leads to was not asked for.
    """
    return run_loop(lambda: _post(url, body, network))


async def _post(url: NotifyUrl, body: bytes, network: "Network") -> str | None:
    endpoint, target = url.parts()
    headers = {"Content-Type": "application/json", "User-Agent": f"csms-rekey/{version()}"}
    async with network.wire(endpoint, timeout_s=_PATIENCE_S) as wire:
        request = WireRequest(method="POST", target=target, headers=headers, body=body)
        answer = await wire.send(request)
    status = answer.http_status if isinstance(answer, Fault) else answer.status
    if status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    return answer.message if isinstance(answer, Fault) else f"HTTP {status}"
