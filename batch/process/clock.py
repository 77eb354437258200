"""Derives UTC from the event loop's clock, so one clock orders everything and a virtual loop gives virtual dates."""

import asyncio
import time


class Clock:
    """UTC seconds since 1970 for moments of the running loop's clock; set once, a later change of the wall clock does
    not disturb it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, utc_s: float | None = None) -> None:
        self.now_s = loop.time
        """The loop's own time; it is asked ten times for each row."""
        self._offset_s = (time.time() if utc_s is None else utc_s) - loop.time()

    def utc_s(self, loop_s: float) -> float:
        """UTC of a moment of the loop's clock."""
        return loop_s + self._offset_s
