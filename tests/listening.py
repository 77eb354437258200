"""Servers of a test on loopback, of which nothing is left when the test continues."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening_at(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server; at the end it waits until both sides of every connection have closed it, and raises what
    the handler raised.
    """
    handling: set[asyncio.Future[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handling.add(asyncio.ensure_future(handler(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
    # Python 3.11's wait_closed() does not wait, and a transport that outlives its loop warns in some later test.
    while getattr(server, "_active_count", 0):  # noqa: ASYNC110 - nothing tells when the last connection has gone
        await asyncio.sleep(0)
    await asyncio.gather(*handling)
