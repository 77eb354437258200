"""Turns the copy of a manifest into the exact texts of its cells, or into problems that say where."""

from collections.abc import Iterator

from jobs.manifest.readers.cells import Block
from jobs.manifest.readers.delimited import delimited_blocks
from jobs.manifest.source import Format, ManifestCopy


def read_blocks(copy: ManifestCopy, encoding: str) -> Iterator[Block]:
    """Reads a manifest block by block, in order, in constant memory; bad content becomes problems, never an exception.

    A usable header comes first, as a block without rows. `encoding` counts for text only: Parquet knows its own.
    """
    if copy.format is Format.PARQUET:
        from jobs.manifest.readers.parquet import parquet_blocks  # noqa: PLC0415 - pyarrow is 60 MB that text does without

        return parquet_blocks(copy)
    return delimited_blocks(copy, encoding)
