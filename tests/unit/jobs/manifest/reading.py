"""Reads the bytes of a manifest, and gives its rows and problems as values to compare."""

import tempfile
from pathlib import Path

from jobs.delimiter import Delimiter
from jobs.manifest.readers import read_blocks
from jobs.manifest.readers.cells import Block
from jobs.manifest.source import ManifestCopy

COLUMNS = ("secret_name", "kms_key_id", "description")
HEADER = b"secret_name,kms_key_id\n"


def read(
    data: bytes, encoding: str = "utf-8", name: str = "manifest.csv", delimiter: Delimiter | None = None
) -> list[Block]:
    """All blocks of a manifest of these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        copy = ManifestCopy(path=path, sha256="", size=len(data), name="m.csv", separator=delimiter)
        return list(read_blocks(copy, encoding))


def rows(blocks: list[Block]) -> list[tuple[int, str | None, str | None]]:
    """Number, name and key of every row."""
    return [
        row
        for block in blocks
        if block.cells
        for row in zip(block.cells.rows, block.cells.secret_name, block.cells.kms_key_id, strict=True)
    ]


def told(blocks: list[Block]) -> list[str]:
    """Every problem, as it is shown; all that this reader finds makes the manifest unusable."""
    assert all(problem.structural for block in blocks for problem in block.problems)
    return [str(problem) for block in blocks for problem in block.problems]
