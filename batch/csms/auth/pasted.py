"""Names what came along when a credential was copied into a file or a variable, and never shows the credential."""

import unicodedata

_QUOTES = frozenset("\"'`\u2018\u2019\u201c\u201d")
_INVISIBLE = frozenset({"Zs", "Cf"})
_MARK = "\ufeff"
_LOST = "\ufffd"
"""What a reader of UTF-8 puts in the place of bytes that are none."""


def odd_file(text: str) -> str | None:
    """What is wrong with a file of text as a whole; None where nothing is."""
    if text.startswith(_MARK):
        return "begins with a byte order mark (BOM); save it as UTF-8 without one"
    if text.startswith(_LOST * 2) or "\0" in text:
        return "is UTF-16 text; save it as UTF-8"
    return None


def odd_name(text: str) -> str | None:
    """What cannot belong to a name or a password, which may hold spaces and any letters; None where nothing is."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
        return "stands in quotation marks; leave them out (the --env-file of docker keeps them)"
    if text.endswith("\r"):
        return "ends with a carriage return; save the file that it is from with Unix line ends"
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        return "holds a line break or another control character"
    return odd_file(text)


def odd_token(text: str) -> str | None:
    """What cannot belong to a token or a key, which is one line of printable ASCII; None where nothing is."""
    if not text:
        return "is empty"
    if (odd := odd_file(text)) is not None:
        return odd
    if {text[0], text[-1]} & _QUOTES:
        return "stands in quotation marks; leave them out (the --env-file of docker keeps them)"
    if len(text.splitlines()) > 1:
        return "is more than one line"
    return next((words for letter in text if (words := _odd_letter(letter)) is not None), None)


def _odd_letter(letter: str) -> str | None:
    if letter == " ":
        return "holds a space"
    if "!" <= letter <= "~":
        return None
    if unicodedata.category(letter) in _INVISIBLE:
        return f"holds an invisible character ({unicodedata.name(letter, 'unnamed')}, U+{ord(letter):04X})"
    return "holds a character that is not printable ASCII"
