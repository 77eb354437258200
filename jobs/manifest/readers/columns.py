"""Cuts lines that are known to be records of one width into columns, every cell exactly its text."""

import warnings
from io import StringIO

from jobs.manifest.readers.cells import Column
from jobs.manifest.readers.header import Header
from jobs.manifest.source import ManifestCopy

_QUOTE = '"'


def columns_of(
    bodies: list[str], copy: ManifestCopy, header: Header
) -> tuple[dict[str, Column], dict[int, tuple[int, str]]]:
    """The used columns of some lines, each of which is known to be one record of the header's width; and of columns
    without a name the first value, with the number of its line among these.
    """
    places = sorted({*(place for _, place in header.used), *header.unnamed})
    text = copy.delimiter.join(bodies)
    if _QUOTE in text:
        texts = _quoted(bodies, copy.delimiter, header.width, places)
    else:
        cells = text.split(copy.delimiter)
        texts = {place: cells[place :: header.width] for place in places}
    used = {name: _cells(texts[place], absent=name in copy.layout.optional) for name, place in header.used}
    slipped = {place: found for place in header.unnamed if (found := _first_value(texts[place]))}
    return used, slipped


def _quoted(bodies: list[str], delimiter: str, width: int, places: list[int]) -> dict[int, list[str]]:
    """The cells at some places of lines of which any may hold quotes.

    Raises:
        ValueError: they are not records after all.
        Warning: the same.
    """
    import pandas as pd  # noqa: PLC0415 - half a second and 100 MB that a manifest without quotes does without

    # pandas drops U+FEFF at the start of what it reads, and there only: an extra line takes that place.
    guard = delimiter.join("0" * width)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(
            StringIO("\n".join((guard, *bodies))),
            sep=delimiter,
            header=None,  # or the first row decides about an index column and mangles equal names
            index_col=False,
            usecols=places,
            dtype=object,
            na_filter=False,  # NA, null and nan are texts
            skip_blank_lines=False,
            on_bad_lines="error",
            engine="c",
            low_memory=False,
        )
    if len(frame) != len(bodies) + 1:
        raise ValueError(f"{len(bodies)} lines became {len(frame) - 1} rows")
    return {place: frame[place].tolist()[1:] for place in places}


def _cells(texts: list[str], *, absent: bool) -> Column:
    """With `absent`, an empty cell counts as no value."""
    return [text or None for text in texts] if absent and "" in texts else texts


def _first_value(texts: list[str]) -> tuple[int, str] | None:
    return next(((index, text) for index, text in enumerate(texts) if text), None)
