"""Reads standard input so that no signal is missed while nothing comes from it.

A signal that arrives after Python last looked for one and before the read has begun to wait does not end that read: its
handler would run when the pipe's writer has more to say, which may be never.
"""

import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterator


class StandardInput:
    """The bytes of standard input as they come, for the main thread, which is the one that signals interrupt."""

    def read(self, size: int) -> bytes:
        """From one byte to `size`; none at the end. What a signal's handler raises is raised here."""
        number = sys.stdin.fileno()
        with _woken_by_signals() as wake:
            waiting = select.poll()
            waiting.register(number, select.POLLIN)
            waiting.register(wake, select.POLLIN)
            # Python runs the handlers between the two; a handler that raises nothing lets the waiting continue.
            while not any(ready == number for ready, _ in waiting.poll()):
                os.read(wake, 1)
        return os.read(number, size)


@contextlib.contextmanager
def _woken_by_signals() -> Iterator[int]:
    """A descriptor that has something to read as soon as a signal has come, even before its handler has run."""
    wake, woken = os.pipe()
    try:
        os.set_blocking(woken, False)
        before = signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        try:
            yield wake
        finally:
            signal.set_wakeup_fd(before)
    finally:
        os.close(wake)
        os.close(woken)
