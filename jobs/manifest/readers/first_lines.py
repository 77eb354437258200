"""Finds the column names where they are not expected: below other lines, behind another delimiter or inside quotes."""

import csv
import re
from collections.abc import Iterator, Sequence

from jobs.delimiter import Delimiter
from jobs.manifest.layout import Layout
from jobs.problem import quoted

SEARCHED_LINES = 30
_QUOTE = '"'
_SEP = re.compile(r'"?sep=.?"?', re.IGNORECASE)
"""Excel writes and reads such a first line; to others it is data."""


def plain_name(name: str) -> str:
    """What is left of a column name however people write it: `Secret Name`, `secretName`, `'secret_name'`."""
    return re.sub("[^a-z0-9]", "", name.lower())


def holds_names(names: Sequence[str], layout: Layout) -> bool:
    """Whether these are the column names of such a file, whatever their spelling."""
    return {plain_name(name) for name in layout.required} <= {plain_name(name) for name in names}


def cells_of(line: str, delimiter: str) -> list[str]:
    """The cells of one line.

    Raises:
        csv.Error: it is not one record.
    """
    [cells] = csv.reader([line], delimiter=delimiter, strict=True)
    return cells


def other_beginning(lines: Sequence[str], layout: Layout, delimiter: str) -> str | None:
    """What keeps the column names from being found in the first line, and what to do about it; None where nothing is
    known about it. The lines are without their endings.
    """
    for_excel = _SEP.fullmatch(lines[0].rstrip(" ,;\t|")) is not None
    found, steps = list[str](), list[str]()
    if for_excel:
        found.append(f"the line {quoted(lines[0])} is for Excel only")
        steps.append("remove it")
    readings = ((number, *one) for number, line in enumerate(lines) for one in _readings(line, layout, delimiter))
    if (reading := next(readings, None)) is not None:
        above, name, wrapped = reading
        if above > for_excel:
            found.append(f"the column names stand on line {above + 1}")
            steps = ["remove the line above them" if above == 1 else f"remove the {above} lines above them"]
        if name.character != delimiter:
            found.append(f"the fields are separated by {name}s")
            steps.append(f"say --delimiter {name}")
        if wrapped:
            found.append("each line stands in quotes as a whole")
            steps.append("save the file without them")
    return f"{', and '.join(found)}: {' and '.join(steps)}" if found else None


def _readings(line: str, layout: Layout, delimiter: str) -> Iterator[tuple[Delimiter, bool]]:
    """Delimiters by which a line holds the column names, its own first, and whether they stand in quotes as a whole."""
    if not all(plain_name(name) in plain_name(line) for name in layout.required):
        return
    own_first = sorted(Delimiter, key=lambda name: name.character != delimiter)
    unwrapped = line[1:-1].replace(_QUOTE * 2, _QUOTE) if line[0] == line[-1] == _QUOTE else ""
    for wrapped, text in enumerate((line, unwrapped)):
        yield from (
            (name, bool(wrapped)) for name in own_first if holds_names(_cells_or_none(text, name.character), layout)
        )


def _cells_or_none(line: str, delimiter: str) -> list[str]:
    try:
        return cells_of(line, delimiter)
    except csv.Error:
        return []
