"""Connections from the pool of aiohttp and answers from its parser, without the session that it puts around them.

The session sends twice, follows redirects, keeps cookies and unpacks bodies, and takes two thirds of the time of a
request. What is used instead has names that aiohttp does not document: its minor version is pinned, no other module
uses them, and a test says which of them a newer version has moved.

- `ClientRequest(method, url, loop=, proxy=, proxy_headers=)`; `http.HttpProcessingError`;
- `TCPConnector.connect(request, traces, timeout)`, which gives a `Connection`: `protocol`, `transport`, `close()`, and
  `release()`, which keeps it unless something is left of the last exchange;
- `ResponseHandler`, the protocol: `set_response_params(...)`, `read()`, `_parser`: what its `feed_data` raises closes
  the connection, `feed_eof` is called when it is lost, and returns something when another message has begun;
- what `read()` returns: a message with `code` and `headers`, and a `StreamReader` with `is_eof()` and `_buffer`.
"""

import asyncio
import select
from collections.abc import Mapping
from typing import Any, NoReturn

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage
from yarl import URL

from batch.csms.deadlines import Deadline
from batch.csms.wire_faults import GarbledError


class _Silence:
    """The parser of a connection that is kept: whatever comes meanwhile ends it, and is nobody's answer."""

    def feed_data(self, _data: bytes) -> NoReturn:
        raise ConnectionError("nothing was asked")

    def feed_eof(self) -> None: ...


_SILENCE: Any = _Silence()


class Connections:
    """Connections to one endpoint, directly or through a tunnel of a proxy; there may be any number of them."""

    def __init__(
        self,
        endpoint: str,
        connector: aiohttp.TCPConnector,
        timeout: aiohttp.ClientTimeout,
        *,
        proxy: str | None,
        proxy_headers: Mapping[str, str],
        header_limit: int,
    ) -> None:
        self._connector = connector
        self._timeout = timeout
        self._header_limit = header_limit
        url = URL(endpoint)
        self.host = url.host_port_subcomponent or ""
        """What the header of that name says."""
        self._template = aiohttp.ClientRequest(
            "GET",
            url,
            loop=asyncio.get_running_loop(),
            proxy=None if proxy is None else URL(proxy),
            # The connector adds Host to these, and what they are is part of the name that its pool goes by.
            proxy_headers=None if proxy is None else {**proxy_headers, "Host": self.host},
        )

    async def close(self) -> None:
        """Closes every connection."""
        await self._connector.close()

    async def take(self, deadline: Deadline) -> Connection:
        """A connection on which nothing is under way; one that was kept, or a new one."""
        if self._connector.closed:
            raise RuntimeError("these connections are closed")
        while True:
            try:
                connection = await self._connector.connect(self._template, [], self._timeout)
            except TimeoutError as error:
                raise aiohttp.ConnectionTimeoutError from error
            if (transport := connection.transport) is None:
                connection.close()
                raise aiohttp.ServerDisconnectedError
            if connection.protocol._parser is not _SILENCE or not _readable(transport):  # type: ignore[union-attr] # noqa: SLF001 - see above
                deadline.watch(transport)
                return connection
            connection.close()

    async def exchange(
        self, connection: Connection, request: bytes, *, bodiless: bool
    ) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
        """Writes a request, and returns the head of its answer and what its body comes in."""
        protocol, transport = connection.protocol, connection.transport
        assert protocol is not None and transport is not None  # noqa: S101, PT018 - for the type; it was just taken
        protocol.set_response_params(
            skip_payload=bodiless,
            read_until_eof=True,
            auto_decompress=False,
            max_line_size=self._header_limit,
            max_field_size=self._header_limit,
        )
        transport.write(request)
        while True:
            try:
                message, body = await protocol.read()
            except HttpProcessingError as error:
                raise GarbledError from error
            if not 100 <= message.code < 200 or message.code == 101:  # noqa: PLR2004 - RFC 9110 15.2, all others precede it
                return message, body

    @staticmethod
    def keep(connection: Connection) -> None:
        """Keeps it for another exchange, if nothing is left of this one: of the request, or behind the answer."""
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None or transport.get_write_buffer_size() or _more(protocol._parser):  # noqa: SLF001 - see above
            connection.close()
            return
        protocol._parser = _SILENCE  # noqa: SLF001 - see above
        connection.release()


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


def _readable(transport: asyncio.Transport) -> bool:
    """Whether something has come that nobody has read yet: an end, or a word that was not asked for."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket"), select.POLLIN)
    return bool(poll.poll(0))
