"""The cells of columns that the tool does not use, row by row, for a file that carries them on."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from jobs.manifest.layout import ACCOUNT
from jobs.manifest.readers.decoding import BOM
from jobs.manifest.readers.lines import line_blocks
from jobs.manifest.source import Format, ManifestCopy
from jobs.printable import printable

_ENDINGS = "\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedCells:
    """The names of the columns, none of which is empty, and the cells of each row in manifest order."""

    names: tuple[str, ...]
    rows: Iterator[tuple[str, ...]]

    def of_rows(self, numbers: Iterable[int]) -> Iterator[tuple[str, ...]]:
        """The cells of the rows with these numbers, which ascend."""
        coming = enumerate(self.rows, 1)
        for number in numbers:
            found = next((cells for at, cells in coming if at == number), None)
            if found is None:
                return
            yield found


def carried_cells(copy: ManifestCopy, encoding: str) -> CarriedCells:
    """Reads them from the copy of a manifest that was loaded, and so is known to be sound.

    Raises:
        ManifestError: the copy cannot be read any more.
    """
    names: Sequence[str]
    records: Iterator[Sequence[Any]]
    if copy.format is Format.PARQUET:
        from jobs.manifest.readers.parquet import text_rows  # noqa: PLC0415 - pyarrow is 60 MB that text does without

        names, records = text_rows(copy)
    else:
        lines = chain.from_iterable(block.lines for block in line_blocks(copy, encoding))
        # Each row is one line, so that a record never continues on the next.
        bodies = (line.removeprefix(BOM).rstrip(_ENDINGS) for line in lines)
        texts = csv.reader(bodies, delimiter=copy.delimiter)
        names, records = next(texts), texts
    used = {*copy.layout.used} - {ACCOUNT}
    places = [place for place, name in enumerate(names) if name.strip() and name not in used]
    rows = (tuple(_one_line(record[place]) for place in places) for record in records if record)
    return CarriedCells(names=tuple(names[place] for place in places), rows=rows)


def _one_line(value: Any) -> str:
    """A cell as one record on one line can hold it; what a text manifest has is so already."""
    text = "" if value is None else str(value)
    return printable(text) if "\n" in text or "\r" in text or "\0" in text else text
