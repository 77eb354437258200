"""The clock of a lease, which also runs while the machine sleeps, and which running system it belongs to."""

import time
import uuid
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_s() -> float:
    """Seconds that never go back. Where there is no such clock, a sleep of the machine does not count."""
    return time.clock_gettime(_CLOCK)


def boot_id() -> str:
    """The same for all processes on a system as long as it runs; where it says nothing of itself, never the same."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return uuid.uuid4().hex
