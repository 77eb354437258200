"""The one way out: sends a prepared request over HTTP exactly once and says whether it may have left."""

import base64
import re
import ssl
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import aiohttp
import msgspec

from batch.csms.connections import Connections
from batch.csms.deadlines import Deadlines
from batch.csms.faults import Fault, bounded
from batch.csms.line import body_of
from batch.csms.messages import HeldBackError, WireAnswer, WireRequest, nothing
from batch.csms.wire_faults import fault_of, lost
from batch.redaction.masked import Masked

HEADER_LIMIT = 8_190
# What the service's request ids look like: no text that could carry anything else.
_REQUEST_ID = re.compile(r"[0-9a-f]{32}")
_REQUEST_ID_LIMIT = 64
_CONNECT_TIMEOUT_S = 10.0
# Below the 60 s and more after which load balancers drop idle connections.
_KEEPALIVE_S = 10.0
_BODILESS = frozenset({"GET", "HEAD"})
"""Methods that are not expected to have a body, so that an empty one needs no length."""
_TEXT = bytes((9, *range(0x20, 0x7F), *range(0x80, 0x100)))
"""What a header may hold (RFC 9110 5.5)."""


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy that tunnels to the endpoint; it sees the endpoint's name, never what is sent."""

    url: str
    login: Masked | None = None
    """User and password with a colon between them."""


class HttpWire:
    """Sends to one endpoint through a pool of kept connections; how many are open at once is the caller's business."""

    def __init__(
        self,
        endpoint: str,
        *,
        timeout_s: float,
        tls: ssl.SSLContext | None = None,
        proxy: Proxy | None = None,
        header_limit: int = HEADER_LIMIT,
    ) -> None:
        self._deadlines = Deadlines(timeout_s)
        self._headers: tuple[Mapping[str, str] | None, bytes] = (None, b"")
        """The last headers and their bytes: with a token they are the same for many requests."""
        self._connections = Connections(
            endpoint,
            aiohttp.TCPConnector(limit=0, ssl=tls if tls is not None else True, ttl_dns_cache=60),
            # No rounding to whole seconds: the timeout is the one that was asked for.
            aiohttp.ClientTimeout(
                connect=timeout_s, sock_connect=min(_CONNECT_TIMEOUT_S, timeout_s), ceil_threshold=1e9
            ),
            keep_s=_KEEPALIVE_S,
            proxy=None if proxy is None else proxy.url,
            proxy_headers=_proxy_headers(proxy),
        )
        self._header_limit = header_limit

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes every connection; only after the last answer is in."""
        self._deadlines.close()
        await self._connections.close()

    async def send(self, request: WireRequest, leaving: Callable[[], None] = nothing) -> WireAnswer | Fault:
        """Sends it once; what goes wrong comes back as a value. Only cancellation is raised, and `HeldBackError`."""
        deadline, line, sent = self._deadlines.begin(), None, False
        try:
            if request.headers is not self._headers[0]:
                self._headers = request.headers, fields_of(request.headers, self._connections.host)
            whole = bytes_of(request, self._headers[1])
            line = await self._connections.take()
            deadline.watch(line.transport)
            leaving()
            sent = True
            head, stream = await line.exchange(
                whole, bodiless=request.method == "HEAD", header_limit=self._header_limit
            )
            body = await body_of(stream, request.answer_limit)
            # The end of a connection can be the end of an answer.
            deadline.check()
            if body is None:
                return lost("oversized", f"the answer is larger than {request.answer_limit} bytes", head.code)
            self._connections.keep(line)
            line = None
            return _answer(head.code, head.headers, body)
        except HeldBackError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is becomes a value, nothing may leave
            return fault_of(TimeoutError() if deadline.passed else error, sent=sent)
        finally:
            self._deadlines.end(deadline)
            if line is not None:
                line.close()


def fields_of(headers: Mapping[str, str], host: str) -> bytes:
    """Headers as they go on the wire, with the host where they do not name one.

    Raises:
        ValueError: there is a control character in them, which could make two headers or two requests of one.
    """
    lines = [] if "Host" in headers else [f"Host: {host}"]
    lines.extend(map(": ".join, headers.items()))
    return _bytes("\r\n".join([*lines, ""]), len(lines))


def bytes_of(request: WireRequest, fields: bytes) -> bytes:
    """A request as it goes on the wire, with the bytes of its headers.

    Raises:
        ValueError: there is a control character in its first line.
    """
    first = _bytes(f"{request.method} {request.target} HTTP/1.1\r\n", 1)
    if not request.body and request.method in _BODILESS:
        return first + fields + b"\r\n"
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (first, fields, len(request.body), request.body)


def _bytes(text: str, lines: int) -> bytes:
    whole = text.encode()
    if whole.translate(None, _TEXT) != b"\r\n" * lines:
        raise ValueError("a control character in a request")
    return whole


def _answer(status: int, headers: Mapping[str, str], body: bytes) -> WireAnswer:
    return WireAnswer(
        status=status,
        body=body,
        request_id=_bounded_id(headers.get("X-Request-Id")),
        retry_after=headers.get("Retry-After"),
        date=headers.get("Date"),
        came_s=time.time(),
        subject_token=Masked(headers["X-Subject-Token"]) if "X-Subject-Token" in headers else None,
    )


def _proxy_headers(proxy: Proxy | None) -> dict[str, str]:
    if proxy is None or proxy.login is None:
        return {}
    return {"Proxy-Authorization": f"Basic {base64.b64encode(proxy.login.reveal().encode()).decode()}"}


def _bounded_id(request_id: str | None) -> str | None:
    if request_id is None or _REQUEST_ID.fullmatch(request_id):
        return request_id
    return bounded(request_id, _REQUEST_ID_LIMIT)
