"""Takes what an answer shows beside its names and keys: kept where it has the documented form, left out where not.

Nothing of it decides whether an answer is whole: editions of the service differ in which of these fields they have.
"""

from typing import Annotated, Any

import msgspec

# Milliseconds from here on: in seconds it would be the year 5138.
_MILLISECONDS = 100_000_000_000


Id = Annotated[str, msgspec.Meta(min_length=1)]
"""What an item of a list is known by."""


class PageInfo(msgspec.Struct):
    """Where a page of CSMS stands in its list."""

    next_marker: str | None = None


def text_of(value: Any) -> str | None:
    """A text, or None."""
    return value if isinstance(value, str) else None


def flag_of(value: Any) -> bool | None:
    """A truth value, or None; KMS writes it as "1" and "0"."""
    return value if isinstance(value, bool) else {"1": True, "0": False}.get(value) if isinstance(value, str) else None


def seconds_of(value: Any) -> int | None:
    """UTC seconds since 1970 of a time in seconds or milliseconds, as a number or, in KMS, as text; or None."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    if value is None or isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    return value // 1000 if value >= _MILLISECONDS else value


def texts_of(value: Any) -> tuple[str, ...]:
    """The texts of a list, without empty ones."""
    return tuple(one for one in value if isinstance(one, str) and one) if isinstance(value, list) else ()
