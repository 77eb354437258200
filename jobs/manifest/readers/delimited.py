"""Reads CSV and TSV: one record on each physical line, every cell exactly its text."""

import csv
import warnings
from collections.abc import Iterator, Sequence
from io import StringIO

from jobs.manifest.readers.cells import OPTIONAL, Block, Cells, Column
from jobs.manifest.readers.decoding import BOM
from jobs.manifest.readers.header import Header, read_header
from jobs.manifest.readers.lines import LineBlock, line_blocks
from jobs.manifest.source import ManifestCopy
from jobs.problem import ManifestError, Problem, one_line

_ENDINGS = "\r\n"
_QUOTE = '"'


def delimited_blocks(copy: ManifestCopy, encoding: str) -> Iterator[Block]:
    """Reads a text manifest in blocks, in constant memory: first a block without rows for the header, then the rows.

    Row N stands on line N + 1. Blank lines may only end the file. An empty cell of an optional column is no value.
    """
    reader = None
    try:
        for lines in line_blocks(copy, encoding):
            if reader is None:
                header = _header(copy, lines.lines[0])
                yield Block(cells=_empty(header), problems=header.problems)
                if not header.used:
                    return
                reader = _Rows(copy, header)
                lines = LineBlock(first=lines.first + 1, lines=lines.lines[1:])  # noqa: PLW2901 - the rest of it
            if lines.lines:
                yield reader.read(lines)
    except ManifestError as error:
        yield Block(problems=(error.problem,))
        return
    if reader is None:
        yield Block(problems=(copy.problem("the file is empty; it needs at least a line with the column names"),))


def _header(copy: ManifestCopy, line: str) -> Header:
    body = line.removeprefix(BOM).rstrip(_ENDINGS)
    if not body:
        raise ManifestError(copy.problem("the line is blank; it must hold the column names", line=1))
    try:
        [names] = csv.reader([body], delimiter=copy.delimiter, strict=True)
    except csv.Error as error:
        raise ManifestError(copy.problem(_csv_reason(error), line=1)) from error
    return read_header(names, file=copy.name, line=1)


def _empty(header: Header) -> Cells | None:
    return Cells(rows=(), **{name: () for name, _ in header.used}) if header.used else None


class _Rows:
    """Reads the data lines that follow a usable header."""

    def __init__(self, copy: ManifestCopy, header: Header) -> None:
        self._copy = copy
        self._header = header
        self._blank_from: int | None = None

    def read(self, block: LineBlock) -> Block:
        bodies = [line.rstrip(_ENDINGS) for line in block.lines]
        if self._blank_from is None and self._sound(bodies):
            return self._parsed(range(block.first, block.first + len(bodies)), bodies, [])
        return self._parsed(*self._sifted(block.first, bodies))

    def _sound(self, bodies: list[str]) -> bool:
        """Whether each of the lines is one record of the right width; says so fast, but not which is not."""
        width, delimiter = self._header.width, self._copy.delimiter
        if not any(_QUOTE in body for body in bodies):
            return {body.count(delimiter) for body in bodies} <= {width - 1}
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
                [record] = csv.reader([body], delimiter=self._copy.delimiter, strict=True)
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
            columns = _cell_texts(bodies, self._copy.delimiter, self._header)
        except (ValueError, Warning) as error:
            problems.append(self._problem(numbers[0], f"the lines from here on are not CSV: {one_line(error)}"))
            return Block(problems=tuple(problems))
        rows = range(numbers[0] - 1, numbers[-1]) if isinstance(numbers, range) else [line - 1 for line in numbers]
        return Block(cells=Cells(rows=rows, **columns), problems=tuple(problems))


def _cell_texts(bodies: list[str], delimiter: str, header: Header) -> dict[str, Column]:
    """The used columns of some lines, each of which is known to be one record of the header's width."""
    import pandas as pd  # noqa: PLC0415 - half a second and 100 MB that help, status and report do without

    # pandas drops U+FEFF at the start of what it reads, and there only: a line of its own takes that place.
    guard = delimiter.join("0" * header.width)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(
            StringIO("\n".join((guard, *bodies))),
            sep=delimiter,
            header=None,  # or the first row decides about an index column and mangles equal names
            index_col=False,
            usecols=[place for _, place in header.used],
            dtype=object,
            na_filter=False,  # NA, null and nan are texts
            skip_blank_lines=False,
            on_bad_lines="error",
            engine="c",
            low_memory=False,
        )
    if len(frame) != len(bodies) + 1:
        raise ValueError(f"{len(bodies)} lines became {len(frame) - 1} rows")
    return {name: _absent_if_empty(name, frame[place].tolist()[1:]) for name, place in header.used}


def _absent_if_empty(name: str, texts: list[str]) -> Column:
    return [text or None for text in texts] if name in OPTIONAL and "" in texts else texts


def _csv_reason(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quoted field does not end on this line; one record is one line"
    if "expected after" in text:
        return "text after the closing quote of a field"
    return one_line(error)
