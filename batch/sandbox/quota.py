"""How many requests a project may make."""

from collections import deque

import msgspec

import jobs.rate
from batch.sandbox.refusals import Refusal, refusal

# A client that keeps to the rate exactly meets the edge of the window, where sums of floats are off by far less.
_EDGE_S = 1e-6


class QuotaRate(msgspec.Struct, frozen=True, kw_only=True):
    """At most `limit` requests in `window_s` seconds."""

    limit: int
    window_s: int

    def __str__(self) -> str:
        """As the service words it."""
        size, unit = (self.window_s // 60, "minute") if self.window_s % 60 == 0 else (self.window_s, "second")
        return f"limit:{self.limit},time:{size} {unit}"


def parse_rate(text: str) -> QuotaRate:
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
    return QuotaRate(limit=int(asked.requests), window_s=int(asked.period_s))


class SlidingWindow:
    """No window of that length, wherever it begins, sees more than the limit. Times never go back."""

    def __init__(self, rate: QuotaRate) -> None:
        self._window_s = rate.window_s
        self._passed: deque[float] = deque(maxlen=rate.limit)

    def take(self, now_s: float) -> bool:
        """Whether a request may pass now; one that may not counts for nothing."""
        passed = self._passed
        if len(passed) == passed.maxlen and now_s - passed[0] < self._window_s - _EDGE_S:
            return False
        passed.append(now_s)
        return True


class ProjectQuota:
    """A rate for every project by itself."""

    def __init__(self, rate: QuotaRate) -> None:
        self._rate = rate
        self._windows: dict[str, SlidingWindow] = {}
        self._no = refusal("APIG.0308", f"policy user over ratelimit,{rate}")

    def check(self, project_id: str, now_s: float) -> Refusal | None:
        """None when the project may make a request now, which counts it."""
        window = self._windows.get(project_id)
        if window is None:
            window = self._windows[project_id] = SlidingWindow(self._rate)
        return None if window.take(now_s) else self._no
