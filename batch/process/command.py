"""Runs a command of the user's beside a session: in its own process group, which can be ended as a whole."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping

_READ_BYTES = 65_536
_LINE_BYTES = 4_096
"""A longer line is reported in pieces."""
_LOOK_S = 0.05
_REST_S = 0.5
"""For what a command has said before it ended: one of its children may keep the pipe open for as long as it likes."""


class Command:
    """One command of the shell, run once; `on_line` hears what it says, line by line, on either stream."""

    def __init__(
        self, words: str, environment: Mapping[str, str], on_line: Callable[[str], None], *, grace_s: float
    ) -> None:
        self._words = words
        self._environment = environment
        self._on_line = on_line
        self._grace_s = grace_s
        self._group: int | None = None
        self._stopped = False
        self._killed = False

    async def run(self, given: bytes) -> int:
        """Runs it to its end with this on its standard input; its exit code, negative for a signal.

        Raises:
            OSError: it cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            self._words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment,
            start_new_session=True,
        )
        self._group = process.pid
        besides = [asyncio.create_task(_feed(process, given)), asyncio.create_task(self._listen(process))]
        try:
            if self._stopped:
                self.stop()
            code = await process.wait()
            await asyncio.wait(besides, timeout=_REST_S)
            await self._children_ended()
        finally:
            if process.returncode is None:
                self._signal(signal.SIGKILL)
            self._group = None
            for task in besides:
                task.cancel()
            await asyncio.gather(*besides, return_exceptions=True)
        return code

    def stop(self) -> None:
        """Asks it and its children to end, and ends them if they do not within their grace."""
        self._stopped = True
        if self._group is not None:
            self._signal(signal.SIGKILL if self._killed else signal.SIGTERM)
            asyncio.get_running_loop().call_later(self._grace_s, self.kill)

    def kill(self) -> None:
        """Ends it and its children at once."""
        self._stopped = self._killed = True
        self._signal(signal.SIGKILL)

    async def _children_ended(self) -> None:
        """Once it was asked to end, its children have the same time for that. In a container they may stay behind as
        zombies, which take no signal.
        """
        if self._stopped:
            with contextlib.suppress(TimeoutError, ProcessLookupError, PermissionError):
                async with asyncio.timeout(self._grace_s):
                    while self._group is not None and not self._killed:
                        os.killpg(self._group, 0)
                        await asyncio.sleep(_LOOK_S)
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._group is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._group, number)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        rest = b""
        while chunk := await process.stdout.read(_READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            while len(rest) > _LINE_BYTES:
                lines.append(rest[:_LINE_BYTES])
                rest = rest[_LINE_BYTES:]
            for line in lines:
                self._on_line(line.decode("utf-8", "replace"))
        if rest:
            self._on_line(rest.decode("utf-8", "replace"))


async def _feed(process: asyncio.subprocess.Process, given: bytes) -> None:
    """A command need not read what it is given."""
    assert process.stdin is not None  # noqa: S101 - it was asked for
    with contextlib.suppress(ConnectionError):
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()
    with contextlib.suppress(ConnectionError):
        await process.stdin.wait_closed()
