"""Moments as files show them: UTC, ISO 8601, milliseconds."""

from datetime import UTC, datetime
from functools import lru_cache

_MILLISECONDS = tuple(f".{number:03d}Z" for number in range(1000))


def utc_text(moment_s: float | None) -> str:
    """UTC seconds since 1970 as `2026-08-21T12:00:00.250Z`; None, which stands for never, is empty."""
    if moment_s is None:
        return ""
    milliseconds = round(moment_s * 1000)
    return _second_text(milliseconds // 1000) + _MILLISECONDS[milliseconds % 1000]


def utc_seconds(text: str) -> float:
    """The same the other way."""
    return datetime.fromisoformat(text).timestamp()


def clock_text(text: str) -> str:
    """The same for a reader, in whole seconds: `2026-08-21 12:00:00`."""
    return text[:19].replace("T", " ")


@lru_cache(maxsize=256)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
