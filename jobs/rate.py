"""How often requests may leave, as a person writes it: `10/s`, `300/m`, `200/5m`, `auto`."""

import re
from typing import Self

import msgspec

from jobs.duration import plain_number

_FORM = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)/([0-9]{0,5})(s|m|h)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600}
# What the form above has room for.
_MOST_REQUESTS = 1e7
_LONGEST_S = 99_999 * 3600
UNLIMITED = "unlimited"
AUTO = "auto"


class Rate(msgspec.Struct, frozen=True):
    """`requests` in any `period_s` seconds; 0 stands for no limit at all, or with `auto` for one to be found."""

    requests: float
    period_s: float = 1.0
    auto: bool = False

    def __post_init__(self) -> None:
        """Refuses what cannot be written as a rate, as a damaged ledger may hold it.

        Raises:
            ValueError: a number out of its range.
        """
        whole = 1 <= self.period_s <= _LONGEST_S and self.period_s == int(self.period_s)
        if not whole or not 0 <= self.requests < _MOST_REQUESTS:
            raise ValueError(f"{self.requests} in {self.period_s} s is not a rate")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `N/s`, `N/m`, `N/h`, `N/5m`, `unlimited` or `auto`.

        Raises:
            ValueError: the text is none of these, or asks for nothing.
        """
        if text.strip() in {UNLIMITED, AUTO}:
            return cls(0.0, auto=text.strip() == AUTO)
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a rate: write 10/s, 300/m, 200/5m, auto or unlimited")
        requests, periods = float(match[1]), int(match[2] or 1)
        if requests <= 0 or periods <= 0:
            raise ValueError(f"{text!r} is not a rate: both numbers must be above zero")
        return cls(requests, float(periods * _UNIT_S[match[3]]))

    @property
    def unlimited(self) -> bool:
        """Whether nothing paces the requests."""
        return self.requests == 0

    @property
    def per_s(self) -> float:
        """Requests per second; infinite where unlimited."""
        return float("inf") if self.unlimited else self.requests / self.period_s

    def __str__(self) -> str:
        if self.unlimited:
            return AUTO if self.auto else UNLIMITED
        unit = next(unit for unit, unit_s in reversed(_UNIT_S.items()) if not self.period_s % unit_s)
        periods = int(self.period_s) // _UNIT_S[unit]
        return f"{plain_number(self.requests)}/{'' if periods == 1 else periods}{unit}"
