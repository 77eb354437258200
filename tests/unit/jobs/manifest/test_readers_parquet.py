"""Parquet: exactly the texts of the cells, or a problem that says where."""

import datetime as dt
import decimal
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.manifest.readers import parquet, read_blocks
from jobs.manifest.readers.cells import Block
from jobs.manifest.source import ManifestCopy
from tests.unit.jobs.manifest.reading import rows, told

TEXTS = ["NA", "007", "", None, "a\nb\0c", "\U0001f511"]


def read_file(path: Path) -> list[Block]:
    """All blocks of a Parquet file."""
    return list(read_blocks(ManifestCopy(path=path, sha256="", size=0, name="m.parquet"), "utf-8"))


def read(data: bytes) -> list[Block]:
    """All blocks of these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.parquet"
        path.write_bytes(data)
        return read_file(path)


def written(table: pa.Table, **options: object) -> bytes:
    """A Parquet file of a table."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)  # type: ignore[arg-type] # whatever the writer takes
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())],
    ids=str,
)
def test_every_kind_of_text_is_read_as_it_is(kind: pa.DataType) -> None:
    """Nulls stay apart from empty texts, and nothing turns into a number or a gap."""
    column = pa.array(TEXTS, pa.string()).cast(kind)
    blocks = read(
        written(pa.table({"x": range(6), "kms_key_id": column, "secret_name": column, "description": column}))
    )
    assert told(blocks) == []
    assert rows(blocks) == [(number, text, text) for number, text in enumerate(TEXTS, 1)]
    assert blocks[-1].cells is not None
    assert blocks[-1].cells.description == TEXTS
    assert blocks[-1].cells.region is None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "int64"),
        ([12345678901234567, None], "int64"),
        ([1.5, None], "double"),
        ([True, None], "bool"),
        ([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * 2, "timestamp[us, tz=UTC]"),
        ([decimal.Decimal("1.50")] * 2, "decimal128(3, 2)"),
        ([b"a", b"b"], "binary"),
        ([["a"], ["b"]], "list<element: string>"),
        ([{"a": "b"}] * 2, "struct<a: string>"),
        ([["a"], None], "list<element: string>"),
    ],
)
def test_a_column_that_is_not_text_is_refused_by_its_type(values: list[bool], kind: str) -> None:
    """Numbers have lost digits or zeros before they get here; all mistyped columns are named."""
    column = pa.array(values)
    blocks = read(written(pa.table({"secret_name": ["a", "b"], "kms_key_id": column, "region": column})))
    assert rows(blocks) == []
    assert told(blocks) == [
        f"m.parquet: {name}: the column has type {kind}; write it as string" for name in ("kms_key_id", "region")
    ]


NULLS = [pa.null(), pa.string(), pa.string_view(), pa.int32(), pa.float64(), pa.timestamp("us"), pa.bool_()]


@pytest.mark.parametrize("kind", NULLS, ids=str)
@pytest.mark.parametrize("size", [0, 3])
def test_a_column_of_nulls_only_has_no_value_whatever_type_its_writer_guessed(kind: pa.DataType, size: int) -> None:
    """Also a required one: its rows are at fault, not the file. In a frame without rows all columns are so."""
    nothing = pa.array([None] * size, kind)
    texts = nothing if size == 0 else pa.array(["a"] * size)
    blocks = read(written(pa.table({"secret_name": texts, "kms_key_id": nothing, "region": nothing}), row_group_size=2))
    assert told(blocks) == []
    assert rows(blocks) == [(number, "a", None) for number in range(1, size + 1)]


def test_one_value_among_nulls_gives_a_column_its_type() -> None:
    """In any row group; and where the file does not count its nulls, that is not known."""
    table = pa.table({"secret_name": ["a"] * 3, "kms_key_id": ["b"] * 3, "region": pa.array([None, None, 7])})
    for options in ({"row_group_size": 1}, {"write_statistics": False}):
        assert told(read(written(table, **options))) == [
            "m.parquet: region: the column has type int64; write it as string"
        ]


def test_frames_without_texts_are_read_as_pandas_writes_them(tmp_path: Path) -> None:
    """None, NaN and an empty category each get their own type."""
    frame = pd.DataFrame({"secret_name": ["a"], "kms_key_id": pd.Series(["k"], dtype="category")})
    frame["region"], frame["project_id"], frame["description"] = None, float("nan"), pd.Categorical([None])
    frame.to_parquet(tmp_path / "manifest.parquet")
    blocks = read_file(tmp_path / "manifest.parquet")
    assert (rows(blocks), told(blocks)) == ([(1, "a", "k")], [])
    frame.iloc[:0].to_parquet(tmp_path / "manifest.parquet")
    blocks = read_file(tmp_path / "manifest.parquet")
    assert (rows(blocks), told(blocks)) == ([], [])


