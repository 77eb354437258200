"""How many requests a project may make: three ways of counting, behind one."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec

import jobs.rate
from batch.sandbox.refusals import Refusal, refusal

# A client that keeps to the rate exactly meets the edge of the window, where sums of floats are off by far less.
_EDGE_S = 1e-6


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """At most `limit` requests in `window_s` seconds."""

    limit: int
    window_s: int

    def __str__(self) -> str:
        """As the service words it."""
        size, unit = (self.window_s // 60, "minute") if self.window_s % 60 == 0 else (self.window_s, "second")
        return f"limit:{self.limit},time:{size} {unit}"


def parse_rate(text: str) -> Rate:
    """Reads `20/s`, `300/m`, `200/5m`.

    Raises:
        ValueError: it is none of these, or not a whole number of requests.
    """
    wrong = f"rate limit {text!r} is not of the form 20/s, 300/m or 200/5m"
    try:
        asked = jobs.rate.Rate.parse(text)
    except ValueError as error:
        raise ValueError(wrong) from error
    if asked.unlimited or not asked.requests.is_integer():
        raise ValueError(wrong)
    return Rate(limit=int(asked.requests), window_s=int(asked.period_s))


class Window(Protocol):
    """Counts the requests of one project. Times are seconds that never go back."""

    def take(self, now_s: float) -> bool:
        """Whether a request may pass now; one that may not takes nothing."""
        ...


class SlidingWindow:
    """No window of that length, wherever it begins, sees more than the limit."""

    def __init__(self, rate: Rate) -> None:
        self._window_s = rate.window_s
        self._passed: deque[float] = deque(maxlen=rate.limit)

    def take(self, now_s: float) -> bool:
        """Passes when fewer than the limit passed within the last window."""
        passed = self._passed
        if len(passed) == passed.maxlen and now_s - passed[0] < self._window_s - _EDGE_S:
            return False
        passed.append(now_s)
        return True


class FixedWindow:
    """Counts anew at every multiple of the length, so twice the limit can pass around such a moment."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._window = -1
        self._count = 0

    def take(self, now_s: float) -> bool:
        """Passes when fewer than the limit passed since the last multiple."""
        window = int((now_s + _EDGE_S) // self._rate.window_s)
        if window != self._window:
            self._window, self._count = window, 0
        if self._count == self._rate.limit:
            return False
        self._count += 1
        return True


class TokenBucket:
    """Fills at the rate and holds `burst` requests at most; it starts full."""

    def __init__(self, rate: Rate, burst: int | None = None) -> None:
        self._per_s = rate.limit / rate.window_s
        self._burst = float(rate.limit if burst is None else burst)
        self._level = self._burst
        self._then_s = 0.0

    def take(self, now_s: float) -> bool:
        """Passes when there is a whole token."""
        self._level = min(self._burst, self._level + (now_s - self._then_s) * self._per_s)
        self._then_s = now_s
        if self._level < 1 - _EDGE_S:
            return False
        self._level -= 1
        return True


class Quota:
    """A rate for every project by itself; `retry_after_s` is sent along with a refusal when given, as few sites do."""

    def __init__(
        self, rate: Rate, window: Callable[[Rate], Window] = SlidingWindow, *, retry_after_s: int | None = None
    ) -> None:
        self.rate = rate
        self._make = window
        self._windows: dict[str, Window] = {}
        self._no = refusal(
            "APIG.0308",
            f"policy user over ratelimit,{rate}",
            headers=() if retry_after_s is None else (("Retry-After", str(retry_after_s)),),
        )

    def check(self, project_id: str, now_s: float) -> Refusal | None:
        """None when the project may make a request now, which counts it."""
        window = self._windows.get(project_id)
        if window is None:
            window = self._windows[project_id] = self._make(self.rate)
        return None if window.take(now_s) else self._no
