"""One connection, made by aiohttp and read by its parser, without the session that it puts around them.

The session sends twice, follows redirects, keeps cookies and unpacks bodies, and takes two thirds of the time of a
request. What is used instead has names that aiohttp does not document: its minor version is pinned, no other module
uses them, and a test says which of them a newer version has moved.

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
from collections.abc import Mapping
from typing import Any, NoReturn, Self

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError, RawResponseMessage
from yarl import URL

from batch.csms.wire_faults import GarbledError


class _Silence:
    """The parser of a connection that is kept: whatever comes meanwhile ends it, and answers nothing."""

    def feed_data(self, _data: bytes) -> NoReturn:
        raise ConnectionError("nothing was asked")

    def feed_eof(self) -> None: ...


_SILENCE: Any = _Silence()


class Line:
    """One connection, on which there is one exchange after the other."""

    __slots__ = ("_connection", "_poll", "_protocol", "transport")

    def __init__(self, connection: Connection) -> None:
        """Takes it from the connector, which closes it with all others.

        Raises:
            ServerDisconnectedError: it has ended already.
        """
        self._connection = connection
        if connection.protocol is None or connection.transport is None:
            self.close()
            raise aiohttp.ServerDisconnectedError
        self._protocol, self.transport = connection.protocol, connection.transport
        self._poll = select.poll()
        self._poll.register(self.transport.get_extra_info("socket"), select.POLLIN)

    @classmethod
    async def open(
        cls, connector: aiohttp.TCPConnector, to: aiohttp.ClientRequest, limits: aiohttp.ClientTimeout
    ) -> Self:
        """A new one, directly or through a tunnel of a proxy.

        Raises:
            ConnectionTimeoutError: it takes longer than `limits` allow.
            OSError, aiohttp.ClientError, ssl.SSLError: it cannot be made.
        """
        try:
            return cls(await connector.connect(to, [], limits))
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error

    @property
    def quiet(self) -> bool:
        """Whether it is still there, and nothing unread has come: an end, or bytes that were not asked for."""
        return self._protocol.is_connected() and not self._poll.poll(0)

    async def exchange(
        self, request: bytes, *, bodiless: bool, header_limit: int
    ) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
        """Writes a request, and returns the head of its answer and what its body comes in."""
        protocol = self._protocol
        protocol.set_response_params(
            skip_payload=bodiless,
            read_until_eof=True,
            auto_decompress=False,
            max_line_size=header_limit,
            max_field_size=header_limit,
        )
        self.transport.write(request)
        while True:
            try:
                message, body = await protocol.read()
            except HttpProcessingError as error:
                raise GarbledError from error
            if not 100 <= message.code < 200 or message.code == 101:  # noqa: PLR2004 - RFC 9110 15.2, all others precede it
                return message, body

    def park(self) -> bool:
        """Makes it ready for another exchange, unless something is left of this one: of the request, or behind the
        answer.
        """
        protocol = self._protocol
        if (
            not protocol.is_connected()
            or protocol.should_close
            or self.transport.get_write_buffer_size()
            or _more(protocol._parser)  # noqa: SLF001 - see above
        ):
            return False
        protocol._parser = _SILENCE  # noqa: SLF001 - see above
        return True

    def close(self) -> None:
        """Ends it."""
        self._connection.close()


def template(
    url: URL, loop: asyncio.AbstractEventLoop, *, proxy: URL | None, proxy_headers: Mapping[str, str] | None
) -> aiohttp.ClientRequest:
    """What `Line.open` wants to know of where a connection leads."""
    return aiohttp.ClientRequest("GET", url, loop=loop, proxy=proxy, proxy_headers=proxy_headers)


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
