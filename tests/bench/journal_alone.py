"""What the journal takes of a row, alone: intents and outcomes in commits as a run at unlimited rate makes them."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from jobs.ledger import Intent, Ledger, Loader, OpenRow, SessionStart
from jobs.model import Outcome, PlannedRow, Scope, SecretUpdate, Status

_KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
_PAGE = 256


def by_projects(folder: Path, *, rows: int, projects: tuple[int, ...], rounds: int) -> Iterator[str]:
    """Yields the lines of a Markdown table of medians; the pages of open rows are read in between, and not counted."""
    yield "| rows | projects | rows a commit | CPU us a row | us a row |"
    yield "|---|---|---|---|---|"
    for count in projects:
        at_once = min(_PAGE, rows // count)
        took = [_journal(folder, rows, count, at_once) for _ in range(rounds)]
        cpu_us, wall_us = (statistics.median(one[part] for one in took) * 1e6 / rows for part in (0, 1))
        yield f"| {rows:,} | {count:,} | {at_once} | {cpu_us:.1f} | {wall_us:.1f} |"


def _journal(folder: Path, rows: int, projects: int, at_once: int) -> tuple[float, float]:
    """CPU and wall seconds of all commits."""
    cpu_s = wall_s = 0.0
    with tempfile.TemporaryDirectory(dir=folder) as name, _loaded(Path(name), rows, projects) as ledger:
        ledger.begin_session(SessionStart(started_at=1.8e9))
        pages = _pages(ledger, at_once)
        before: list[Outcome] = []
        for page in pages:
            intents, outcomes = [Intent(row=row.row, attempts=1) for row in page], [_outcome(row.row) for row in page]
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            ledger.commit(intents=intents, outcomes=before)
            wall_s, cpu_s = wall_s + time.perf_counter() - began_s, cpu_s + time.process_time() - began_cpu_s
            before = outcomes
    return cpu_s, wall_s


def _loaded(folder: Path, rows: int, projects: int) -> Ledger:
    scopes = [Scope(endpoint="https://kms.example.com", project_id=f"{number:032x}") for number in range(projects)]
    loader = Loader(folder)
    loader.add(
        PlannedRow(
            row=row,
            scope=scopes[row * projects // (rows + 1)],
            update=SecretUpdate(secret_name=f"payments-db-{row:07d}", kms_key_id=_KEY),
        )
        for row in range(1, rows + 1)
    )
    loader.finish([("job", "{}")])
    return Ledger(folder)


def _pages(ledger: Ledger, at_once: int) -> Iterator[list[OpenRow]]:
    for scope in ledger.open_scopes():
        after_row = 0
        while page := ledger.open_rows(scope.id, after_row, at_once):
            after_row = page[-1].row
            yield page


def _outcome(row: int) -> Outcome:
    return Outcome(
        row=row,
        status=Status.UPDATED,
        attempts=1,
        http_status=200,
        request_id=f"{row:032x}",
        started_at=1.8e9 + row / 1000,
        finished_at=1.8e9 + row / 1000 + 0.04,
        elapsed_ms=40.25,
    )
