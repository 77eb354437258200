"""The processes that work on the shards of a worker: forks of a process that is kept, as to import all takes longest.

Each is tied to this process by a pipe: whatever becomes of the worker, they stop when its end is closed.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from reports import Exit

_LOOK_S = 0.25
_SOUND = frozenset({Exit.DONE, Exit.NOT_ALL_DONE})


class Children:
    """Those of this process: at any time as many as its threads have asked for."""

    def __init__(self) -> None:
        self._idle: list[_ForkServer] = []

    def run(self, words: Sequence[str], wanted: Callable[[], bool], stop_s: float) -> int:
        """The exit code of a command, as a shell has it. The command is asked to stop once it is not `wanted` any more,
        and may take `stop_s` for that. What it says stands in the log of this process.
        """
        while True:
            kept = self._kept()
            server = kept or _ForkServer()
            code = server.run(words, wanted, stop_s)
            if server.open:
                self._idle.append(server)
            if code is not None:
                return code
            if kept is None:
                return Exit.INTERNAL

    def _kept(self) -> "_ForkServer | None":
        with suppress(IndexError):
            while (found := self._idle.pop()).ended:
                found.close()
            return found
        return None


class _ForkServer:
    """A process that forks for each command that it is handed, one at a time."""

    def __init__(self) -> None:
        # Safe path: what lies in the worker's current folder is not to be imported.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "batch.cli.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin is not None  # noqa: S101 - they were asked for
        assert self._process.stdout is not None  # noqa: S101
        self._asks, self._answers = self._process.stdin, self._process.stdout
        self.open = True
        """It can be handed another one."""

    @property
    def ended(self) -> bool:
        """It cannot be handed anything any more, by whatever it ended."""
        return self._process.poll() is not None

    def run(self, words: Sequence[str], wanted: Callable[[], bool], stop_s: float) -> int | None:
        """As `Children` does; None where it had ended before."""
        self.open = False
        try:
            with suppress(BrokenPipeError):
                self._asks.write(msgspec.json.encode(words) + b"\n")
            answered = self._answered(0.0)
            while not answered and wanted():
                answered = self._answered(_LOOK_S)
            if not answered:
                self._asks.close()
                answered = self._answered(stop_s)
            if not answered:
                self._kill()
            if answer := self._answers.readline():
                code = int(answer)
                # After a failure the next one reads everything again, which somebody may have mended.
                self.open = code in _SOUND and not self._asks.closed
                return code
            code = self._process.wait()
            # Another one is Python's, which it also has for what a shard ends with.
            return (Exit.INTERNAL if code > 0 else 128 - code) if code else None
        finally:
            if not self.open:
                self.close()

    def _answered(self, within_s: float) -> bool:
        """Also where it has ended without a word."""
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        return bool(poll.poll(within_s * 1_000))

    def close(self) -> None:
        """Ends it, if it has not ended."""
        self._kill()
        self._asks.close()
        self._answers.close()

    def _kill(self) -> None:
        """With the command that it may have. One whose server is lost already ends as its input does."""
        if not self.ended:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
