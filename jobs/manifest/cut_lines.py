"""Cuts rows out of a text manifest: chosen lines as they are, or with the outcome's columns at the end."""

import csv
import io
from collections.abc import Iterator
from itertools import islice

from jobs.ledger import ToldRow
from jobs.manifest.outcome_columns import NAMES, outcome_cells
from jobs.manifest.readers.decoding import BOM
from jobs.manifest.readers.lines import LineBlock, Sink, exact_codec, line_blocks, line_encoder
from jobs.manifest.source import ManifestCopy
from jobs.problem import ManifestError

_ENDINGS = "\r\n"


def copy_rows(
    copy: ManifestCopy, encoding: str, rows: Iterator[int], told: Iterator[ToldRow] | None, *, total: int, out: Sink
) -> int:
    """Writes the header line and the lines of `rows` byte for byte, unpacked; returns how many rows.

    With `told`, which goes in step with `rows`, each has `NAMES` as last columns, in place of any of them the manifest
    had. `rows` ascend, and `total` is how many the manifest has.

    Raises:
        ManifestError: the copy cannot be read, or does not have `total` rows.
        OSError: `out` cannot be written.
    """
    codec = exact_codec(copy, encoding)
    encode = line_encoder(codec)
    blocks = _chosen(copy, encoding, rows, total)
    if told is not None:
        blocks = _extended(blocks, told, copy.delimiter, codec)
    written = -1  # the header line
    for block in blocks:
        out.write(encode("".join(block)))
        written += len(block)
    return written


def _extended(blocks: Iterator[list[str]], told: Iterator[ToldRow], delimiter: str, codec: str) -> Iterator[list[str]]:
    extension = None
    for block in blocks:
        if extension is None:
            extension = _Extension(block[0], delimiter)
            yield [extension.extended(block[0], NAMES)]
            continue
        pairs = zip(block, islice(told, len(block)), strict=True)
        yield [extension.extended(line, outcome_cells(row, codec)) for line, row in pairs]


def _chosen(copy: ManifestCopy, encoding: str, rows: Iterator[int], total: int) -> Iterator[list[str]]:
    """Yields the header line alone, then the lines of `rows` in blocks; with any it reads to the end, to count them."""
    row = next(rows, None)
    end = 1
    for block in line_blocks(copy, encoding):
        end = block.first + len(block.lines)
        _refuse_surplus(copy, block, total)
        if block.first == 1:
            yield block.lines[:1]
            if row is None:
                return
        chosen = []
        while row is not None and row + 1 < end:
            chosen.append(block.lines[row + 1 - block.first])
            row = next(rows, None)
        if chosen:
            yield chosen
    if end - 2 < total or row is not None:
        raise _wrong_count(copy, total, line=end - 1)


def _refuse_surplus(copy: ManifestCopy, block: LineBlock, total: int) -> None:
    """A manifest may end in lines that are blank or hold delimiters alone, and they do not count as rows."""
    first_after = total + 2
    surplus = block.lines[max(0, first_after - block.first) :]
    if any(line.strip(_ENDINGS + copy.delimiter) for line in surplus):
        raise _wrong_count(copy, total, line=max(first_after, block.first))


def _wrong_count(copy: ManifestCopy, total: int, *, line: int) -> ManifestError:
    return ManifestError(copy.problem(f"the ledger has {total} rows, and this copy has another number", line=line))


class _Extension:
    """Appends cells to lines, each keeping its own ending."""

    def __init__(self, header: str, delimiter: str) -> None:
        self._delimiter = delimiter
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, delimiter=delimiter, lineterminator="")
        names = self._cells(header.removeprefix(BOM).rstrip(_ENDINGS))
        self._kept = tuple(place for place, name in enumerate(names) if name not in NAMES)
        self._as_is = len(self._kept) == len(names)

    def extended(self, line: str, cells: tuple[str, ...]) -> str:
        body = line.rstrip(_ENDINGS)
        ending = line[len(body) :]
        if self._as_is:
            return f"{body}{self._delimiter}{self._joined(cells)}{ending}"
        mark = BOM if body.startswith(BOM) else ""
        own = self._cells(body.removeprefix(BOM) if mark else body)
        return f"{mark}{self._joined((*(own[place] for place in self._kept), *cells))}{ending}"

    def _cells(self, body: str) -> list[str]:
        [cells] = csv.reader([body], delimiter=self._delimiter, strict=True)
        return cells

    def _joined(self, cells: tuple[str, ...]) -> str:
        self._writer.writerow(cells)
        joined = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return joined
