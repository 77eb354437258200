"""A time span as a person writes it: `90`, `90s`, `1.5h`, `1h30m`, `250ms`; a number alone is seconds."""

import math
import re
from decimal import Decimal

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_UNIT_S = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_MS_PER_S = 1_000
# The longest unit first, each at most once.
_FORM = re.compile("".join(f"(?:({_NUMBER}){unit})?" for unit in (*_UNIT_S, "ms")))
_PLAIN = re.compile(_NUMBER)


def parse_duration(text: str) -> float:
    """Reads a time span; returns seconds.

    Raises:
        ValueError: the text is none.
    """
    asked = text.strip()
    if _PLAIN.fullmatch(asked):
        return float(asked)
    match = _FORM.fullmatch(asked)
    if match is None or not asked:
        raise ValueError(f"{text!r} is not a time: write 90s, 1.5h, 30m, 1h30m or 250ms; a number alone is seconds")
    *parts, milliseconds = match.groups("0")
    # One division: 250 / 1000 is the float nearest to 0.25, and 250 * 0.001 need not be.
    return sum(float(part) * unit for part, unit in zip(parts, _UNIT_S.values(), strict=True)) + (
        float(milliseconds) / _MS_PER_S
    )


def duration_text(seconds: float) -> str:
    """Seconds as `parse_duration` reads them back: `10m`, `1h30m`, `0.5s`."""
    if not math.isfinite(seconds) or seconds < 0:
        return f"{seconds:g}s"
    if seconds != int(seconds):
        return f"{plain_number(seconds)}s"
    rest, words = int(seconds), ""
    for unit, unit_s in _UNIT_S.items():
        count, rest = divmod(rest, int(unit_s))
        words += f"{count}{unit}" if count else ""
    return words or "0s"


def plain_number(value: float) -> str:
    """A number that reads back as itself, without an exponent or a needless `.0`."""
    return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")
