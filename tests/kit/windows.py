"""Other ways in which a service may count requests than the sandbox's own, for the rate that has to find its way."""

from typing import Protocol

from batch.sandbox.quota import QuotaRate

_EDGE_S = 1e-6


class Window(Protocol):
    """Counts the requests of one project. Times are seconds that never go back."""

    def take(self, now_s: float) -> bool:
        """Whether a request may pass now; one that may not takes nothing."""
        ...


class FixedWindow:
    """Counts anew at every multiple of the length, so twice the limit can pass around such a moment."""

    def __init__(self, rate: QuotaRate) -> None:
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

    def __init__(self, rate: QuotaRate, burst: int | None = None) -> None:
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
