"""How well the rate is kept, and how near a run comes to the ideal that the quota allows."""

import json
from collections.abc import Iterator
from pathlib import Path

from tests.bench.processes import TOOL, Service, run, service
from tests.kit.records import busiest_window, read_journal


def precision(folder: Path, *, rates: tuple[str, ...], seconds: int) -> Iterator[str]:
    """Asked against achieved, and the busiest second, as the service saw it."""
    yield "| asked | achieved / asked | busiest second | allowed |"
    yield "|---|---|---|---|"
    for rate in rates:
        count, unit = rate.split("/")
        per_s = float(count) / (60 if unit == "m" else 1)
        rows = max(2, int(per_s * seconds))
        place = folder / rate.replace("/", "-")
        place.mkdir()
        with service(place, f"--secrets={rows}", "--latency=5", log=True) as there:
            _run(there, place / "run", f"--rate={rate}", "--concurrency=64")
            records = [record for record in read_journal(there.log) if record.method == "PUT"]
        times = sorted(record.at_s for record in records)
        achieved = (len(times) - 1) / (times[-1] - times[0])
        busiest = busiest_window(records, 1.0)
        yield f"| {rate} | {achieved / per_s:.3f} | {busiest} | {int(per_s + 1)} |"


def makespan(folder: Path, *, rows: int, quota: int) -> Iterator[str]:
    """Time to finish under a sliding-window quota with 3 % transient faults, against requests needed / quota."""
    yield "| rate | seconds | ideal | makespan / ideal | refused | not done |"
    yield "|---|---|---|---|---|---|"
    for rate in (f"{quota}/s", "auto"):
        place = folder / f"makespan-{rate.replace('/', '-')}"
        place.mkdir()
        faults = ("--fault=504=0.01", "--fault=500=0.01", "--fault=reset=0.01")
        quota_option = f"--rate-limit={quota}/s"
        with service(place, f"--secrets={rows}", quota_option, "--latency=20", *faults, log=True) as there:
            summary = _run(there, place / "run", f"--rate={rate}", "--timeout=5")
            records = read_journal(there.log)
        refused = sum(record.status == 429 for record in records)
        ideal_s = (len(records) - refused) / quota
        took_s = summary["timing"]["wall_s"]
        share = refused / len(records)
        not_done = summary["manifest"]["rows"] - summary["by_group"]["done"]
        yield f"| {rate} | {took_s:.1f} | {ideal_s:.1f} | {took_s / ideal_s:.3f} | {share:.1%} | {not_done} |"


def side_by_side(folder: Path, *, projects: int, rows_each: int) -> Iterator[str]:
    """Many projects in one run against one of them."""
    yield "| projects | rows | seconds |"
    yield "|---|---|---|"
    for count in (1, projects):
        place = folder / f"projects-{count}"
        place.mkdir()
        with service(place, f"--secrets={rows_each * count}", f"--projects={count}", "--latency=5") as there:
            summary = _run(there, place / "run", "--rate=10/s", "--concurrency=256")
        yield f"| {count} | {rows_each * count} | {summary['timing']['wall_s']:.1f} |"


def _run(there: Service, run_dir: Path, *options: str) -> dict[str, dict[str, float]]:
    where = [f"--endpoint={there.url}", f"--project-id={there.projects[0]}", f"--run-dir={run_dir}", "--progress=off"]
    run([*TOOL, "run", there.manifest, *where, *options], token=there.token)
    summary: dict[str, dict[str, float]] = json.loads((run_dir / "summary.json").read_text())
    return summary
