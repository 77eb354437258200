"""What it takes to put the shards of a run together, beside the report of one run of as many rows."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.bench.made_runs import MadeManifest, write_shards
from tests.bench.processes import TOOL, Used, run

_SOME_FAILED = 1


def by_shards(folder: Path, *, rows: int, projects: int, counts: tuple[int, ...]) -> Iterator[str]:
    """Yields the lines of a Markdown table; each set of shards goes once it is measured."""
    place = folder / "merges"
    place.mkdir()
    manifest = MadeManifest(path=place / "m.csv", rows=rows, projects=projects)
    manifest.write()
    yield "| rows | shards | seconds | / report | CPU us a row | peak MB |"
    yield "|---|---|---|---|---|---|"
    (whole,) = write_shards(place, manifest, 1)
    report = _timed("report", whole)
    yield _line(rows, "report of one run", report, report)
    shutil.rmtree(whole)
    for count in counts:
        shards = place / f"of-{count}"
        shards.mkdir()
        for _ in write_shards(shards, manifest, count):
            pass
        yield _line(rows, f"{count:,}", _timed("merge", shards, f"--into={place / f'from-{count}'}"), report)
        shutil.rmtree(shards)


def _timed(*words: Path | str) -> Used:
    used = run([*TOOL, *words])
    assert used.code == _SOME_FAILED, used
    return used


def _line(rows: int, what: str, used: Used, report: Used) -> str:
    return (
        f"| {rows:,} | {what} | {used.wall_s:.1f} | {used.wall_s / report.wall_s:.2f}"
        f" | {used.cpu_s / rows * 1e6:.1f} | {used.peak_mb:.0f} |"
    )
