"""The column that waves go by: whose rows belong to which wave, in which order they run, and what is refused."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.ledger import Ledger
from jobs.manifest import loading
from jobs.manifest.loading import load
from jobs.manifest.source import copy_manifest
from jobs.problem import Problem
from jobs.spec import JobSpec

KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
P, Q = "a" * 32, "b" * 32
HEADER = "secret_name,kms_key_id,project_id,stage"
ROWS = [("a", P, "canary"), ("b", Q, ""), ("c", P, "rest"), ("a", P, "rest"), ("d", Q, "canary"), ("../e", P, "rest")]
CSV = "\n".join([HEADER, *(f"{name},{KEY},{project},{stage}" for name, project, stage in ROWS), ""]).encode()


def loaded(folder: Path, data: bytes, wave_by: str | None, *, name: str = "m.csv", **spec: object) -> list[str]:
    """Problems of the file as a whole; its ledger is in `folder / "run"`."""
    (folder / name).write_bytes(data)
    (folder / "run").mkdir()
    problems = list[Problem]()
    job = JobSpec(wave_by=wave_by, region="cn-north-4", **spec)  # type: ignore[arg-type]  # any option
    copy = copy_manifest(str(folder / name), folder / "run")
    load(copy, job, folder / "run", version="1", on_problem=problems.append)
    return [str(one).removeprefix(f"{folder / name}") for one in problems if one.structural]


def waves(folder: Path) -> list[tuple[str, int, int]]:
    """Each wave with its rows and how many of them are invalid."""
    with Ledger(folder / "run") as ledger:
        return [(wave.name, wave.rows, wave.fix_first) for wave in ledger.told.waves()]


def rows_of(folder: Path, wave: str) -> list[list[int]]:
    """The open rows of a wave, project by project."""
    with Ledger(folder / "run") as ledger:
        scopes = ledger.open_scopes(wave=wave)
        return [[row.row for row in ledger.open_rows(scope.id, 0, 9, wave=wave)] for scope in scopes]


def test_waves_are_in_the_order_of_their_first_rows_and_an_empty_cell_is_one(tmp_path: Path) -> None:
    """A repeat belongs to the wave of the row that it repeats, and an invalid row to its own."""
    assert loaded(tmp_path, CSV, "stage") == []
    assert waves(tmp_path) == [("canary", 3, 0), ("", 1, 0), ("rest", 2, 1)]
    assert [rows_of(tmp_path, name) for name in ("canary", "", "rest")] == [[[1], [5]], [[2]], [[3]]]


def test_parquet_has_the_same_waves_and_no_value_is_an_empty_one(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "secret_name": [name for name, *_ in ROWS],
        "kms_key_id": [KEY] * len(ROWS),
        "project_id": [project for _, project, _ in ROWS],
        "stage": pa.array([stage or None for *_, stage in ROWS]).dictionary_encode(),
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    assert loaded(tmp_path, sink.getvalue().to_pybytes(), "stage", name="m.parquet") == []
    assert waves(tmp_path) == [("canary", 3, 0), ("", 1, 0), ("rest", 2, 1)]


@pytest.mark.parametrize("name", ["m.csv", "m.parquet"])
def test_a_column_of_ours_makes_waves_as_well(tmp_path: Path, name: str) -> None:
    data = CSV
    if name.endswith("parquet"):
        sink = pa.BufferOutputStream()
        lists = {
            "secret_name": [row[0] for row in ROWS],
            "kms_key_id": [KEY] * 6,
            "project_id": [row[1] for row in ROWS],
        }
        pq.write_table(pa.table(lists), sink)
        data = sink.getvalue().to_pybytes()
    assert loaded(tmp_path, data, "project_id", name=name) == []
    assert waves(tmp_path) == [(P, 4, 1), (Q, 2, 0)]


def test_rows_that_are_left_out_are_in_no_wave(tmp_path: Path) -> None:
    assert loaded(tmp_path, CSV, "stage", exclude=("b",), limit=1) == []
    assert waves(tmp_path) == [("canary", 2, 0), ("rest", 1, 1)]
    with Ledger(tmp_path / "run") as ledger:
        ledger.lift_limit()
    assert waves(tmp_path) == [("canary", 3, 0), ("rest", 2, 1)]


def test_a_job_without_waves_has_none_and_every_row_is_open(tmp_path: Path) -> None:
    assert loaded(tmp_path, CSV, None) == []
    assert waves(tmp_path) == []
    with Ledger(tmp_path / "run") as ledger:
        assert [row.row for scope in ledger.open_scopes() for row in ledger.open_rows(scope.id, 0, 9)] == [1, 3, 2, 5]


@pytest.mark.parametrize(
    ("wave_by", "told"),
    [
        ("stages", ":1: stages: --wave-by names a column that is not there; did you mean 'stage'?"),
        ("Stage", ":1: Stage: --wave-by names a column that is not there; did you mean 'stage'?"),
        ("owner", f":1: owner: --wave-by names a column that is not there; there are '{HEADER.replace(',', ', ')}'"),
    ],
)
def test_a_column_that_is_not_there_makes_the_manifest_unusable(tmp_path: Path, wave_by: str, told: str) -> None:
    assert loaded(tmp_path, CSV, wave_by) == [told]


def test_too_many_values_are_no_waves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MOST_WAVES", 2)
    assert loaded(tmp_path, CSV, "stage") == [": stage: --wave-by: more than 2 values; each is a wave"]
