"""Measures how fast a run really is, from samples of what it has done so far."""

from collections import deque

_NOW_S = 10.0
_LONG_S = 60.0
_APART_S = 0.5
_LEAST_S = 3.0
"""Before that, the first rows say little about the others."""

_Sample = tuple[float, int, int, int]


class Pace:
    """Takes samples as they come, and keeps some of the last minute. Time is an argument, in seconds."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()

    def note(self, now_s: float, *, ended: int, requests: int, sending: int = 0) -> None:
        """So many rows have ended and so many requests have left, since the beginning; so many projects send now."""
        if self._samples and now_s - self._samples[-1][0] < _APART_S:
            return
        self._samples.append((now_s, ended, requests, sending))
        while self._samples[0][0] < now_s - _LONG_S:
            self._samples.popleft()

    def rows_per_s(self) -> float:
        """Rows that ended in a second, over the last ten."""
        seconds, ended, _ = self._since(_NOW_S)
        return ended / seconds if seconds > 0 else 0.0

    def requests_per_s(self) -> float:
        """Requests that left in a second, over the last ten."""
        seconds, _, requests = self._since(_NOW_S)
        return requests / seconds if seconds > 0 else 0.0

    def sending(self) -> int:
        """The most projects that sent at once, over the last ten seconds."""
        since_s = self._samples[-1][0] - _NOW_S if self._samples else 0.0
        return max((sample[3] for sample in self._samples if sample[0] >= since_s), default=0)

    def eta_s(self, open_rows: int) -> float | None:
        """Seconds for so many rows at the rate of the last minute; None where that is nothing, or hardly begun."""
        seconds, ended, _ = self._since(_LONG_S)
        if not open_rows:
            return 0.0
        return open_rows * seconds / ended if seconds >= _LEAST_S and ended > 0 else None

    def _since(self, span_s: float) -> tuple[float, int, int]:
        if not self._samples:
            return 0.0, 0, 0
        last_s, last_ended, last_requests, _ = self._samples[-1]
        first_s, first_ended, first_requests, _ = next(s for s in self._samples if s[0] >= last_s - span_s)
        return last_s - first_s, last_ended - first_ended, last_requests - first_requests
