"""Physical lines of a text manifest, numbered, with their endings: written back, they are the same bytes."""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Protocol

from jobs.manifest.readers.decoding import codec_name, decoded, split_head
from jobs.manifest.readers.unpacking import UnreadableError, unpacked
from jobs.manifest.source import ManifestCopy
from jobs.problem import ManifestError

MAX_LINE_CHARS = 1 << 20


class Sink(Protocol):
    """Anything bytes can be written to."""

    def write(self, data: bytes, /) -> object:
        """Takes all of `data`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineBlock:
    """Consecutive lines: `first` is the number of the first, counted from 1; each has its ending, the last may not."""

    first: int
    lines: list[str]


def line_blocks(copy: ManifestCopy, encoding: str) -> Iterator[LineBlock]:
    r"""Yields the lines of a manifest in blocks of about a megabyte, in constant memory.

    A line ends with \n, \r\n or \r and with nothing else. A byte order mark is the first character of line 1.

    Raises:
        ManifestError: the rest cannot be read; every whole line before the place has been yielded.
    """
    splitter = _Splitter()
    try:
        for text in decoded(unpacked(copy.path, copy.packing), encoding):
            yield from splitter.feed(text)
        yield from splitter.rest()
    except UnreadableError as error:
        yield from splitter.whole_rest()
        line = splitter.number if splitter.started else None
        raise ManifestError(copy.problem(str(error), line=line)) from error


def exact_codec(copy: ManifestCopy, encoding: str) -> str:
    """The codec that turns lines of this manifest back into its bytes, byte order mark included.

    Raises:
        ManifestError: there is no such encoding, or the copy cannot be read.
    """
    try:
        return codec_name(encoding, split_head(unpacked(copy.path, copy.packing))[0])
    except UnreadableError as error:
        raise ManifestError(copy.problem(str(error))) from error


def line_encoder(codec: str) -> Callable[[str], bytes]:
    """Encodes lines, in their order, to the bytes they were read from; `codec` is what `exact_codec` says of them."""
    return codecs.getincrementalencoder(codec)("strict").encode


class _Splitter:
    """Cuts pieces of text into whole lines; `number` is that of the next line to come."""

    def __init__(self) -> None:
        self._carry = ""
        self._nul = False
        self.number = 1
        self.started = False

    def feed(self, text: str) -> Iterator[LineBlock]:
        self.started = True
        self._nul = self._nul or "\0" in text
        lines = _split(self._carry + text)
        # A lone \r may be the first half of \r\n, so such a line waits for the next piece like an incomplete one.
        self._carry = lines.pop() if lines and not lines[-1].endswith("\n") else ""
        yield from self._checked(lines)
        if len(self._carry) > MAX_LINE_CHARS:
            yield from self.rest()

    def rest(self) -> Iterator[LineBlock]:
        lines, self._carry = ([self._carry] if self._carry else []), ""
        yield from self._checked(lines)

    def whole_rest(self) -> Iterator[LineBlock]:
        if self._carry.endswith("\r"):
            yield from self.rest()

    def _checked(self, lines: list[str]) -> Iterator[LineBlock]:
        good, reason = lines, ""
        if lines and (self._nul or max(map(len, lines)) > MAX_LINE_CHARS):
            faults = map(_fault, lines)
            bad, reason = next(((index, fault) for index, fault in enumerate(faults) if fault), (len(lines), ""))
            good = lines[:bad]
        if good:
            first, self.number = self.number, self.number + len(good)
            yield LineBlock(first=first, lines=good)
        if reason:
            self._carry = ""
            raise UnreadableError(reason)


def _split(text: str) -> list[str]:
    # str.splitlines would also split at VT, FF, NEL and others; StringIO knows just the three endings of a file.
    return list(StringIO(text, newline=""))


def _fault(line: str) -> str:
    if "\0" in line:
        return "a NUL byte; the file is damaged or not text"
    if len(line) > MAX_LINE_CHARS:
        return f"the line is longer than {MAX_LINE_CHARS} characters"
    return ""
