"""The kept connections to one endpoint: which may be used again, and when a new one is made.

They are kept here, not in the pool of aiohttp: that looks each one up again, and makes a new object of it.
"""

import asyncio
from collections import deque
from collections.abc import Mapping

import aiohttp
from yarl import URL

from batch.csms.line import Line, template


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
    ) -> None:
        self._connector = connector
        self._timeout = timeout
        self._keep_s = keep_s
        self._kept: deque[tuple[float, Line]] = deque()
        """Since when, in seconds of the loop's clock; the one that was kept first is the first to be used again."""
        self._loop = asyncio.get_running_loop()
        url = URL(endpoint)
        self.host = url.host_port_subcomponent or ""
        """What the header of that name says."""
        self._template = template(
            url,
            self._loop,
            proxy=None if proxy is None else URL(proxy),
            # The connector adds Host to these, and what they are is part of the name that its pool goes by.
            proxy_headers=None if proxy is None else {**proxy_headers, "Host": self.host},
        )

    async def close(self) -> None:
        """Closes every connection."""
        while self._kept:
            self._kept.popleft()[1].close()
        await self._connector.close()

    async def take(self) -> Line:
        """A connection on which nothing is under way; one that was kept, or a new one."""
        while self._kept:
            since_s, line = self._kept.popleft()
            if self._loop.time() - since_s <= self._keep_s and line.quiet:
                return line
            line.close()
        if self._connector.closed:
            raise RuntimeError("these connections are closed")
        return await Line.open(self._connector, self._template, self._timeout)

    def keep(self, line: Line) -> None:
        """Keeps it for another exchange, or closes it if it cannot be used for one."""
        if line.park():
            self._kept.append((self._loop.time(), line))
        else:
            line.close()
