"""`make bench`: every measurement in one run; writes RESULTS.md beside this file. `--quick` is for a first look."""

import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import bad_day, instructions, journal_alone, many_projects, pacing, paired, scale, throughput

_RESULTS = Path(__file__).parent / "RESULTS.md"
# What was aimed at and what came out, judged by hand: read it again whenever the figures move.
_GOALS = Path(__file__).parent / "GOALS.md"


def sections(folder: Path, *, quick: bool) -> Iterator[tuple[str, Iterator[str]]]:
    """Title and lines of each measurement."""
    rows = 10_000 if quick else 40_000
    sizes = (1_000, 10_000) if quick else (1_000, 10_000, 100_000, 1_000_000)
    yield (
        f"Requests per second, {rows:,} rows, concurrency 64, unlimited rate",
        throughput.measure(folder, rows=rows, rounds=2 if quick else 6),
    )
    yield "Instructions for each request", instructions.per_request(folder / "counted", few=200, more=3_000)
    rates = ("10/s", "1000/s") if quick else ("1/s", "10/s", "50/s", "200/s", "1000/s", "300/m")
    yield (
        "Rate asked and achieved, at the service",
        pacing.precision(folder, rates=rates, seconds=5 if quick else 60),
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
        bad_day.side_by_side(folder, rows=100 if quick else 1_000, rows_beside_a_rival=50 if quick else 250),
    )
    yield (
        "Access keys against a token, 10 rows in each project",
        bad_day.by_access_keys(folder, projects=100 if quick else 1_000, rows_each=10),
    )
    yield (
        "The journal alone",
        journal_alone.by_projects(
            folder, rows=10_000 if quick else 100_000, projects=(1, 100, 10_000), rounds=1 if quick else 5
        ),
    )
    rows, projects = (2_000, 200) if quick else (20_000, 2_000)
    yield (
        "Whole runs in many projects",
        many_projects.against_one(folder, rows=rows, projects=projects, rounds=1 if quick else 6),
    )
    yield "Time and memory by rows", scale.by_rows(folder, sizes=sizes)
    yield (
        f"CPU time beside {paired.OLD}",
        paired.beside_old(folder, rows=10_000 if quick else 1_000_000, rounds=1 if quick else 5),
    )
    yield "Whole runs at unlimited rate", scale.whole_run(folder, sizes=(10_000,) if quick else (10_000, 1_000_000))
    looked_at = (10_000,) if quick else (10_000, 1_000_000)
    yield "Looking at secrets at unlimited rate", scale.looks(folder, sizes=looked_at)
    yield "First PUT", scale.first_put(folder, rows=500, rounds=5)
    yield "Resume", scale.resume(folder, rows=sizes[-1], left=1_000)


def main() -> None:
    """Measures, prints as it goes, and keeps the whole."""
    quick = "--quick" in sys.argv
    machine = f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}"
    lines = ["# Measured", "", f"{time.strftime('%Y-%m-%d', time.gmtime())}, 2 cores, {machine}; `make bench`.", ""]
    with tempfile.TemporaryDirectory(prefix="csms-rekey-bench-") as name:
        for title, found in sections(Path(name), quick=quick):
            lines += [f"## {title}", ""]
            print(f"\n## {title}\n", flush=True)
            for line in found:
                lines.append(line)
                print(line, flush=True)
            lines.append("")
    if not quick:
        _RESULTS.write_text("\n".join((*lines, _GOALS.read_text())))


if __name__ == "__main__":
    main()
