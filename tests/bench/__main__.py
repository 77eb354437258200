"""`make bench`: every measurement, about 25 minutes; writes RESULTS.md beside this file. `--only WORDS` measures the
sections whose titles have these words and keeps the others; `--quick`, which keeps nothing, is for a first look.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import (
    bad_day,
    fleet_beside,
    instructions,
    journal_alone,
    many_projects,
    pacing,
    paired,
    results,
    scale,
    throughput,
    whole,
)
from tests.torture import fleet_rig


def sections(folder: Path, *, quick: bool) -> Iterator[tuple[str, Iterator[str]]]:
    """Title and lines of each measurement; nothing is measured before its lines are asked for."""
    yield from _requests(folder, quick=quick)
    yield from _paces(folder, quick=quick)
    yield from _costs(folder, quick=quick)
    yield from _sizes(folder, quick=quick)


def _requests(folder: Path, *, quick: bool) -> Iterator[tuple[str, Iterator[str]]]:
    rows, rounds = (5_000, 2) if quick else (20_000, 6)
    yield (
        "Requests per second, concurrency 64, unlimited rate",
        throughput.measure(folder, rows=rows, rounds=rounds),
    )
    yield "Whole processes, start and reports included", whole.against_bare(folder, rows=rows, rounds=rounds)
    yield "Instructions for each request", instructions.per_request(folder / "counted", few=200, more=3_000)


def _paces(folder: Path, *, quick: bool) -> Iterator[tuple[str, Iterator[str]]]:
    rates = ("10/s", "1000/s") if quick else ("1/s", "10/s", "50/s", "200/s", "1000/s", "300/m")
    yield (
        "Rate asked and achieved, at the service",
        pacing.precision(folder, rates=rates, seconds=5 if quick else 20),
    )
    yield (
        "Makespan at a sliding-window quota of 20/s with 3 % transient faults",
        pacing.makespan(folder, rows=200 if quick else 1_000, quota=20),
    )
    yield (
        "Projects side by side at 10/s each",
        pacing.side_by_side(folder, projects=10 if quick else 100, rows_each=50 if quick else 200),
    )
    yield (
        "A bad day, beside plain loops of aiohttp, aiolimiter and stamina in 32 slots",
        bad_day.side_by_side(folder, rows=100 if quick else 500, rows_beside_a_rival=50 if quick else 250),
    )
    yield (
        "Access keys against a token, 10 rows in each project",
        bad_day.by_access_keys(folder, projects=100 if quick else 500, rows_each=10),
    )


def _costs(folder: Path, *, quick: bool) -> Iterator[tuple[str, Iterator[str]]]:
    rows = 10_000 if quick else 100_000
    yield (
        "The journal alone",
        journal_alone.by_projects(folder, rows=rows, projects=(1, 100, 10_000), rounds=1 if quick else 5),
    )
    rows, projects = (2_000, 200) if quick else (20_000, 2_000)
    yield (
        "Whole runs in many projects",
        many_projects.against_one(folder, rows=rows, projects=projects, rounds=1 if quick else 4),
    )
    yield (
        f"CPU time beside {paired.OLD}",
        paired.beside_old(folder, rows=10_000 if quick else 500_000, rounds=1 if quick else 3),
    )


def _sizes(folder: Path, *, quick: bool) -> Iterator[tuple[str, Iterator[str]]]:
    sizes = (1_000, 10_000) if quick else (1_000, 10_000, 100_000, 1_000_000)
    few_and_many = (10_000,) if quick else (10_000, 1_000_000)
    yield "Time and memory by rows", scale.by_rows(folder, sizes=sizes)
    yield "Whole runs at unlimited rate", scale.whole_run(folder, sizes=few_and_many)
    yield "Looking at secrets at unlimited rate", scale.looks(folder, sizes=few_and_many)
    shards = (8,) if quick else (64, 16, 2)
    yield "Fleet beside one process", fleet_beside.against_one(folder, projects=64, rows_each=500, shards=shards)
    yield "First PUT", scale.first_put(folder, rows=500, rounds=5)
    yield "Resume", scale.resume(folder, rows=sizes[-1], left=1_000)
    yield "Fleets that come to harm", fleet_rig.table(fleet_rig.play_all("no harm" if quick else ""))


def main() -> None:
    """Measures, prints as it goes, and keeps each section once it is measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rows, one or two rounds, nothing kept")
    parser.add_argument("--only", action="append", metavar="WORDS", help="sections whose titles have these words")
    given = parser.parse_args()
    machine = (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.python_implementation()} {platform.python_version()}"
    )
    found = results.kept()
    with tempfile.TemporaryDirectory(prefix="csms-rekey-bench-") as name:
        all_of_them = list(sections(Path(name), quick=given.quick))
        for title, lines in all_of_them:
            if _chosen(title, given.only):
                found[title] = _measured(title, lines)
                if not given.quick:
                    results.write(found, [title for title, _ in all_of_them], machine)


def _chosen(title: str, only: list[str] | None) -> bool:
    return only is None or any(words.lower() in title.lower() for words in only)


def _measured(title: str, lines: Iterator[str]) -> str:
    print(f"\n## {title}\n", flush=True)
    began_at, began_s, said = time.time(), time.perf_counter(), []
    for line in lines:
        said.append(line)
        print(line, flush=True)
    return results.section(said, began_at=began_at, took_s=time.perf_counter() - began_s)


if __name__ == "__main__":
    main()
