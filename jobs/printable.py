"""Makes text of the service or of a manifest safe to show: in a terminal, in one line of a file, in a spreadsheet."""

import json
import re
import unicodedata
from collections.abc import Sequence

MESSAGE_CHARS = 500
"""The most of a message that is ever shown."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, formats (bidi overrides, zero-width, U+FEFF), surrogates, line and paragraph separators."""

_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
"""Spreadsheets take a cell that starts so for a formula; the last four are the full-width forms of the others."""

_SPLIT_FORMULA = re.compile(f";\\s*(?=[{re.escape(''.join(sorted(_FORMULA)))}])")
"""Where lists are separated by semicolons, a spreadsheet splits cells there too."""

plain_name = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch
"""Matches names and ids that nothing can be wrong with."""
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
_PLAIN_CHARS = 64


def all_plain(texts: Sequence[str]) -> bool:
    """Whether all of them, of which there is one at least, are such names or empty."""
    joined = ",".join(texts)
    return (
        joined.isascii()
        and max(map(len, texts)) <= _PLAIN_CHARS
        and joined.encode().translate(None, _PLAIN) == b"," * (len(texts) - 1)
    )


def printable(text: str, encoding: str = "utf-8") -> str:
    r"""The text on one line, with everything that is not seen or drives a terminal written out, as `\x1b` or `\u202e`.

    Characters that `encoding` lacks are written out as well.
    """
    if not text.isprintable():
        text = "".join(map(_seen, text))
    return text if text.isascii() else text.encode(encoding, "backslashreplace").decode(encoding)


def printable_json(text: str) -> str:
    r"""The same for text that is JSON, and stays so: `\u001b`, `\u202e`."""
    if text.isprintable():
        return text
    return "".join(json.dumps(one)[1:-1] if unicodedata.category(one) in _HIDDEN else one for one in text)


def storable(name: str) -> str:
    r"""A name that the system has given, as text that any file can hold: bytes that are not UTF-8 become `\xff`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shortened(text: str, limit: int = MESSAGE_CHARS, encoding: str = "utf-8") -> str:
    """The same, at most `limit` characters; `...` at the end stands for what is left out."""
    # The head alone decides, so that a huge text costs no more than a long one.
    shown = printable(text[: limit + 1], encoding)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def cell(text: str, encoding: str = "utf-8") -> str:
    """The same for a spreadsheet: an apostrophe keeps what looks like a formula from being one."""
    if not text:
        return text
    first = text.lstrip(" \u3000")[:1]
    shown = shortened(text, encoding=encoding)
    if ";" in shown:
        shown = _SPLIT_FORMULA.sub(r"\g<0>'", shown)
    return f"'{shown}" if first in _FORMULA or (first and unicodedata.category(first) == "Cc") else shown


def name_cell(text: str, encoding: str = "utf-8") -> str:
    """The same for names and ids, which stay exactly as they are when they are valid, as `-a` is."""
    return text if plain_name(text) else cell(text, encoding)


def _seen(character: str) -> str:
    if unicodedata.category(character) in _HIDDEN:
        return character.encode("unicode_escape").decode("ascii")
    return character


def counted(number: int, one: str) -> str:
    """A number of things by the name of one: 1 row, 2,000 rows."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"
