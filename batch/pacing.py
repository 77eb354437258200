"""Spaces out the requests of one scope: says when the next may leave, and counts it when it does.

The bound that holds at the service: in any window of one second at most rate + burst requests.
"""

import asyncio
import contextlib
import math
from typing import Protocol

from aiolimiter import AsyncLimiter

# A timer wakes up a little late; without room for that, every request would push all later ones back.
_LATENESS_S = 0.003
# Up to about 30 requests a second that costs a percent or two, and keeps clear of a quota that is exactly the rate.
_UNNOTICED = 0.1
# Below what any timer can wait.
_NO_TIME_S = 1e-6


class Pacer(Protocol):
    """Asked before a slot is taken, told when the request leaves."""

    due_s: float
    """When the next request may leave, on the loop's clock."""

    def wait_s(self, now_s: float) -> float:
        """Seconds until a request may leave; 0 now."""

    async def take(self, now_s: float) -> None:
        """Counts one request that leaves now; returns at once if `wait_s` said 0 and nobody else took since."""


class Unpaced:
    """No limit."""

    due_s = -math.inf

    def wait_s(self, now_s: float) -> float:  # noqa: ARG002 - the interface
        """Nothing to wait for."""
        return 0.0

    async def take(self, now_s: float) -> None:
        """Nothing to count."""


class LimiterPacer:
    """Paces by aiolimiter's leaky bucket, which holds `burst` requests and drains at the rate.

    aiolimiter can only be waited for while holding whatever the caller holds, so the moment at which its bucket will
    have room is kept here too (the same bucket seen as a schedule); the bucket itself keeps the bound. It holds a
    fraction of a request more than `burst`, as much as timers are late but never enough to admit one more request in
    a second than rate + burst.
    """

    def __init__(self, per_s: float, burst: int, *, due_s: float) -> None:
        slack = min(max(0.0, _LATENESS_S * per_s - _UNNOTICED), 0.9 * (1.0 - math.modf(per_s)[0]))
        size = burst + slack
        self._interval_s = 1.0 / per_s
        self._credit_s = (size - 1.0) / per_s
        self._limiter = AsyncLimiter(size, size / per_s)
        self.due_s = due_s

    def wait_s(self, now_s: float) -> float:
        """Seconds until the bucket has room for one more."""
        wait_s = self.due_s - now_s
        return wait_s if wait_s > _NO_TIME_S else 0.0

    async def take(self, now_s: float) -> None:
        """Fills one request into the bucket."""
        await self._limiter.acquire()
        self.due_s = max(self.due_s, now_s - self._credit_s) + self._interval_s


def pacer_for(per_s: float, burst: int, *, after: Pacer | None = None) -> Pacer:
    """The pacer for a rate in requests per second (an infinite one is not paced); it lets nothing out before `after`
    would have.
    """
    if math.isinf(per_s):
        return Unpaced()
    return LimiterPacer(per_s, burst, due_s=-math.inf if after is None else after.due_s)


async def nap(event: asyncio.Event, seconds: float) -> None:
    """Sleeps until the time is over or the event is set, whichever is first; an infinite time never is."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None if math.isinf(seconds) else seconds):
            await event.wait()
