"""How time and memory grow with the rows, and how soon a run gets going."""

import csv
import json
import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from jobs.ledger import Ledger
from tests.bench.made_runs import outcome_of
from tests.bench.processes import TOOL, Service, run, service
from tests.kit.records import read_journal

NOWHERE = ("--endpoint=http://127.0.0.1:9", f"--project-id={'0' * 32}")
_MOST_RETIRED = 20_000
_KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"


def by_rows(folder: Path, *, sizes: tuple[int, ...]) -> Iterator[str]:
    """Checking a manifest, and reporting from a ledger of as many rows."""
    yield "| rows | check s | check MB | run with no service s | its MB | report s | report MB |"
    yield "|---|---|---|---|---|---|---|"
    for rows in sizes:
        manifest = folder / f"m{rows}.csv"
        write_manifest(manifest, rows)
        checked = run([*TOOL, "check", manifest, *NOWHERE])
        run_dir = folder / f"run{rows}"
        # Nothing listens there and no outage is borne: what is left is loading, one refusal and the reports.
        ran = run([*TOOL, "run", manifest, *NOWHERE, "--max-outage=0", f"--run-dir={run_dir}", "--progress=off"])
        _end_all(run_dir)
        reported = run([*TOOL, "report", run_dir])
        yield (
            f"| {rows:,} | {checked.wall_s:.1f} | {checked.peak_mb:.0f} | {ran.wall_s:.1f} | {ran.peak_mb:.0f}"
            f" | {reported.wall_s:.1f} | {reported.peak_mb:.0f} |"
        )


def write_manifest(path: Path, rows: int) -> None:
    """A manifest of one key, with a description and no quotes."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["secret_name", "kms_key_id", "description"])
        out.writerows([f"payments-db-{number:07d}", _KEY, "moved by campaign 7"] for number in range(rows))


def whole_run(folder: Path, *, sizes: tuple[int, ...]) -> Iterator[str]:
    """Peak memory of a run that really sends every row, at unlimited rate."""
    yield "| rows | seconds | peak MB |"
    yield "|---|---|---|"
    for rows in sizes:
        place = folder / f"whole{rows}"
        place.mkdir()
        with service(place, f"--secrets={rows}") as there:
            used = run(_command(there, place / "run", "--rate=unlimited", "--concurrency=64"), token=there.token)
        yield f"| {rows:,} | {used.wall_s:.1f} | {used.peak_mb:.0f} |"


def looks(folder: Path, *, sizes: tuple[int, ...]) -> Iterator[str]:
    """Peak memory of the commands that only look, over as many secrets. A retirement asks for the versions of each, and
    keeps each answer durably: it is left out where that would take hours.
    """
    yield "| secrets | command | seconds | peak MB |"
    yield "|---|---|---|---|"
    for secrets in sizes:
        place = folder / f"looks{secrets}"
        place.mkdir()
        with service(place, f"--secrets={secrets}", "--versions=1") as there:
            keys = there.keys[there.projects[0]]
            old, new = f"--old-key={keys['old']}", f"--new-key={keys['new']}"
            commands = [("plan", old, new), ("plan", there.manifest), ("verify", there.manifest)]
            for words in (*commands, *((("retire", old),) if secrets <= _MOST_RETIRED else ())):
                where = (f"--endpoint={there.url}", f"--project-id={there.projects[0]}", "--rate=unlimited")
                out = f"--out={place / f'{words[0]}{len(words)}'}"
                used = run([*TOOL, *words, *where, out, "--concurrency=64", "--json"], token=there.token)
                named = "plan by keys" if words[-1] == new else words[0]
                yield f"| {secrets:,} | {named} | {used.wall_s:.1f} | {used.peak_mb:.0f} |"


def first_put(folder: Path, *, rows: int, rounds: int) -> Iterator[str]:
    """From the start of the process to its first PUT at the service."""
    place = folder / "first"
    place.mkdir()
    with service(place, f"--secrets={rows}", log=True) as there:
        began: list[float] = []
        for number in range(rounds):
            # To and fro: a row that has its key already is not sent.
            manifest = there.way_back if number % 2 else there.manifest
            command = _command(there, place / f"run{number}", "--rate=unlimited", manifest=manifest)
            used = run(command, token=there.token)
            began.append(used.began_at_s)
        puts = _puts_s(there.log)
    waits = sorted(min(put for put in puts if put >= start) - start for start in began)
    median_s = waits[len(waits) // 2]
    yield f"start to first PUT, {rows} rows: {median_s:.2f} s (best {waits[0]:.2f}, worst {waits[-1]:.2f})"


def resume(folder: Path, *, rows: int, left: int) -> Iterator[str]:
    """From the start of `resume` to its first PUT, most rows being done. The session before was too short for a list:
    where one is wanted, all secrets are listed first.
    """
    for before, words in (("off", "without a list"), ("list", "after a list of all")):
        place = folder / f"resume-{before}"
        place.mkdir()
        with service(place, f"--secrets={rows}", log=True) as there:
            run_dir = place / "run"
            run(_command(there, run_dir, "--rate=1/s", "--max-duration=1", f"--before={before}"), token=there.token)
            _end_all(run_dir, but=left)
            limits = ("--rate=unlimited", "--max-duration=600", "--progress=off")
            used = run([*TOOL, "resume", run_dir, *limits], token=there.token)
        first_s = _first_send_s(run_dir / "outcomes.csv", after_row=rows - left)
        yield f"resume of {rows:,} rows with {left:,} open, {words}: first PUT after {first_s - used.began_at_s:.2f} s"
        yield ""


def _first_send_s(outcomes: Path, *, after_row: int) -> float:
    """When the first of the later rows was sent, in UTC seconds, as the run itself says."""
    with outcomes.open(newline="", encoding="utf-8") as file:
        sent = [row["started_at"] for row in csv.DictReader(file) if int(row["row"]) > after_row]
    return min(datetime.fromisoformat(text).timestamp() for text in sent if text)


def _puts_s(log: Path) -> list[float]:
    """When each PUT arrived, in UTC seconds."""
    with log.open("rb") as lines:
        epoch_s: float = json.loads(next(lines))["epoch_s"]
    return [epoch_s + record.at_s for record in read_journal(log) if record.method == "PUT"]


def _command(there: Service, run_dir: Path, *options: str, manifest: Path | None = None) -> list[str]:
    where = [f"--endpoint={there.url}", f"--project-id={there.projects[0]}", f"--run-dir={run_dir}", "--progress=off"]
    return [*TOOL, "run", str(manifest or there.manifest), *where, *options]


def _end_all(run_dir: Path, *, but: int = 0) -> None:
    """Gives every open row an outcome, some of them a bad one, and leaves the last `but` open."""
    chance = random.Random(1)
    with Ledger(run_dir) as ledger:
        (scope,) = ledger.open_scopes()
        after_row, left = 0, scope.open_rows - but
        while left > 0 and (page := ledger.open_rows(scope.id, after_row, min(10_000, left))):
            ledger.commit(outcomes=[outcome_of(row.row, failed=chance.random() < 0.02) for row in page])
            after_row, left = page[-1].row, left - len(page)
