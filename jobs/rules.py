"""What a manifest row must look like: every check of one cell, as a reason or nothing."""

import re
from collections.abc import Callable
from functools import lru_cache, partial

from jobs.printable import counted
from jobs.problem import character, foreign_character, quoted

KEY_PATTERN = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}"
PROJECT_PATTERN = r"[0-9a-f]{32}"

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
sound_name = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,64}").fullmatch
"""Matches what `name_fault` finds nothing wrong with; a million names take a tenth of a second."""
MAX_NAME_CHARS = 64
MIN_KEY_CHARS, MAX_KEY_CHARS = 2, 64
MAX_DESCRIPTION_BYTES = 2048
_CACHED_VERDICTS = 4096
# Controls, marks that turn the direction of text, and characters that show nothing. Joiners may stand: scripts and
# emoji need them.
_HARMFUL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ud800-\udfff\ufeff]"
)

Check = Callable[[str | None], str | None]
"""Says what is wrong with a cell, or None."""


def key_check(pattern: str) -> Check:
    """The check of key ids, which match a pattern as a whole; it remembers verdicts, as many rows share few keys."""
    return lru_cache(_CACHED_VERDICTS)(partial(_key_fault, pattern))


def project_check(pattern: str) -> Check:
    """The check of project ids, remembering like `key_check`."""
    return lru_cache(_CACHED_VERDICTS)(partial(project_fault, pattern))


def name_fault(text: str | None) -> str | None:
    """What is wrong with a secret name."""
    if text is not None and sound_name(text):
        return None
    if text in {".", ".."}:
        return f"{text!r} is a path segment, not a secret name"
    if reason := _common_fault(text):
        return reason
    assert text  # noqa: S101 - the common faults hold null and empty
    if len(text) > MAX_NAME_CHARS:
        return f"is {len(text)} characters long, at most {MAX_NAME_CHARS} are possible"
    return f"{quoted(text)} is not a secret name: letters, digits, '.', '_' and '-' only{foreign_character(text)}"


def description_fault(text: str | None) -> str | None:
    """What is wrong with a description; None and "" are both possible."""
    if text is None:
        return None
    if len(text) * 4 > MAX_DESCRIPTION_BYTES and (size := len(text.encode())) > MAX_DESCRIPTION_BYTES:
        return f"is {size} bytes of UTF-8, at most {MAX_DESCRIPTION_BYTES} are possible"
    if text.isprintable():
        return None
    found = _HARMFUL.search(text)
    return _holds(text, found.start()) if found else None


def _key_fault(pattern: str, text: str | None) -> str | None:
    if reason := _common_fault(text):
        return reason
    assert text  # noqa: S101 - the common faults hold null and empty
    if not MIN_KEY_CHARS <= len(text) <= MAX_KEY_CHARS:
        return f"is {counted(len(text), 'character')} long, {MIN_KEY_CHARS} to {MAX_KEY_CHARS} are possible"
    if not re.fullmatch(pattern, text):
        expected = "a UUID or 32 hexadecimal digits" if pattern == KEY_PATTERN else f"of the form {pattern}"
        return f"{quoted(text)} is not {expected} (--key-pattern){foreign_character(text)}"
    return None


def project_fault(pattern: str, text: str | None) -> str | None:
    """What is wrong with a project id, from any source; it becomes a part of the path of every request."""
    if reason := _common_fault(text):
        return reason
    assert text  # noqa: S101 - the common faults hold null and empty
    if text in {".", ".."} or not re.fullmatch(pattern, text):
        expected = "32 hexadecimal digits in lower case" if pattern == PROJECT_PATTERN else f"of the form {pattern}"
        return f"{quoted(text)} is not {expected} (--project-pattern){foreign_character(text)}"
    return None


def _common_fault(text: str | None) -> str | None:
    """What is wrong with any text that stands for a thing rather than for itself."""
    if text is None:
        return "is null"
    if not text:
        return "is empty"
    if text != text.strip():
        index = 0 if text[0].isspace() else len(text) - 1
        return f"{quoted(text)} has whitespace around it ({character(text, index)}); remove it"
    if not text.isprintable():
        return _holds(text, next(index for index, one in enumerate(text) if not one.isprintable()))
    return None


def _holds(text: str, index: int) -> str:
    return f"{quoted(text)} holds {character(text, index)} at character {index + 1}; remove it"
