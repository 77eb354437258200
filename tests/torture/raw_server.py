"""A service on a bare socket that breaks the rules of HTTP on purpose, over the same exchange as the good one."""

import asyncio
import contextlib
import http
import socket
import struct
import time
from collections.abc import Mapping

from batch.sandbox.exchange import Act, Exchange
from batch.sandbox.wire import Reply, Request

_RESET = struct.pack("ii", 1, 0)
_PLAIN = "plain"


class RawServer:
    """The first update of a secret is treated as `manners` says, by its name; everything else as it should be.

    `stray` holds the body of a lie that is sent behind an answer, as if it were the answer to the next request.
    """

    def __init__(self, exchange: Exchange, manners: Mapping[str, str], *, stray: bytes = b"") -> None:
        self._exchange = exchange
        self._manners = dict(manners)
        self._stray = stray
        self._began_s = time.monotonic()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Listens no more, and lets go of every connection."""
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._one(reader, writer):
                    pass
        finally:
            writer.close()
            self._open.discard(task)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = head.split("\r\n")
        method, target, _ = line.split(" ")
        headers = {name.title(): value.strip() for name, _, value in (one.partition(":") for one in rest if one)}
        name = target.rpartition("/")[2]
        manner = self._manners.pop(name, _PLAIN) if method == "PUT" else _PLAIN
        if manner == "close unread":
            return False
        body = await reader.readexactly(int(headers.get("Content-Length", "0")))
        self._exchange.settle(self._now_s())
        act = self._exchange.arrive(Request(method=method, target=target, headers=headers, body=body), self._now_s())
        whole = False
        try:
            whole = await self._answer(act, manner, writer)
        finally:
            self._exchange.leave(act, self._now_s(), whole=whole)
        return whole

    async def _answer(self, act: Act, manner: str, writer: asyncio.StreamWriter) -> bool:
        """Whether a whole answer went out and the connection may be used again."""
        assert act.answer is not None
        good = _bytes_of(act.answer)
        match manner:
            case "close":
                return False
            case "reset":
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
                return False
            case "drip":
                for index in range(len(good)):
                    writer.write(good[index : index + 1])
                    await writer.drain()
                    await asyncio.sleep(0)
                return True
            case "silence":
                await asyncio.Event().wait()
            case _:
                pass
        said = self._said(manner, good)
        writer.write(said)
        await writer.drain()
        return said.endswith(good) or manner == "stray"

    def _said(self, manner: str, good: bytes) -> bytes:
        match manner:
            case "cut":
                return good[:-5]
            case "garbage":
                return b"\x00\xff this is not HTTP\r\n\r\n" * 3
            case "huge header":
                return b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 200_000 + b"\r\n\r\n"
            case "huge body":
                return b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000
            case "stray":
                return good + _head(200, len(self._stray)) + self._stray
            case "100-continue":
                return b"HTTP/1.1 100 Continue\r\n\r\n" + good
            case _:
                return good

    def _now_s(self) -> float:
        return time.monotonic() - self._began_s


def _head(status: int, length: int, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n{headers}Content-Length: {length}\r\n\r\n".encode()


def _bytes_of(answer: Reply) -> bytes:
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    return _head(answer.status, len(answer.body), headers) + answer.body
