"""Moments as files show them: UTC, ISO 8601, milliseconds."""

from collections.abc import Iterable
from datetime import UTC, datetime

_MILLISECONDS = tuple(f".{number:03d}Z" for number in range(1000))
_MOST_KEPT = 256


def utc_text(moment_s: float | None) -> str:
    """UTC seconds since 1970 as `2026-08-21T12:00:00.250Z`; None, which stands for never, is empty."""
    return utc_texts((moment_s,))[0]


def utc_texts(moments_s: Iterable[float | None]) -> list[str]:
    """The same of many, in a third of the time."""
    return [
        "" if moment_s is None else _SECONDS[(ms := round(moment_s * 1000)) // 1000] + _MILLISECONDS[ms % 1000]
        for moment_s in moments_s
    ]


def utc_seconds(text: str) -> float:
    """The same the other way."""
    return datetime.fromisoformat(text).timestamp()


def clock_text(text: str) -> str:
    """The same for a reader, in whole seconds: `2026-08-21 12:00:00`."""
    return text[:19].replace("T", " ")


class _Seconds(dict[int, str]):
    """The last seconds that were asked for, without their end."""

    def __missing__(self, second: int) -> str:
        if len(self) >= _MOST_KEPT:
            self.clear()
        text = self[second] = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return text


_SECONDS = _Seconds()
