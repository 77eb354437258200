"""The last step before anything is shown or written: whatever of the credentials in use it contains is taken out."""

import base64
import functools
import json
import re
import sys
from collections.abc import Callable
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

from batch.csms.masked import Masked

MASK = "***"
# Good for the one request it was made for, and for 15 minutes.
_SIGNATURE = r"(?<=Signature=)[0-9a-f]{64}"
_LONG = 32
_PREFIX = 16
_SHORT = 8
Source = Callable[[], tuple[Masked, ...]]


class Redactor:
    """Knows every secret in use, and takes it out of texts in the forms it may have got into them."""

    def __init__(self) -> None:
        self._sources: list[Source] = []

    def watch(self, source: Source) -> None:
        """From now on also what `source` says is in use; it is asked anew for every text."""
        self._sources.append(source)

    def clean(self, text: str) -> str:
        """The text without secrets: not as they are, escaped, encoded, or cut off after their first characters."""
        secrets = frozenset(secret for source in self._sources for secret in source())
        return _pattern(secrets).sub(MASK, text)


class RedactedStream:
    """A text stream that cleans what is written to it, line by line as it comes."""

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream = stream
        self._redactor = redactor

    def write(self, text: str) -> int:
        """Writes the cleaned text; returns the length of what was given, as its callers expect."""
        self._stream.write(_harmless(self._redactor, text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Writes each of them."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


PROCESS = Redactor()
"""The one of this process: everything it shows or logs passes through it."""


def guard_streams(redactor: Redactor = PROCESS) -> None:
    """Puts the redactor before stdout and stderr.

    Warnings, the handler of the event loop, the last-resort handler of logging and tracebacks of uncaught exceptions
    all write to `sys.stderr` as it is when they write.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, RedactedStream):
            setattr(sys, name, RedactedStream(stream, redactor))


def _harmless(redactor: Redactor, text: str) -> str:
    """Cleaned, or nothing of it: an error in here would be shown with the text, by Python itself."""
    try:
        return redactor.clean(text)
    except Exception:  # noqa: BLE001 - whatever it is
        return f"{MASK}\n"


@functools.lru_cache(maxsize=8)
def _pattern(secrets: frozenset[Masked]) -> re.Pattern[str]:
    parts = {part for secret in secrets for part in _forms(secret.reveal())}
    return re.compile("|".join([*sorted(parts, key=len, reverse=True), _SIGNATURE]))


def _forms(text: str) -> set[str]:
    """Regular expressions for the ways a secret may show up."""
    if not text:
        return set()
    if len(text) < _SHORT:
        # A short password may be a word of its own; inside another word it tells nothing.
        return {rf"(?<!\w){re.escape(text)}(?!\w)"}
    # A text of the environment need not be UTF-8: its stray bytes are lone surrogates.
    raw = text.encode("utf-8", "surrogatepass")
    shapes = {
        text,
        quote(raw, safe=""),
        quote_plus(raw),
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        repr(text)[1:-1],
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    }
    forms = {re.escape(shape) for shape in shapes}
    if len(text) >= _LONG:
        forms.add(re.escape(text[:_PREFIX]) + r"[^\s\"'\\]*")
    return forms
