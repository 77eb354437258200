"""Cuts rows out of a Parquet manifest: chosen rows as they are, or with the outcome's columns at the end."""

import contextlib
import io
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.ledger import ToldRow
from jobs.manifest.outcome_columns import NAMES, outcome_cells
from jobs.manifest.readers.lines import Sink
from jobs.manifest.readers.parquet import parquet_file
from jobs.manifest.source import ManifestCopy
from jobs.problem import ManifestError, one_line

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_BATCH_ROWS = 16_384
_GROUP_ROWS = 65_536
_GROUP_BYTES = 16 << 20


def copy_rows(copy: ManifestCopy, rows: Iterator[int], told: Iterator[ToldRow] | None, *, total: int, out: Sink) -> int:
    """Writes the rows, ascending, of a manifest of `total` rows with its schema; returns how many.

    With `told`, which goes in step with `rows`, they have `NAMES` as last columns, in place of any of them the manifest
    had.

    Raises:
        ManifestError: the copy cannot be read, or does not have `total` rows.
        OSError: `out` cannot be written.
    """
    with _reading(copy) as file:
        batches = _chosen(copy, file, rows, total)
        if told is None:
            return _write(file.schema_arrow, batches, out)
        own = file.schema_arrow
        kept = [place for place, name in enumerate(own.names) if name not in NAMES]
        added = [pa.field(name, pa.string()) for name in NAMES]
        schema = pa.schema([*(own.field(place) for place in kept), *added]).with_metadata(own.metadata)
        return _write(schema, _extended(batches, told, kept, schema), out)


def _extended(
    batches: Iterator[pa.RecordBatch], told: Iterator[ToldRow], kept: list[int], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        cells = [outcome_cells(row) for row in islice(told, batch.num_rows)]
        columns = [_texts(column) for column in zip(*cells, strict=True)]
        yield pa.record_batch([*(batch.column(place) for place in kept), *columns], schema=schema)


@contextlib.contextmanager
def _reading(copy: ManifestCopy) -> Iterator[pq.ParquetFile]:
    try:
        with parquet_file(copy) as file:
            yield file
    except (pa.ArrowException, ValueError, EOFError) as error:
        raise ManifestError(copy.problem(one_line(error))) from error


def _chosen(copy: ManifestCopy, file: pq.ParquetFile, rows: Iterator[int], total: int) -> Iterator[pa.RecordBatch]:
    if file.metadata.num_rows != total:
        reason = f"the ledger has {total} rows, and this copy has {file.metadata.num_rows}"
        raise ManifestError(copy.problem(reason))
    row = next(rows, None)
    end = 1
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
        first, end = end, end + batch.num_rows
        places = []
        while row is not None and row < end:
            places.append(row - first)
            row = next(rows, None)
        if places:
            yield batch if len(places) == batch.num_rows else _taken(batch, places)
        if row is None:
            return
    if row is not None:
        raise ManifestError(copy.problem(f"the ledger has row {row}, and this copy has {end - 1}"))


def _taken(batch: pa.RecordBatch, places: list[int]) -> pa.RecordBatch:
    try:
        return batch.take(_integers(places))
    except pa.ArrowNotImplementedError:  # Arrow cannot take rows from string views, or lists of them; slices can
        slices = [batch.slice(place, 1) for place in places]
        [taken] = pa.Table.from_batches(slices).combine_chunks().to_batches()
        return taken


def _write(schema: pa.Schema, batches: Iterable[pa.RecordBatch], out: Sink) -> int:
    written = 0
    waiting: list[pa.RecordBatch] = []
    with pq.ParquetWriter(pa.PythonFile(_Stream(out), mode="w"), schema) as writer:
        for batch in batches:
            written += batch.num_rows
            waiting.append(batch)
            # Sparse rows would otherwise make a row group each time they are met.
            if sum(b.num_rows for b in waiting) >= _GROUP_ROWS or sum(b.nbytes for b in waiting) >= _GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(waiting, schema))
                waiting.clear()
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting, schema))
    return written


# pa.array() would load pandas, 50 MB, only to ask whether what it is given is a pandas object.


def _integers(values: list[int]) -> "pa.Array[Any]":
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(array("q", values))])


def _texts(values: Sequence[str]) -> "pa.Array[Any]":
    encoded = [value.encode() for value in values]
    ends = array("i", accumulate(map(len, encoded), initial=0))
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


class _Stream(io.RawIOBase):
    """As much of a file as Arrow asks for; closing it leaves the sink open, whose owner still has to sync it."""

    def __init__(self, out: Sink) -> None:
        super().__init__()
        self._out = out
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer") -> int:
        data = bytes(data)
        self._out.write(data)
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written
