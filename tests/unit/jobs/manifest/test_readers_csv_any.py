"""CSV and TSV of any content: the same texts come out, or a problem that says where."""

import csv
import io
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.delimiter import Delimiter
from jobs.manifest.readers import columns, unpacking
from tests.unit.jobs.manifest.reading import COLUMNS, HEADER, read, rows, told

CELL = st.text(
    st.one_of(st.sampled_from("\",'\t ;\r\n\x0b\x0c\x1c\x85\u2028\ufeffaN0"), st.characters(exclude_categories=["Cs"])),
    max_size=12,
)

T = TypeVar("T")
LAYOUTS: list[tuple[str, Delimiter | None, str]] = [("manifest.csv", None, ","), ("manifest.tsv", None, "\t")]
LAYOUTS += [("manifest.csv", one, one.character) for one in Delimiter]


def without_end(lines: list[T], hollow: Callable[[T], bool]) -> list[T]:
    """The lines but for hollow ones at the end; all of them where there is no other."""
    last = next((place for place in range(len(lines), 0, -1) if not hollow(lines[place - 1])), None)
    return lines if last is None else lines[:last]


@settings(max_examples=250, deadline=None)
@given(
    table=st.lists(st.tuples(CELL, CELL, CELL), max_size=6),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    layout=st.sampled_from(LAYOUTS),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    block=st.sampled_from([7, 40, 1 << 20]),
)
def test_any_text_written_by_csv_is_read_as_itself_or_told(
    table: list[tuple[str, str, str]], quoting: int, layout: tuple[str, Delimiter | None, str], ending: str, block: int
) -> None:
    """The same texts come out, unless a cell holds what one line cannot hold: a line end or a NUL."""
    name, given_delimiter, delimiter = layout
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=ending)  # type: ignore[arg-type]  # a literal in the stubs
    writer.writerows([COLUMNS, *table])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unpacking, "_BLOCK_BYTES", block)
        blocks = read(out.getvalue().encode(), name=name, delimiter=given_delimiter)
    if any(character in cell for row in table for cell in row for character in "\0\r\n"):
        # Before Python 3.13, csv does not quote a line end that is not its own: in the file, it is one.
        assert told(blocks) or quoting == csv.QUOTE_MINIMAL
        return
    assert told(blocks) == []
    read_back = [
        (secret, key, description or "")
        for cells in (block.cells for block in blocks)
        if cells is not None
        for secret, key, description in zip(cells.secret_name, cells.kms_key_id, cells.description or (), strict=True)
    ]
    assert read_back == without_end(table, lambda row: quoting == csv.QUOTE_MINIMAL and not any(row))


@settings(max_examples=250, deadline=None)
@given(
    lines=st.lists(st.text(st.sampled_from('ab,"\t ;|\r\ufeff'), max_size=10), max_size=5),
    layout=st.sampled_from(LAYOUTS),
)
def test_the_shape_check_and_the_parser_agree(lines: list[str], layout: tuple[str, Delimiter | None, str]) -> None:
    """For any raw lines: each gives the cells that a strict CSV reader sees in it alone, or a problem."""
    name, given_delimiter, delimiter = layout
    text = f"secret_name{delimiter}kms_key_id\n" + "".join(f"{line}\n" for line in lines)
    blocks = read(text.encode(), name=name, delimiter=given_delimiter)
    expected = []
    physical = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[1:]
    for row, line in enumerate(without_end(physical, lambda line: not line.strip(delimiter)), 1):
        try:
            records = list(csv.reader([line], delimiter=delimiter, strict=True))
        except csv.Error:
            continue
        expected += [(row, *record) for record in records if len(record) == 2]
    assert rows(blocks) == expected


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=60), after=st.sampled_from([b"", HEADER, HEADER + b"a,b\n"]))
def test_arbitrary_bytes_never_raise(data: bytes, after: bytes) -> None:
    """They give rows, problems or both, and a header alone gives neither."""
    blocks = read(after + data)
    assert rows(blocks) or told(blocks) or blocks[0].cells


WORDS = (
    "a",
    "NA",
    "null",
    "nan",
    "#N/A",
    "1e5",
    "007",
    "-",
    "'",
    "\\",
    " ",
    "\x0b",
    "\x1c",
    "\x85",
    "\u2028",
    "\ufeff",
)
ENDS = ("\n", "\n", "\r\n", "\r", "\n\n", "\0")
PIECE = st.sampled_from((*WORDS, *ENDS, ",", ",", "\t", ";"))


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(PIECE, max_size=40),
    header=st.sampled_from([("secret_name", "kms_key_id"), (*COLUMNS, ""), ("", *COLUMNS, "", "other")]),
    layout=st.sampled_from(LAYOUTS),
    block=st.sampled_from([7, 40, 1 << 20]),
)
def test_text_without_quotes_is_cut_as_pandas_would(
    pieces: list[str], header: tuple[str, ...], layout: tuple[str, Delimiter | None, str], block: int
) -> None:
    """Rows, cells and problems are the same ones."""
    name, given_delimiter, delimiter = layout
    data = f"{delimiter.join(header)}\n{''.join(pieces)}".encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unpacking, "_BLOCK_BYTES", block)
        plain = read(data, name=name, delimiter=given_delimiter)
        # Every text holds an empty one, so that now all of them count as quoted.
        patch.setattr(columns, "_QUOTE", "")
        assert plain == read(data, name=name, delimiter=given_delimiter)
