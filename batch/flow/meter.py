"""Measures one scope: the share of requests that were refused or not answered, and how many a second were accepted."""

from collections import deque

import msgspec

_LAST = 50
"""A share is one of so many requests, also while there have been fewer: one refusal among three says little."""
_REMEMBERED_S = 10.0


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """`refused` and `unanswered` are shares of the last 50 requests; `accepted_per_s` counts the last second, and
    `most_per_s` the best second of the last ten. `code` is what most of those unanswered had in place of an answer.
    """

    refused: float = 0.0
    unanswered: float = 0.0
    accepted_per_s: float = 0.0
    most_per_s: float = 0.0
    code: str = ""


class Meter:
    """Takes in one answer after another, in the order in which they arrive."""

    def __init__(self) -> None:
        self._refused: deque[bool] = deque(maxlen=_LAST)
        self._unanswered: deque[str] = deque(maxlen=_LAST)
        """What was there in place of an answer; nothing where there was one."""
        self._accepted_s: deque[float] = deque()
        self._most: deque[tuple[float, int]] = deque()
        """Seconds that no later one has surpassed, the best first."""

    def refused(self) -> None:
        """A request was refused for its rate."""
        self._refused.append(True)
        self._unanswered.append("")

    def unanswered(self, code: str) -> None:
        """A request met no service."""
        self._refused.append(False)
        self._unanswered.append(code)

    def accepted(self, now_s: float) -> None:
        """The service answered a request in any other way."""
        self._refused.append(False)
        self._unanswered.append("")
        self._accepted_s.append(now_s)
        accepted = self._in_last_second(now_s)
        while self._most and self._most[-1][1] <= accepted:
            self._most.pop()
        self._most.append((now_s, accepted))

    def read(self, now_s: float) -> Reading:
        """What it shows now."""
        accepted = self._in_last_second(now_s)
        while self._most and self._most[0][0] < now_s - _REMEMBERED_S:
            self._most.popleft()
        codes = [code for code in self._unanswered if code]
        return Reading(
            refused=sum(self._refused) / _LAST,
            unanswered=len(codes) / _LAST,
            accepted_per_s=float(accepted),
            most_per_s=float(self._most[0][1]) if self._most else 0.0,
            code=max(codes, key=codes.count, default=""),
        )

    def _in_last_second(self, now_s: float) -> int:
        while self._accepted_s and self._accepted_s[0] <= now_s - 1.0:
            self._accepted_s.popleft()
        return len(self._accepted_s)
