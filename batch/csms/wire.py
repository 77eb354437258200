"""The one way out: sends a prepared request over HTTP exactly once and says whether it may have left.

aiohttp by itself sends a PUT a second time when a connection breaks, follows redirects with the token, unpacks bodies
without a limit and reports a garbled answer as HTTP 400; all of that is switched off or caught here.
"""

import base64
import re
import ssl
import time
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Self

import aiohttp
import msgspec
from yarl import URL

from batch.csms.faults import Fault, bounded
from batch.csms.messages import HeldBackError, WireAnswer, WireRequest, nothing
from batch.csms.wire_faults import ConnectionLostError, fault_of, lost, told
from batch.redaction.masked import Masked

_CHUNK = 65_536
HEADER_LIMIT = 8_190
# What the service's request ids look like: no text that could carry anything else.
_REQUEST_ID = re.compile(r"[0-9a-f]{32}")
_REQUEST_ID_LIMIT = 64
_CONNECT_TIMEOUT_S = 10.0
# Below the 60 s and more after which load balancers drop idle connections.
_KEEPALIVE_S = 10.0


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy that tunnels to the endpoint; it sees the endpoint's name, never what is sent."""

    url: str
    login: Masked | None = None
    """User and password with a colon between them."""


class _SendMark:
    """Whether one request went out: after that, nothing but an answer can say what became of it."""

    __slots__ = ("_leaving", "sent")

    def __init__(self, leaving: Callable[[], None]) -> None:
        self.sent = False
        self._leaving = leaving

    def leave(self) -> None:
        """It goes out now, unless it is held back."""
        self._leaving()
        self.sent = True


# Every exchange runs in a task, and so in a context, of its own.
_mark: ContextVar[_SendMark] = ContextVar("send_mark")


class _MarkedRequest(aiohttp.ClientRequest):
    """Notes the moment a connection is there and bytes begin to leave. A trace hook would tell the same for a sixth of
    the whole cost of a request.
    """

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        _mark.get().leave()
        return await super().send(conn)


async def _no_second_send(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionLostError(told(error)) from error


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
        self._endpoint = endpoint
        self._proxy_headers = _proxy_headers(proxy)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ssl=tls if tls is not None else True, keepalive_timeout=_KEEPALIVE_S, ttl_dns_cache=60
            ),
            # No rounding to whole seconds: the timeout is the one that was asked for.
            timeout=aiohttp.ClientTimeout(
                total=timeout_s, sock_connect=min(_CONNECT_TIMEOUT_S, timeout_s), ceil_threshold=1e9
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            middlewares=(_no_second_send,),
            request_class=_MarkedRequest,
            proxy=None if proxy is None else proxy.url,
            max_line_size=header_limit,
            max_field_size=header_limit,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes every connection; only after the last answer is in."""
        await self._session.close()

    async def send(self, request: WireRequest, leaving: Callable[[], None] = nothing) -> WireAnswer | Fault:
        """Sends it once; what goes wrong comes back as a value. Only cancellation is raised, and `HeldBackError`."""
        mark = _SendMark(leaving)
        _mark.set(mark)
        try:
            async with self._session.request(
                request.method,
                URL(self._endpoint + request.target, encoded=True),
                data=request.body or None,
                headers=request.headers,
                allow_redirects=False,
                proxy_headers=self._proxy_headers,
            ) as response:
                # An answer without a mark: the library sends in another way than the one that is watched here.
                return (
                    await _read(response, request.answer_limit)
                    if mark.sent
                    else lost("internal", "sending was not noticed")
                )
        except HeldBackError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is becomes a value, nothing may leave
            return fault_of(error, sent=mark.sent)


async def _read(response: aiohttp.ClientResponse, limit: int) -> WireAnswer | Fault:
    length = response.content_length
    if length is not None and length <= limit:
        return _whole(response, await response.read())
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > limit:
            response.close()
            return lost("oversized", f"the answer is larger than {limit} bytes", response.status)
    return _whole(response, bytes(body))


def _whole(response: aiohttp.ClientResponse, body: bytes) -> WireAnswer:
    headers = response.headers
    return WireAnswer(
        status=response.status,
        body=body,
        request_id=_bounded_id(headers.get("X-Request-Id")),
        retry_after=headers.get("Retry-After"),
        date=headers.get("Date"),
        came_s=time.time(),
        subject_token=Masked(headers["X-Subject-Token"]) if "X-Subject-Token" in headers else None,
    )


def _proxy_headers(proxy: Proxy | None) -> dict[str, str] | None:
    if proxy is None or proxy.login is None:
        return None
    return {"Proxy-Authorization": f"Basic {base64.b64encode(proxy.login.reveal().encode()).decode()}"}


def _bounded_id(request_id: str | None) -> str | None:
    if request_id is None or _REQUEST_ID.fullmatch(request_id):
        return request_id
    return bounded(request_id, _REQUEST_ID_LIMIT)
