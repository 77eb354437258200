"""What is wrong with a manifest, and where: the one form in which any part of reading it complains."""

import unicodedata

import msgspec

_SHOWN_CHARS = 60


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong at one place.

    `file` is the manifest as its user named it. `line` counts physical lines from 1 and is None where there are none
    (Parquet) or where the whole file is meant; `row` counts data rows from 1. A `structural` problem makes the whole
    manifest unusable, any other only its row.
    """

    file: str
    reason: str
    structural: bool
    line: int | None = None
    row: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        """`file:line: column: reason`, or `file: row N: column: reason` where a file has no lines."""
        return f"{self.place}: {self.reason}"

    @property
    def place(self) -> str:
        """Where it is: `file:line: column`, as far as that is known."""
        place = plain(self.file)
        if self.line is not None:
            place += f":{self.line}"
        elif self.row is not None:
            place += f": row {self.row}"
        if self.column is not None:
            place += f": {plain(self.column)}"
        return place


class ManifestError(Exception):
    """A manifest, or the rest of it, cannot be read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def plain(text: str) -> str:
    """The text itself if it can be shown anywhere, else with everything escaped that could drive a terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]


def quoted(text: str) -> str:
    """A text in quotes, safe to show and of bounded length."""
    cut = text[:_SHOWN_CHARS]
    return f"'{plain(cut)}'" + ("..." if len(text) > len(cut) else "")


def one_line(error: BaseException) -> str:
    """What a library said, as one plain line of bounded length."""
    words = " ".join(str(error).split()) or type(error).__name__
    return plain(words[:200])


def character(text: str, index: int) -> str:
    """A character named so that it can be found even where it does not show: `U+00A0 NO-BREAK SPACE`."""
    code = f"U+{ord(text[index]):04X}"
    return f"{code} {unicodedata.name(text[index], 'control character')}"


def foreign_character(text: str) -> str:
    """Names the first character that is not ASCII, which may look like one that is: ` (U+2011 NON-BREAKING HYPHEN at
    character 9)`; nothing where there is none.
    """
    index = next((index for index, one in enumerate(text) if not one.isascii()), None)
    return "" if index is None else f" ({character(text, index)} at character {index + 1})"
