"""Reports to the service manager that started this process how it stands, where there is one: sd_notify(3)."""

import asyncio
import contextlib
import os
import socket
from collections.abc import MutableMapping

_HOUR_US = 3_600_000_000
_AT_LENGTH = f"EXTEND_TIMEOUT_USEC={_HOUR_US}"
_UNWATCHED = f"WATCHDOG_USEC={_HOUR_US}"


class Supervisor:
    """The service manager; without one nothing is sent, and one that has ended never matters."""

    def __init__(self) -> None:
        self._address: str | None = None
        self._watchdog_s: float | None = None

    def adopt(self, environ: MutableMapping[str, str]) -> None:
        """Takes what the service manager left in the environment, so that no child takes it for its own.

        Loading comes before the first row and may take long, as may a wait for a lock: the start gets an hour.
        """
        address, watchdog_us = environ.pop("NOTIFY_SOCKET", ""), environ.pop("WATCHDOG_USEC", "")
        ours = environ.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._address = address.replace("@", "\0", 1) if address.startswith(("/", "@")) else None
        watched = ours and watchdog_us.isascii() and watchdog_us.isdigit() and int(watchdog_us) > 0
        self._watchdog_s = int(watchdog_us) / 1e6 if watched else None
        self._send(_AT_LENGTH)

    def ready(self) -> None:
        """Rows start to be sent."""
        self._send("READY=1")

    def stopping(self) -> None:
        """Nothing more is started."""
        self._send("STOPPING=1")

    def reporting(self) -> None:
        """The event loop is over, and the reports are written: it is not reported as alive any more."""
        watchdog = [] if self._watchdog_s is None else [_UNWATCHED]
        self._send(*watchdog, _AT_LENGTH, "STATUS=writing the reports")

    def status(self, line: str) -> None:
        """How it stands, in one line."""
        self._send(f"STATUS={line}")

    async def pat(self) -> None:
        """Says from the event loop that it is alive, twice as often as is asked for, until cancelled."""
        while self._watchdog_s is not None:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_s / 2)

    def _send(self, *assignments: str) -> None:
        if self._address is None:
            return
        text = "\n".join(one.replace("\n", " ") for one in assignments)
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(text.encode("utf-8", "replace"), socket.MSG_DONTWAIT, os.fsencode(self._address))


PROCESS_SUPERVISOR = Supervisor()
"""Who supervises this process: there is one of them at most."""
