"""Reads Parquet in constant memory: only columns of texts, and only what the file says for certain."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.manifest.readers.cells import Block, Cells, Column
from jobs.manifest.readers.header import Header, read_header
from jobs.manifest.source import ManifestCopy
from jobs.problem import ManifestError, Problem, one_line

_BATCH_ROWS = 4_096  # larger batches cost memory and gain no time
_BUFFER_BYTES = 64 << 10


def parquet_blocks(copy: ManifestCopy) -> Iterator[Block]:
    """Reads a Parquet manifest in blocks: first one without rows for the columns, then the rows; rows have no lines.

    A null counts as no value, so a column of nulls has none, whatever its type; an empty text of an optional column
    stays an empty text. Damage in a page ends the reading where the format can show it: a flipped bit in an
    uncompressed page without a checksum cannot be seen.
    """
    row = 0
    try:
        for block in _blocks(copy):
            yield block
            row = block.cells.rows[-1] if block.cells and block.cells.rows else row
    except ManifestError as error:
        yield Block(problems=(error.problem,))
    except (pa.ArrowException, OSError, ValueError, EOFError, MemoryError) as error:
        where = f"cannot be read after row {row}" if row else "not a sound Parquet file"
        yield Block(problems=(copy.problem(f"{where}: {one_line(error)}", row=row + 1 if row else None),))


def parquet_file(copy: ManifestCopy) -> pq.ParquetFile:
    """Opens a manifest so that memory stays bounded and damage is noticed where the format can show it."""
    return pq.ParquetFile(
        str(copy.path),
        page_checksum_verification=True,
        pre_buffer=False,  # or it holds whole row groups in memory
        buffer_size=_BUFFER_BYTES,
    )


def _blocks(copy: ManifestCopy) -> Iterator[Block]:
    with parquet_file(copy) as file:
        header = read_header(file.schema_arrow.names, copy.layout, file=copy.name, line=None, wave_by=copy.wave_by)
        mistyped = (*_unnamed(copy, header), *_mistyped(copy, header, file))
        usable = bool(header.used) and not mistyped
        cells = Cells(rows=(), **{name: () for name, _ in header.used}) if usable else None
        yield Block(cells=cells, problems=header.problems + mistyped)
        if usable:
            yield from _rows(file, header)


def _rows(file: pq.ParquetFile, header: Header) -> Iterator[Block]:
    done = 0
    names = {name: file.schema_arrow.names[place] for name, place in header.used}
    columns = list(dict.fromkeys(names.values()))
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns, use_threads=False):
        batch.validate(full=True)  # reading itself does not look at the UTF-8
        rows = range(done + 1, done + batch.num_rows + 1)
        done += batch.num_rows
        if rows:
            yield Block(cells=Cells(rows=rows, **{one: _texts(batch.column(name)) for one, name in names.items()}))


def _texts(column: "pa.Array[Any]") -> Column:
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    texts: list[str | None] = column.to_pylist()
    return texts


def _unnamed(copy: ManifestCopy, header: Header) -> Iterator[Problem]:
    if len(header.unnamed) > 1:
        places = ", ".join(str(place + 1) for place in header.unnamed)
        yield copy.problem(f"columns {places} have no names; give each its own")


def _mistyped(copy: ManifestCopy, header: Header, file: pq.ParquetFile) -> Iterator[Problem]:
    for place in sorted({place for _, place in header.used}):
        name = file.schema_arrow.names[place]
        kind = file.schema_arrow.field(place).type
        if not _is_text(kind) and not _holds_nulls_only(file, name):
            reason = f"the column has type {one_line(ValueError(kind))}; write it as string"
            yield copy.problem(reason, column=name)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
    return any(is_kind(kind) for is_kind in texts)


def _holds_nulls_only(file: pq.ParquetFile, name: str) -> bool:
    """Whether a column has no value in any row, as far as the file says so: its writer had to guess the type."""
    places = [place for place in range(len(file.schema)) if file.schema.column(place).path == name]
    chunks = [file.metadata.row_group(group).column(place) for group in range(file.num_row_groups) for place in places]
    return bool(places) and all(
        not chunk.num_values or (chunk.statistics is not None and chunk.statistics.null_count == chunk.num_values)
        for chunk in chunks
    )


def text_rows(copy: ManifestCopy) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """The names of all columns, and all cells of each row as Python has them."""
    with parquet_file(copy) as file:
        names: list[str] = file.schema_arrow.names
    return names, _all_rows(copy)


def _all_rows(copy: ManifestCopy) -> Iterator[tuple[Any, ...]]:
    with parquet_file(copy) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
