"""Spaces out the requests of one scope: says when the next may leave, and counts it when it does.

The bound that holds at the service: in any window of one second at most rate + burst requests. The schedule kept here
holds it; the library's bucket is the second line of defence, and never waits as long as the schedule is right.
"""

import math
from typing import Protocol

from aiolimiter import AsyncLimiter

# The schedule runs this much slower than the rate that was asked for. What that frees in a second is lent to timers
# that wake up late, so that they cost nothing and yet no second ever holds more than rate + burst; and a quota that is
# exactly the rate is not overrun by a request that left a millisecond early.
_MARGIN = 0.008
_LATENESS_S = 0.007
# Below what any timer can wait.
_NO_TIME_S = 1e-6


class Pacer(Protocol):
    """Asked before a slot is taken, informed when the request leaves."""

    due_s: float
    """When the next request may leave, on the loop's clock."""

    def wait_s(self, now_s: float) -> float:
        """Seconds until a request may leave; 0 now."""

    async def take(self, now_s: float) -> None:
        """Counts one request that leaves now; returns at once if `wait_s` said 0 and no other request left since."""


class Unpaced:
    """No limit."""

    due_s = -math.inf

    def wait_s(self, now_s: float) -> float:  # noqa: ARG002 - the interface
        """Nothing to wait for."""
        return 0.0

    async def take(self, now_s: float) -> None:
        """Nothing to count."""


class LimiterPacer:
    """Paces by a schedule, and keeps the bound by aiolimiter's leaky bucket.

    The bucket alone would do for one scope, but it can only be waited for while holding whatever the caller holds, it
    loses every late wake-up for good, and at high rates it spins. So the moment at which the next request is due is
    kept here, as the same bucket seen as a schedule, and the bucket is asked only when it has room.
    """

    def __init__(self, per_s: float, burst: int, *, left: float, now_s: float) -> None:
        """Starts with `left` requests of a burst at `now_s`, beside the one that is due."""
        drain_per_s = per_s * (1.0 - _MARGIN)
        size = burst + _LATENESS_S * per_s
        self._interval_s = 1.0 / drain_per_s
        self._burst_s = (burst - 1) * self._interval_s
        self._limiter = AsyncLimiter(size, size / drain_per_s)
        self._used = False
        self.due_s = now_s - left * self._interval_s

    def left(self, now_s: float) -> float:
        """What is left of a burst: requests that may leave at once beside the one that is due."""
        return max(0.0, self.ahead(now_s))

    def ahead(self, now_s: float) -> float:
        """The same, below zero where none is due yet: the share of an interval that is still to come."""
        return max(-1.0, min(self._burst_s, now_s - self.due_s) / self._interval_s)

    def wait_s(self, now_s: float) -> float:
        """Seconds until the bucket has room for one more."""
        wait_s = self.due_s - now_s
        return wait_s if wait_s > _NO_TIME_S else 0.0

    async def take(self, now_s: float) -> None:
        """Fills one request into the bucket."""
        # A new bucket is empty: what another pacer has used up of the burst goes in first.
        used_up = 0.0 if self._used else self._burst_s / self._interval_s - self.left(now_s)
        self._used = True
        await self._limiter.acquire(1.0 + used_up)
        late = now_s - self.due_s <= self._burst_s + _LATENESS_S
        # A timer that was late is made up for; a pause is not, beyond the burst.
        self.due_s = (self.due_s if late else now_s - self._burst_s) + self._interval_s


def pacer_for(per_s: float, burst: int, *, after: Pacer | None = None, now_s: float = 0.0) -> Pacer:
    """The pacer for a rate in requests per second; an infinite one is not paced. After another pacer it lets nothing
    out before that one would have, and of a burst no more than was left of it.
    """
    if math.isinf(per_s):
        return Unpaced()
    if not isinstance(after, LimiterPacer):
        return LimiterPacer(per_s, burst, left=burst - 1.0, now_s=-math.inf)
    return LimiterPacer(per_s, burst, left=after.left(now_s), now_s=max(now_s, after.due_s))


def repaced(pacer: Pacer, per_s: float, burst: int, now_s: float) -> Pacer:
    """The pacer for another rate that the user allows. What was used up of a burst or of an interval stays so, as a
    share: a long wait at a slow rate becomes a short one.
    """
    if math.isinf(per_s) or not isinstance(pacer, LimiterPacer):
        return pacer_for(per_s, burst)
    return LimiterPacer(per_s, burst, left=pacer.ahead(now_s), now_s=now_s)
