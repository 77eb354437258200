"""Connections made by aiohttp and answers from its parser, without the session that it puts around them.

The session sends twice, follows redirects, keeps cookies and unpacks bodies, and takes two thirds of the time of a
request. What is used instead has names that aiohttp does not document: its minor version is pinned, no other module
uses them, and a test says which of them a newer version has moved.

Connections are kept here, not in the pool of aiohttp: that looks each one up again, and makes a new object of it.

- `ClientRequest(method, url, loop=, proxy=, proxy_headers=)`; `http.HttpProcessingError`;
- `TCPConnector.connect(request, traces, timeout)`, which gives a `Connection`: `protocol`, `transport`, `close()`;
- `ResponseHandler`, the protocol: `set_response_params(...)`, `read()`, `is_connected()`, `should_close`, which says
  that something is left of the last exchange, or its answer that it was the last, and `_parser`: what its `feed_data`
  raises closes the connection, `feed_eof` is called when it is lost, and returns something when another message has
  begun;
- what `read()` returns: a message with `code` and `headers`, and a `StreamReader` with `is_eof()` and `_buffer`.
"""

import asyncio
import select
from collections import deque
from collections.abc import Mapping
from typing import Any, NoReturn

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage
from yarl import URL

from batch.csms.wire_faults import GarbledError


class _Silence:
    """The parser of a connection that is kept: whatever comes meanwhile ends it, and is nobody's answer."""

    def feed_data(self, _data: bytes) -> NoReturn:
        raise ConnectionError("nothing was asked")

    def feed_eof(self) -> None: ...


_SILENCE: Any = _Silence()


class Line:
    """One connection, on which there is one exchange after the other."""

    __slots__ = ("_connection", "_poll", "kept_at_s", "protocol", "transport")

    def __init__(self, connection: Connection) -> None:
        """Takes it from the connector, which closes it with all others.

        Raises:
            ServerDisconnectedError: it has ended already.
        """
        self._connection = connection
        if connection.protocol is None or connection.transport is None:
            self.close()
            raise aiohttp.ServerDisconnectedError
        self.protocol, self.transport = connection.protocol, connection.transport
        self.kept_at_s = 0.0
        self._poll = select.poll()
        self._poll.register(self.transport.get_extra_info("socket"), select.POLLIN)

    @property
    def quiet(self) -> bool:
        """Whether it is still there, and nothing has come that nobody has read yet: an end, or a word that was not
        asked for.
        """
        return self.protocol.is_connected() and not self._poll.poll(0)

    def close(self) -> None:
        """Ends it."""
        self._connection.close()


class Connections:
    """Connections to one endpoint, directly or through a tunnel of a proxy; there may be any number of them."""

    def __init__(
        self,
        endpoint: str,
        connector: aiohttp.TCPConnector,
        timeout: aiohttp.ClientTimeout,
        *,
        keep_s: float,
        proxy: str | None,
        proxy_headers: Mapping[str, str],
        header_limit: int,
    ) -> None:
        self._connector = connector
        self._timeout = timeout
        self._keep_s = keep_s
        self._header_limit = header_limit
        self._kept: deque[Line] = deque()
        """The one that was kept first is the first to be used again."""
        self._loop = asyncio.get_running_loop()
        url = URL(endpoint)
        self.host = url.host_port_subcomponent or ""
        """What the header of that name says."""
        self._template = aiohttp.ClientRequest(
            "GET",
            url,
            loop=self._loop,
            proxy=None if proxy is None else URL(proxy),
            # The connector adds Host to these, and what they are is part of the name that its pool goes by.
            proxy_headers=None if proxy is None else {**proxy_headers, "Host": self.host},
        )

    async def close(self) -> None:
        """Closes every connection."""
        while self._kept:
            self._kept.popleft().close()
        await self._connector.close()

    async def take(self) -> Line:
        """A connection on which nothing is under way; one that was kept, or a new one."""
        while self._kept:
            line = self._kept.popleft()
            if self._loop.time() - line.kept_at_s <= self._keep_s and line.quiet:
                return line
            line.close()
        if self._connector.closed:
            raise RuntimeError("these connections are closed")
        try:
            return Line(await self._connector.connect(self._template, [], self._timeout))
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error

    async def exchange(
        self, line: Line, request: bytes, *, bodiless: bool
    ) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
        """Writes a request, and returns the head of its answer and what its body comes in."""
        protocol = line.protocol
        protocol.set_response_params(
            skip_payload=bodiless,
            read_until_eof=True,
            auto_decompress=False,
            max_line_size=self._header_limit,
            max_field_size=self._header_limit,
        )
        line.transport.write(request)
        while True:
            try:
                message, body = await protocol.read()
            except HttpProcessingError as error:
                raise GarbledError from error
            if not 100 <= message.code < 200 or message.code == 101:  # noqa: PLR2004 - RFC 9110 15.2, all others precede it
                return message, body

    def keep(self, line: Line) -> None:
        """Keeps it for another exchange, if nothing is left of this one: of the request, or behind the answer."""
        protocol = line.protocol
        if (
            not protocol.is_connected()
            or protocol.should_close
            or line.transport.get_write_buffer_size()
            or _more(protocol._parser)  # noqa: SLF001 - see above
        ):
            line.close()
            return
        protocol._parser = _SILENCE  # noqa: SLF001 - see above
        line.kept_at_s = self._loop.time()
        self._kept.append(line)


def _more(parser: Any) -> bool:
    """Whether another message has begun behind the answer; it need not make sense."""
    try:
        return parser.feed_eof() is not None
    except Exception:  # noqa: BLE001 - what it says of the message is of no interest
        return True


async def body_of(stream: aiohttp.StreamReader, limit: int) -> bytes | None:
    """The whole body of an answer; None where it is larger than `limit`."""
    if stream.is_eof():
        # `read_nowait` would start to read from the connection again.
        body = b"".join(getattr(stream, "_buffer", ()))
        return body if len(body) <= limit else None
    read = bytearray()
    while chunk := await stream.readany():
        read += chunk
        if len(read) > limit:
            return None
    return bytes(read)
