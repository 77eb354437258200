"""Ten thousand rows over real sockets, half from CSV and half from Parquet, through faults; and the log agrees."""

import csv
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from batch.sandbox.world import World, build_world
from tests.e2e.tool import again_in, outcomes_in, sandbox_process
from tests.kit.records import read_journal
from tests.oracle import Asked, Bounds, Case, violations

SECRETS = 10_000
FAULTS = ("504=0.01", "502=0.01", "html502=0.004", "reset=0.004", "truncate=0.004", "drop=0.004", "timeout=0.0004")
COLUMNS = ["secret_name", "kms_key_id", "project_id", "note"]


def test_ten_thousand_rows_end_as_the_service_saw_them_and_a_resume_sends_nothing(tmp_path: Path) -> None:
    world = build_world(seed=11, secrets=SECRETS, projects=2)
    before = {(p.id, name): p.key_ids.old for p in world.projects.values() for name in p.names}
    halves = [_rows(list(before)[:5_000], world), _rows(list(before)[5_000:], world)]
    csv_path, parquet_path = tmp_path / "half.csv", tmp_path / "half.parquet"
    _write_csv(csv_path, halves[0])
    _write_parquet(parquet_path, halves[1])
    log = tmp_path / "log"
    options = [f"--secrets={SECRETS}", "--projects=2", "--seed=11", f"--log={log}", *(f"--fault={f}" for f in FAULTS)]
    with sandbox_process(tmp_path, *options) as (tool, _):
        for path, rows in zip((csv_path, parquet_path), halves, strict=True):
            seen = len(read_journal(log))
            run_dir = tmp_path / path.suffix[1:]
            ended = tool.run("run", str(path), *tool.to(run_dir, "--concurrency=64", "--log-level=error"))
            records = read_journal(log)[seen:]
            case = Case(
                asked=tuple(rows),
                claims=outcomes_in(run_dir),
                again=_again(run_dir, path),
                records=records,
                before=before,
                # The service notices a little late that a client has gone.
                bounds=Bounds(concurrency=64 + 8, lands_within_s=4.7),
                exit_code=ended.code,
            )
            assert violations(case) == []
            assert ended.code == 1  # the invalid rows
            assert sum(claim.status.group.value == "done" for claim in case.claims) >= 4_990
            files = {name: (run_dir / name).read_bytes() for name in ("outcomes.csv", f"retry{path.suffix}")}
            assert tool.run("resume", str(run_dir)).code == 1
            assert len(read_journal(log)) == seen + len(records)
            assert {name: (run_dir / name).read_bytes() for name in files} == files


def _rows(places: list[tuple[str, str]], world: World) -> list[Asked]:
    """A move for each secret, some of them twice, some impossible."""
    rows = [
        Asked(row=0, project_id=project, secret_name=name, kms_key_id=world.projects[project].key_ids.new)
        for project, name in places
    ]
    rows += [msgspec.structs.replace(one, kms_key_id="not a key", usable=False) for one in rows[:3]]
    rows += rows[100:105]
    return [msgspec.structs.replace(one, row=row) for row, one in enumerate(rows, 1)]


def _cells(rows: list[Asked]) -> list[list[str]]:
    return [[one.secret_name, one.kms_key_id, one.project_id, f"n{one.row}"] for one in rows]


def _write_csv(path: Path, rows: list[Asked]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *_cells(rows)])


def _write_parquet(path: Path, rows: list[Asked]) -> None:
    columns = dict(zip(COLUMNS, map(list, zip(*_cells(rows), strict=True)), strict=True))
    pq.write_table(pa.table(columns), path)


def _again(run_dir: Path, manifest: Path) -> tuple[int, ...]:
    if manifest.suffix == ".csv":
        return again_in(run_dir, manifest.read_bytes())
    notes: list[str] = pq.read_table(run_dir / "retry.parquet").to_pydict()["note"]
    return tuple(int(note[1:]) for note in notes)