def test_columns_are_looked_for_as_in_text() -> None:
    """Missing, duplicate and damaged names are reported without a line."""
    assert told(read(written(pa.table({"secret_name": ["a"]})))) == [
        "m.parquet: kms_key_id: the column is missing; there are 'secret_name'"
    ]
    twice = pa.table([pa.array(["a"])] * 3, names=["secret_name", "kms_key_id", "kms_key_id"])
    assert told(read(written(twice))) == [
        "m.parquet: kms_key_id: 2 columns have this name; column names must be unique"
    ]
    spaced = pa.table([pa.array(["a"])] * 2, names=["secret_name ", "kms_key_id"])
    assert told(read(written(spaced))) == [
        "m.parquet: secret_name: the column name 'secret_name ' has whitespace around it; remove it"
    ]


def test_a_column_that_pandas_stored_as_its_index_is_a_column(tmp_path: Path) -> None:
    """Read into a frame, it would hide in the index again and be missed."""
    frame = pd.DataFrame({"secret_name": ["a", "b"], "kms_key_id": ["k", "l"]}).set_index("secret_name")
    frame.to_parquet(tmp_path / "manifest.parquet")
    assert rows(read_file(tmp_path / "manifest.parquet")) == [(1, "a", "k"), (2, "b", "l")]


def test_rows_count_on_over_batches_and_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row numbers are those of the file."""
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 3)
    names = [f"n{number}" for number in range(1, 12)]
    blocks = read(written(pa.table({"secret_name": names, "kms_key_id": names}), row_group_size=5))
    assert rows(blocks) == [(number, f"n{number}", f"n{number}") for number in range(1, 12)]


def test_no_rows_is_a_manifest_of_no_rows() -> None:
    """Nothing to do is not an error."""
    empty = pa.table({"secret_name": pa.array([], pa.string()), "kms_key_id": pa.array([], pa.string())})
    blocks = read(written(empty))
    assert (rows(blocks), told(blocks)) == ([], [])


SOUND = written(pa.table({"secret_name": ["aaaaaaaa"], "kms_key_id": ["b"]}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"secret_name,kms_key_id\na,b\n",
        b"PAR1",
        SOUND[: len(SOUND) // 2],
        SOUND[:-1],
        SOUND[:-8] + b"\xff\xff\xff\x7fPAR1",
        SOUND[:-40] + b"\xff" * 32 + SOUND[-8:],
        b"PARE" + SOUND[4:-4] + b"PARE",
    ],
)
def test_what_is_not_parquet_is_told_in_one_line(data: bytes) -> None:
    """Empty, another format, cut off, damaged or encrypted."""
    [problem] = told(read(data))
    assert problem.startswith("m.parquet: not a sound Parquet file: ")
    assert "\n" not in problem


def test_a_flipped_bit_is_seen_where_the_file_has_checksums() -> None:
    """Without them an uncompressed page gives another, well-formed name."""
    table = pa.table({"secret_name": ["aaaaaaaa"], "kms_key_id": ["b"]})
    data = written(table, write_page_checksum=True, compression="none", use_dictionary=False, write_statistics=False)
    blocks = read(data.replace(b"aaaaaaaa", b"aaaaaaab", 1))
    assert rows(blocks) == []
    assert "CRC checksum verification failed" in told(blocks)[0]


def test_bytes_that_are_no_utf8_are_told_after_the_rows_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The problem says after which row."""
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 2)
    table = pa.table({"secret_name": ["a", "b", "zzzzzz"], "kms_key_id": ["k", "k", "k"]})
    data = written(table, compression="none", use_dictionary=False, write_statistics=False)
    blocks = read(data.replace(b"zzzzzz", b"\xff\xfezzzz"))
    assert rows(blocks) == [(1, "a", "k"), (2, "b", "k")]
    [problem] = told(blocks)
    assert problem.startswith("m.parquet: row 3: cannot be read after row 2: ")
    assert "Invalid UTF8" in problem


def test_a_copy_that_is_gone_is_told(tmp_path: Path) -> None:
    """Somebody tidied the run directory."""
    [problem] = told(read_file(tmp_path / "manifest.parquet"))
    assert "No such file or directory" in problem


CELL = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=100, deadline=None)
@given(
    table=st.lists(st.tuples(CELL, CELL, CELL), max_size=6),
    kind=st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int16(), pa.string())]),
    compression=st.sampled_from(["none", "snappy", "zstd"]),
)
def test_any_text_is_read_as_itself(
    table: list[tuple[str | None, str | None, str | None]], kind: pa.DataType, compression: str
) -> None:
    """Any characters, nulls and empty texts, whatever the encoding."""
    columns = {
        name: pa.array([row[place] for row in table], pa.string()).cast(kind)
        for place, name in enumerate(("secret_name", "kms_key_id", "description"))
    }
    blocks = read(written(pa.table(columns), compression=compression))
    assert told(blocks) == []
    read_back = [
        row
        for cells in (block.cells for block in blocks)
        if cells is not None
        for row in zip(cells.secret_name, cells.kms_key_id, cells.description or (), strict=True)
    ]
    assert read_back == table


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=40), place=st.integers(0, len(SOUND)))
def test_arbitrary_damage_never_raises(data: bytes, place: int) -> None:
    """It gives rows, problems or both."""
    blocks = read(SOUND[:place] + data + SOUND[place + len(data) :])
    assert rows(blocks) or told(blocks) or blocks[0].cells
