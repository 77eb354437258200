"""What as many rows cost in thousands of projects as in one: locks, clients, lanes, screen and page grow with them."""

import statistics
from collections.abc import Iterator
from pathlib import Path

from tests.bench.processes import TOOL, Used, run, service


def against_one(folder: Path, *, rows: int, projects: int, rounds: int) -> Iterator[str]:
    """Interleaved pairs of whole runs at unlimited rate; yields the lines of a Markdown table of medians."""
    found: dict[int, list[Used]] = {1: [], projects: []}
    for number in range(rounds):
        for count, used in found.items():
            place = folder / f"in-{count}-{number}"
            place.mkdir()
            used.append(_whole_run(place, rows, count))
    yield "| rows | projects | CPU seconds | / in one | peak MB |"
    yield "|---|---|---|---|---|"
    for count, used in found.items():
        cpu_s, peak_mb = (statistics.median(getattr(one, what) for one in used) for what in ("cpu_s", "peak_mb"))
        ratio = statistics.median(one.cpu_s / base.cpu_s for one, base in zip(used, found[1], strict=True))
        yield f"| {rows:,} | {count:,} | {cpu_s:.1f} | {ratio:.2f} | {peak_mb:.0f} |"


def _whole_run(place: Path, rows: int, projects: int) -> Used:
    options = ["--rate=unlimited", "--concurrency=64", "--progress=off", f"--lock-dir={place / 'locks'}"]
    with service(place, f"--secrets={rows}", f"--projects={projects}") as there:
        where = [f"--endpoint={there.url}", f"--run-dir={place / 'run'}"]
        where += [f"--project-id={there.projects[0]}"] if projects == 1 else []
        used = run([*TOOL, "run", there.manifest, *where, *options], token=there.token)
    assert used.code == 0, used.code
    return used
