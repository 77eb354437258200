"""Reads CSV and TSV: one record on each physical line, every cell exactly its text."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain, repeat

from jobs.manifest.readers.cells import Block, Cells
from jobs.manifest.readers.columns import columns_of
from jobs.manifest.readers.decoding import BOM
from jobs.manifest.readers.first_lines import SEARCHED_LINES, cells_of, holds_names, other_beginning
from jobs.manifest.readers.header import Header, read_header
from jobs.manifest.readers.hollow_end import without_hollow_end
from jobs.manifest.readers.lines import LineBlock, line_blocks
from jobs.manifest.source import ManifestCopy
from jobs.problem import ManifestError, Problem, one_line, quoted

_ENDINGS = "\r\n"
_QUOTE = '"'


def delimited_blocks(copy: ManifestCopy, encoding: str) -> Iterator[Block]:
    """Reads a text manifest in blocks, in constant memory: first a block without rows for the header, then the rows.

    Row N stands on line N + 1. Only the end of a file may have lines that are blank or hold delimiters alone. An empty
    cell of an optional column counts as no value.
    """
    try:
        blocks = line_blocks(copy, encoding)
        beginning = next(blocks, LineBlock(first=1, lines=[]))
        header = _header(copy, beginning.lines[:SEARCHED_LINES])
        yield Block(cells=_empty(header), problems=header.problems)
        if not header.used:
            return
        rows = chain((LineBlock(first=beginning.first + 1, lines=beginning.lines[1:]),), blocks)
        reader = _Rows(copy, header)
        for lines in without_hollow_end(rows, copy.delimiter):
            yield reader.read(lines)
    except ManifestError as error:
        yield Block(problems=(error.problem,))


def _header(copy: ManifestCopy, lines: list[str]) -> Header:
    if not lines:
        raise ManifestError(copy.problem("the file is empty; it needs at least a line with the column names"))
    bodies = [lines[0].removeprefix(BOM).rstrip(_ENDINGS), *(line.rstrip(_ENDINGS) for line in lines[1:])]
    names, reason = list[str](), "the line is blank; it must hold the column names"
    if bodies[0]:
        try:
            names, reason = cells_of(bodies[0], copy.delimiter), ""
        except csv.Error as error:
            reason = _csv_reason(error)
    if not holds_names(names, copy.layout):
        reason = other_beginning(bodies, copy.layout, copy.delimiter) or reason
    if reason:
        raise ManifestError(copy.problem(reason, line=1))
    return read_header(names, copy.layout, file=copy.name, line=1, wave_by=copy.wave_by)


def _empty(header: Header) -> Cells | None:
    return Cells(rows=(), **{name: () for name, _ in header.used}) if header.used else None


class _Rows:
    """Reads the data lines that follow a usable header."""

    def __init__(self, copy: ManifestCopy, header: Header) -> None:
        self._copy = copy
        self._header = header
        self._blank_from: int | None = None
        self._slipped = set[int]()

    def read(self, block: LineBlock) -> Block:
        bodies = [line.rstrip(_ENDINGS) for line in block.lines]
        if self._blank_from is None and self._sound(bodies):
            return self._parsed(range(block.first, block.first + len(bodies)), bodies, [])
        return self._parsed(*self._sifted(block.first, bodies))

    def _sound(self, bodies: list[str]) -> bool:
        """Whether each of the lines is one record of the right width; says so fast, but not which is not."""
        width, delimiter = self._header.width, self._copy.delimiter
        if not any(_QUOTE in body for body in bodies):
            return set(map(str.count, bodies, repeat(delimiter))) <= {width - 1}
        try:
            widths = list(map(len, csv.reader(bodies, delimiter=delimiter, strict=True)))
        except csv.Error:
            return False
        # A record takes at least one line, so as many records as lines means that each took exactly one.
        return len(widths) == len(bodies) and set(widths) <= {width}

    def _sifted(self, first: int, bodies: list[str]) -> tuple[list[int], list[str], list[Problem]]:
        numbers, kept, problems = list[int](), list[str](), list[Problem]()
        for number, body in enumerate(bodies, first):
            if not body:
                self._blank_from = self._blank_from or number
                continue
            if self._blank_from is not None:
                problems.append(self._problem(self._blank_from, "blank line; only the end of the file may be blank"))
                self._blank_from = None
            if reason := self._reason(body):
                problems.append(self._problem(number, reason))
            else:
                numbers.append(number)
                kept.append(body)
        return numbers, kept, problems

    def _reason(self, body: str) -> str:
        width = body.count(self._copy.delimiter) + 1
        if _QUOTE in body:
            try:
                record = cells_of(body, self._copy.delimiter)
            except csv.Error as error:
                return _csv_reason(error)
            width = len(record)
        return "" if width == self._header.width else f"expected {self._header.width} fields, found {width}"

    def _problem(self, line: int, reason: str) -> Problem:
        return self._copy.problem(reason, line=line, row=line - 1)

    def _parsed(self, numbers: Sequence[int], bodies: list[str], problems: list[Problem]) -> Block:
        if not bodies:
            return Block(problems=tuple(problems))
        try:
            columns, slipped = columns_of(bodies, self._copy, self._header)
        except (ValueError, Warning) as error:
            problems.append(self._problem(numbers[0], f"the lines from here on are not CSV: {one_line(error)}"))
            return Block(problems=tuple(problems))
        problems += self._slips(numbers, slipped)
        rows = range(numbers[0] - 1, numbers[-1]) if isinstance(numbers, range) else [line - 1 for line in numbers]
        return Block(cells=Cells(rows=rows, **columns), problems=tuple(problems))

    def _slips(self, numbers: Sequence[int], slipped: dict[int, tuple[int, str]]) -> Iterator[Problem]:
        """One problem for each column without a name that has a value somewhere."""
        for place, (index, text) in slipped.items():
            if place not in self._slipped:
                self._slipped.add(place)
                reason = f"column {place + 1} has no name, and holds {quoted(text)} here; name it, or quote the fields"
                yield self._problem(numbers[index], reason)


def _csv_reason(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quoted field does not end on this line; one record is one line"
    if "expected after" in text:
        return "text after the closing quote of a field"
    return one_line(error)
