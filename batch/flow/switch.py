"""Stops or pauses one scope and wakes whatever waits in it: one small object that all its parts share."""

import asyncio
import contextlib
import math
from collections.abc import Callable

from batch.csms.messages import HeldBackError


def _always() -> bool:
    return True


class Switch:
    """`changed` is set by everything that may let a waiting request leave, or forbid it for good. `permitted` is asked
    before each request leaves; where it says no, it has seen to it that nothing is tried again.
    """

    def __init__(self, permitted: Callable[[], bool] = _always) -> None:
        self._permitted = permitted
        self.changed = asyncio.Event()
        self.stopped = False
        self.paused = False
        """Nothing may leave until somebody says so."""

    def stop(self) -> None:
        """Nothing more may leave."""
        self.stopped = True
        self.changed.set()

    def set_paused(self, paused: bool) -> None:  # noqa: FBT001 - the state itself
        """Nothing leaves for now, or everything may again."""
        self.paused = paused
        self.changed.set()

    def holds_back(self) -> bool:
        """Whether no request may leave at this moment."""
        return self.paused or not self._permitted()

    def may_leave(self) -> bool:
        """As `Departure`: asked at the last moment before a request leaves."""
        self.leaving()
        return not self.stopped

    def leaving(self) -> None:
        """As `Departure`."""
        if self.holds_back():
            raise HeldBackError

    async def sleep(self, seconds: float) -> None:
        """Sleeps until the time is over or the switch is stopped or paused."""
        end_s = asyncio.get_running_loop().time() + seconds
        while not (self.stopped or self.paused) and (left_s := end_s - asyncio.get_running_loop().time()) > 0:
            self.changed.clear()
            await self.nap(left_s)

    async def nap(self, seconds: float) -> None:
        """Sleeps until the time is over or something has changed, whichever is first; an infinite time never ends."""
        if math.isinf(seconds):
            await self.changed.wait()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.changed.wait()
