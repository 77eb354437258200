"""How often requests may leave, as a person writes it: `10/s`, `300/m`, `200/5m`."""

import re
from typing import Self

import msgspec

_FORM = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)/([0-9]{0,5})(s|m|h)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600}
UNLIMITED = "unlimited"


class Rate(msgspec.Struct, frozen=True):
    """`requests` in any `period_s` seconds; `requests` 0 stands for no limit at all."""

    requests: float
    period_s: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `N/s`, `N/m`, `N/h`, `N/5m` or `unlimited`.

        Raises:
            ValueError: the text is none of these, or asks for nothing.
        """
        if text.strip() == UNLIMITED:
            return cls(0.0)
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a rate: write 10/s, 300/m, 200/5m or unlimited")
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
            return UNLIMITED
        for unit, unit_s in reversed(_UNIT_S.items()):
            periods, rest = divmod(self.period_s, unit_s)
            if not rest:
                return f"{self.requests:g}/{'' if periods == 1 else int(periods)}{unit}"
        return f"{self.per_s:g}/s"
