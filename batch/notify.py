"""Tells others that a run has ended: a post of its summary, a file of metrics. Neither delays or fails a run."""

import http.client
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import structlog

from batch.version import version
from jobs.spec import SpecError
from reports import Summary
from reports.printable import shortened
from reports.summary import summary_json

_TIMEOUT_S = 5.0
"""For every step of the post; the name, the connection and the answer each take their time."""
_PATIENCE_S = 10.0
"""For all of it. Then it is left alone, and goes down with the process."""
_REASON_CHARS = 200
_log = structlog.get_logger()


class NotifyUrl(msgspec.Struct, frozen=True):
    """Where a summary may be posted. Its path is often a password, so only `host` is ever shown."""

    url: str

    @classmethod
    def parse(cls, text: str) -> "NotifyUrl":
        """Reads an https URL, or an http one of this machine.

        Raises:
            ValueError: another scheme, no host, or http to elsewhere; the text is not repeated.
        """
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValueError("not a URL") from None
        if not text.isascii() or not text.isprintable() or " " in text or not host:
            raise ValueError("not a URL")
        if parts.username is not None or parts.password is not None:
            raise ValueError("a user name in the URL is not sent; leave it out")
        if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
            return cls(text)
        raise ValueError("neither https nor an address of this machine")

    @property
    def host(self) -> str:
        """The host alone."""
        return urlsplit(self.url).hostname or ""

    def __repr__(self) -> str:
        return f"NotifyUrl({self.host})"


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to be told."""

    url: NotifyUrl | None = None
    textfile: Path | None = None


def targets_of(url: str | None, textfile: Path | None) -> Targets:
    """Who is to be told, by the options.

    Raises:
        SpecError: the URL cannot be used, or there is no folder to put the file in.
    """
    if textfile is not None and not os.access(textfile.parent, os.W_OK):
        raise SpecError("metrics-textfile", f"{textfile.parent}: there is no such folder, or it cannot be written to")
    try:
        return Targets(url=None if url is None else NotifyUrl.parse(url), textfile=textfile)
    except ValueError as error:
        raise SpecError("notify-url", str(error)) from error


def announce(summary: Summary, targets: Targets, say: Callable[[str], None]) -> None:
    """Tells everybody; what cannot be told is said and logged, and changes nothing else."""
    if targets.textfile is not None:
        from batch.metrics import write_textfile  # noqa: PLC0415 - few runs need it

        try:
            write_textfile(targets.textfile, summary)
        except OSError as error:
            _log.warning("metrics.not_written", reason=error.strerror)
            say(f"{targets.textfile}: metrics not written: {error.strerror}")
    if targets.url is not None:
        reason = post(targets.url, summary)
        if reason is None:
            _log.info("notify.sent", host=targets.url.host)
        else:
            _log.warning("notify.failed", host=targets.url.host, reason=reason)
            say(f"{targets.url.host} was not told of the end: {reason}")


def post(url: NotifyUrl, summary: Summary) -> str | None:
    """Posts a summary as JSON; None when it was taken, otherwise why not. Takes ten seconds at the most.

    A redirect is not followed: what it leads to was not asked for.
    """
    found: list[str | None] = []
    thread = threading.Thread(target=lambda: found.append(_post(url, summary)), daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    return found[0] if found else f"no answer within {_PATIENCE_S:g} s"


def _post(url: NotifyUrl, summary: Summary) -> str | None:
    request = urllib.request.Request(  # noqa: S310 - https, or http to this machine
        url.url,
        data=summary_json(summary),
        headers={"Content-Type": "application/json", "User-Agent": f"csms-rekey/{version()}"},
        method="POST",
    )
    proxies = [urllib.request.ProxyHandler({})] if _is_loopback(url.host) else []
    try:
        with urllib.request.build_opener(_NoRedirect, *proxies).open(request, timeout=_TIMEOUT_S):
            return None
    except urllib.error.HTTPError as error:
        with error:
            return f"HTTP {error.code}"
    except urllib.error.URLError as error:
        return shortened(str(error.reason), _REASON_CHARS)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return shortened(str(error) or type(error).__name__, _REASON_CHARS)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object) -> None:
        return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
