"""What may stand between two fields of a text manifest, by a name that needs no quoting on a command line."""

from enum import StrEnum
from typing import Self

_CHARACTERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_OTHER_NAMES = {character: name for name, character in _CHARACTERS.items()} | {r"\t": "tab"}


class Delimiter(StrEnum):
    """One of the characters that exports use."""

    COMMA = "comma"
    SEMICOLON = "semicolon"
    TAB = "tab"
    PIPE = "pipe"

    @classmethod
    def parse(cls, text: str) -> Self:
        r"""Reads a name, or the character itself; `\t` stands for a tab.

        Raises:
            ValueError: it is neither.
        """
        word = text.strip(" ").lower()
        try:
            return cls(_OTHER_NAMES.get(word, word))
        except ValueError:
            raise ValueError(f"{text!r} is not a delimiter: write {', '.join(cls)}") from None

    @property
    def character(self) -> str:
        """The character itself."""
        return _CHARACTERS[self]
