"""Ends a run as its owner asks: first signal drains, second cancels, third leaves at once.

The handlers belong to the loop: asyncio's own are missing where SIGINT was inherited as ignored, and a process with
number 1 in a container ignores every signal that has no handler.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FIRST, _SECOND = 1, 2


class Interruption:
    """Counts the signals of one run; `number` is the first one's."""

    def __init__(self, *, drain: Callable[[signal.Signals], None], cancel: Callable[[], None]) -> None:
        self._drain = drain
        self._cancel = cancel
        self._count = 0
        self.number: signal.Signals | None = None

    def take(self, number: signal.Signals) -> None:
        """One more signal has come."""
        self._count += 1
        if self._count == _FIRST:
            self.number = number
            self._drain(number)
        elif self._count == _SECOND:
            self._cancel()
        else:
            # Everything that counts is in the ledger already.
            os._exit(128 + number)


@contextlib.contextmanager
def listening(loop: asyncio.AbstractEventLoop, interruption: Interruption) -> Iterator[None]:
    """Takes the process's signals while the block runs."""
    for number in _SIGNALS:
        loop.add_signal_handler(number, interruption.take, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
