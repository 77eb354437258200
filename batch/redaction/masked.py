"""What keeps a secret text from being shown: its type, and the mark of a cut that may have left a part of it."""

import hmac
from typing import NoReturn

CUT = "[...]"
"""Stands where a text that may hold a secret was cut: what is before it may be the beginning of one."""


class Masked:
    """A secret text: no repr, no str, no pickle shows it; `reveal` is called only where it goes on the wire."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Masked):
            return NotImplemented
        return hmac.compare_digest(_bytes(self._text), _bytes(other._text))

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential is never pickled")


def _bytes(text: str) -> bytes:
    # Not every text is valid UTF-8, and an error in here would show it.
    return text.encode("utf-8", "surrogatepass")
