"""The last step before anything is shown or written: whatever of the credentials in use it contains is taken out."""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from batch.redaction.forms import Forms, Heads, forms_of
from batch.redaction.masked import CUT, Masked

MASK = "***"
# Good for the one request it was made for, and for 15 minutes.
_SIGNATURE = re.compile(r"(?<=Signature=)[0-9a-f]{1,64}")
_MANY = 16
"""Of more secrets than this, most texts are cleared by one look for all of them: accounts have one each, or more."""
Source = Callable[[], tuple[Masked, ...]]


class Redactor:
    """Knows every secret in use, and takes it out of texts in the forms it may have got into them."""

    def __init__(self) -> None:
        self._sources: list[Source] = []
        self._many: tuple[tuple[Forms, ...], Heads] = ((), Heads(()))
        self._last: tuple[list[tuple[Masked, ...]], tuple[Forms, ...]] = ([], ())
        """What the sources said last, and its forms; one value, as threads may ask."""

    def watch(self, source: Source) -> None:
        """From now on also what `source` says is in use; it is called again for every text."""
        self._sources.append(source)

    def clean(self, text: str) -> str:
        """The text without secrets: not as they are, escaped, encoded, or cut off after their first characters.

        Where this program cut the text itself, a single character of one is found.
        """
        if "Signature=" in text:
            text = _SIGNATURE.sub(MASK, text)
        known = self._forms()
        if CUT in text:
            text = _without_beginnings(text, known)
        if len(known) > _MANY and not self._heads(known).may_be_in(text):
            return text
        for forms in known:
            if forms.may_be_in(text):
                text = forms.pattern.sub(MASK, text)
        return text

    def _heads(self, known: tuple[Forms, ...]) -> Heads:
        of, heads = self._many
        if of is not known:
            heads = Heads(known)
            self._many = known, heads
        return heads

    def _forms(self) -> tuple[Forms, ...]:
        """Of everything that is in use now."""
        now = [source() for source in self._sources]
        said, known = self._last
        if now != said:
            known = _longest_first({secret for source in now for secret in source})
            self._last = now, known
        return known


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


class StandardStream(RedactedStream):
    """The same for stdout or stderr, which raises nothing: what a command ends with does not depend on who can be shown
    what it says.
    """

    lost: OSError | None = None
    """Why nothing can be written any more, until that has been said; a reader that has left does not count."""

    @property
    def strict(self) -> RedactedStream:
        """The same stream for one who has to know that it was not shown: errors are raised."""
        return RedactedStream(self._stream, self._redactor)

    def write(self, text: str) -> int:
        """Writes the cleaned text, if need be to nowhere."""
        with self._enduring():
            super().write(text)
        return len(text)

    def abandon(self) -> None:
        """Lets everything go nowhere from now on, also what still waits to be written."""
        with contextlib.suppress(OSError):
            _lead_nowhere(self._stream.fileno())

    def flush(self) -> None:
        """Lets nothing wait to be written."""
        with self._enduring():
            self._stream.flush()

    @contextlib.contextmanager
    def _enduring(self) -> Iterator[None]:
        """On a full disk, or without a reader, the descriptor leads nowhere from now on. Python keeps what could not be
        written, tries again when the process ends, and puts 120 in place of the exit code if that fails.
        """
        try:
            yield
        except OSError as error:
            self.lost = None if isinstance(error, BrokenPipeError) else error
            self.abandon()


PROCESS_REDACTOR = Redactor()
"""The one of this process: everything it shows or logs passes through it."""


def guard_streams(redactor: Redactor = PROCESS_REDACTOR) -> None:
    """Puts the redactor before stdout and stderr, and has neither of them raise anything.

    Warnings, the handler of the event loop, the last-resort handler of logging and tracebacks of uncaught exceptions
    all write to the `sys.stderr` of that moment.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, RedactedStream):
            setattr(sys, name, StandardStream(stream, redactor))


def flush_streams() -> None:
    """Lets nothing wait for the end of the process, where an error would take the place of its exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _lead_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _harmless(redactor: Redactor, text: str) -> str:
    """Cleaned, or nothing of it: an error in here would be shown with the text, by Python itself."""
    try:
        return redactor.clean(text)
    except Exception:  # noqa: BLE001 - whatever it is
        return f"{MASK}\n"


def _without_beginnings(text: str, known: tuple[Forms, ...]) -> str:
    *before_cuts, rest = text.split(CUT)
    cleaned = []
    for piece in before_cuts:
        begins_at = min((forms.begins_at(piece) for forms in known), default=len(piece))
        cleaned.append(piece if begins_at == len(piece) else piece[:begins_at] + MASK)
    return CUT.join([*cleaned, rest])


def _longest_first(secrets: set[Masked]) -> tuple[Forms, ...]:
    """So that of two secrets that begin alike the whole one is taken out."""
    return tuple(forms_of(secret) for secret in sorted(secrets, key=lambda one: len(one.reveal()), reverse=True))
