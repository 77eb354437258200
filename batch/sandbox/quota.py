"""How many requests a project may make."""

import math
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


class Rival(msgspec.Struct, frozen=True, kw_only=True):
    """Another client of the same quota, which takes `per_s` steadily until `until_s` and never backs off."""

    per_s: float
    until_s: float = math.inf


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


def parse_rival(text: str) -> Rival:
    """Reads how much a rival takes: `10/s`, `150/m`, or a plain number of requests per second.

    Raises:
        ValueError: it is none of these.
    """
    return Rival(per_s=parse_pace(text, "rival"))


def parse_pace(text: str, what: str) -> float:
    """Reads how often something happens, as times a second: `10/s`, `150/m`, or a plain number for each second.

    Raises:
        ValueError: it is none of these.
    """
    wrong = f"{what} {text!r} is not a rate: write 10/s, 150/m or a number for each second"
    try:
        taken = jobs.rate.Rate.parse(text if "/" in text else f"{text}/s")
    except ValueError as error:
        raise ValueError(wrong) from error
    return taken.per_s


class SlidingWindow:
    """No window of that length, wherever it begins, sees more than the limit. Times never go back."""

    def __init__(self, rate: QuotaRate) -> None:
        self.window_s = rate.window_s
        self._passed: deque[float] = deque(maxlen=rate.limit)

    def take(self, now_s: float) -> bool:
        """Whether a request may pass now; one that may not counts for nothing."""
        passed = self._passed
        if len(passed) == passed.maxlen and now_s - passed[0] < self.window_s - _EDGE_S:
            return False
        self.add(now_s)
        return True

    def add(self, at_s: float) -> None:
        """A request passed, whether it was allowed or not."""
        self._passed.append(at_s)


class SharedWindow:
    """A window that a rival uses too, from the first request of ours on."""

    def __init__(self, rate: QuotaRate, rival: Rival) -> None:
        self._window = SlidingWindow(rate)
        self._rival = rival
        self._next_s: float | None = None

    def take(self, now_s: float) -> bool:
        """Whether a request of ours may pass now."""
        next_s = now_s - self._window.window_s if self._next_s is None else self._next_s
        while next_s <= now_s and next_s < self._rival.until_s:
            self._window.add(next_s)
            next_s += 1.0 / self._rival.per_s
        self._next_s = next_s
        return self._window.take(now_s)


class ProjectQuota:
    """A rate for every project by itself, with a `rival` in each; `named` says that a refusal names the limit."""

    def __init__(self, rate: QuotaRate, *, rival: Rival | None = None, named: bool = True) -> None:
        self._rate = rate
        self._rival = rival
        self._windows: dict[str, SlidingWindow | SharedWindow] = {}
        self._no = refusal("APIG.0308", f"policy user over ratelimit,{rate}" if named else "too many requests")

    def check(self, project_id: str, now_s: float) -> Refusal | None:
        """None when the project may make a request now, which counts it."""
        window = self._windows.get(project_id)
        if window is None:
            window = SlidingWindow(self._rate) if self._rival is None else SharedWindow(self._rate, self._rival)
            self._windows[project_id] = window
        return None if window.take(now_s) else self._no
