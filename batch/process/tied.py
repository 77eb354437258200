"""Ends a process in order with the one that started it, whose end of a pipe closes however it ends."""

import os
import signal
import sys
import threading

_BYTES = 4_096


def drain() -> None:
    """As the service manager would ask for it."""
    os.kill(os.getpid(), signal.SIGTERM)


def tie_to_input() -> None:
    """From now on, the end of standard input is a SIGTERM."""
    number = sys.stdin.fileno()

    def watch() -> None:
        try:
            while os.read(number, _BYTES):
                pass
        except OSError:
            pass
        drain()

    threading.Thread(target=watch, name="tied", daemon=True).start()
