"""Cutting Parquet manifests: the same schema, the very values."""

import io
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.manifest import cut_batches
from jobs.model import Outcome, Status
from reports.error import ReportError
from tests.unit.reports.runs import MakeRun, Run

AGAIN, DONE = Status.UNKNOWN, Status.UPDATED
FIX = Outcome(row=0, status=Status.DRIFTED, attempts=0, error_code="drifted", error_message="=shows\x1b another key")
MOMENT = datetime(2026, 8, 21, 12, 0, 0, 123456, UTC)


def table() -> pa.Table:
    """Four rows in columns of many types, with nulls."""
    return pa.table(
        {
            "secret_name": pa.array(["NA", "007", "-a", "d"], pa.large_string()),
            "kms_key_id": pa.array(["k", "k", None, "k"]).dictionary_encode(),
            "view": pa.array(["", None, "x" * 40, "y"], pa.string_view()),
            "number": pa.array([12345678901234567, None, -1, 0], pa.int64()),
            "price": pa.array([Decimal("1.10"), None, Decimal("0.00"), Decimal("2.00")], pa.decimal128(9, 2)),
            "at": pa.array([MOMENT, None, MOMENT, MOMENT], pa.timestamp("ns", "UTC")),
            "tags": pa.array([["a"], None, [], ["b", None]], pa.list_(pa.string())),
            "nested": pa.array([{"x": 1}, None, {"x": None}, {"x": 4}], pa.struct([("x", pa.int32())])),
            "raw": pa.array([b"\0\xff", None, b"", b"z"], pa.binary()),
        }
    ).replace_schema_metadata({"team": "keys"})


def parquet(content: pa.Table, row_group_size: int = 2) -> bytes:
    """A Parquet file in memory."""
    out = io.BytesIO()
    pq.write_table(content, out, row_group_size=row_group_size)
    return out.getvalue()


def read(run: Run, name: str) -> pa.Table:
    """One of the files of a run."""
    return pq.read_table(io.BytesIO(run.read(name)))


def test_values_types_and_nulls_stay(make_run: MakeRun) -> None:
    """Nothing of a chosen row changes, in whatever type its columns are."""
    manifest = parquet(table())
    run = make_run(manifest, [AGAIN, DONE, AGAIN, AGAIN], copy="manifest.parquet")
    run.write()
    own, cut = pq.read_table(io.BytesIO(manifest)), read(run, "retry.parquet")
    assert cut.schema.equals(own.schema, check_metadata=True)
    assert cut.to_pylist() == [own.to_pylist()[place] for place in (0, 2, 3)]


def test_rejected_rows_carry_the_reason(make_run: MakeRun) -> None:
    """The three columns come last, and the service's words in them are harmless."""
    run = make_run(parquet(table()), [DONE, FIX, DONE, FIX], copy="manifest.parquet")
    run.write()
    cut = read(run, "rejected.parquet")
    assert cut.column_names[-3:] == ["status", "error_code", "error_message"]
    assert cut.select(table().column_names).to_pylist() == table().to_pylist()[1::2]
    assert cut["error_message"].to_pylist() == [r"'=shows\x1b another key"] * 2
    assert cut["status"].to_pylist() == ["drifted"] * 2


def test_a_rejected_file_fed_back_gets_its_columns_replaced(make_run: MakeRun) -> None:
    """Whatever the columns of that name hold, and wherever they stand."""
    fed = table().add_column(0, "error_code", pa.array([1, 2, 3, None], pa.int64()))
    run = make_run(parquet(fed.append_column("status", pa.array(["failed"] * 4))), [FIX] * 4, copy="manifest.parquet")
    run.write()
    cut = read(run, "rejected.parquet")
    assert cut.column_names == [*table().column_names, "status", "error_code", "error_message"]
    assert cut["error_code"].to_pylist() == ["drifted"] * 4


@pytest.mark.parametrize("rows", [0, 4])
def test_without_rows_the_files_hold_the_schema_alone(make_run: MakeRun, rows: int) -> None:
    """An empty file can be read, and says which columns there would be."""
    run = make_run(parquet(table().slice(0, rows)), [DONE] * rows, copy="manifest.parquet")
    run.write(0)
    assert read(run, "retry.parquet").schema.names == table().column_names
    assert read(run, "retry.parquet").num_rows == 0
    assert read(run, "rejected.parquet").num_rows == 0


def test_sparse_rows_of_a_long_manifest(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows from many batches are found, and do not make a row group each."""
    monkeypatch.setattr(cut_batches, "_BATCH_ROWS", 100)
    monkeypatch.setattr(cut_batches, "_GROUP_ROWS", 50)
    names = [f"name-{row}" for row in range(1, 2001)]
    keys = [f"key-{row // 300}" for row in range(1, 2001)]
    manifest = parquet(pa.table({"secret_name": names, "kms_key_id": pa.array(keys).dictionary_encode()}), 150)
    ended = [AGAIN if row % 10 == 0 else FIX if row % 7 == 0 else DONE for row in range(1, 2001)]
    run = make_run(manifest, ended, copy="manifest.parquet")
    run.write()
    cut = read(run, "retry.parquet")
    assert cut["secret_name"].to_pylist() == names[9::10]
    assert cut["kms_key_id"].to_pylist() == keys[9::10]
    assert pq.ParquetFile(io.BytesIO(run.read("retry.parquet"))).metadata.num_row_groups == 4
    fix = [name for name, end in zip(names, ended, strict=True) if end is FIX]
    assert read(run, "rejected.parquet")["secret_name"].to_pylist() == fix


@pytest.mark.parametrize("loaded", [3, 5])
def test_a_copy_with_another_number_of_rows_is_refused(make_run: MakeRun, loaded: int) -> None:
    """The ledger and the copy must tell of the same rows."""
    run = make_run(parquet(table()), [AGAIN] * loaded, copy="manifest.parquet")
    with pytest.raises(ReportError, match=f"the ledger has {loaded} rows, and this copy has 4"):
        run.write()
    assert not (run.folder / "retry.parquet").exists()


def test_a_copy_that_is_not_parquet_is_refused(make_run: MakeRun) -> None:
    """Even where its digest is the one on record."""
    run = make_run(b"PAR1 no more", [AGAIN], copy="manifest.parquet")
    with pytest.raises(ReportError, match=r"retry\.parquet: secrets\.csv: "):
        run.write()
