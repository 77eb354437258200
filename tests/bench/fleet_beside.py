"""What a fleet of processes costs beside one process with the same rows: CPU time of all that takes part."""

import os
import resource
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch.fleet.lease import LeaseTimes
from tests.bench.processes import TOOL, run
from tests.fleet.cluster import WORKERS, Cluster
from tests.fleet.rig import Fleet, fleet_in
from tests.kit.processes import children_of

_TICKS = os.sysconf("SC_CLK_TCK")
_WORKERS = WORKERS[:2]
_OPTIONS = ("--rate=unlimited", "--before=list", "--timeout=30")
_USUAL = LeaseTimes()
_LEASE_TIMES = f"--lease-times={_USUAL.renew_s},{_USUAL.lapse_s},{_USUAL.still_s},{_USUAL.snapshot_s}"
"""Those of the rig are much shorter than in earnest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU seconds of the processes that worked on shards, and of workers, scheduler and `fleet run`."""

    children_s: float
    others_s: float


def against_one(folder: Path, *, projects: int, rows_each: int, shards: Sequence[int]) -> Iterator[str]:
    """Each fleet beside a process that did the same rows just before; yields the lines of a Markdown table."""
    yield f"{projects} projects x {rows_each} rows at unlimited rate; two workers with a thread each."
    yield ""
    yield (
        "| shards | rows each | CPU s of one process | of the shards' processes | ratio"
        " | of workers, scheduler and `fleet run` besides | ratio with them |"
    )
    yield "|---|---|---|---|---|---|---|"
    for count in shards:
        place = folder / f"fleet-of-{count}"
        place.mkdir()
        with fleet_in(place, projects=projects, secrets=rows_each, workers=_WORKERS) as fleet:
            alone_s = _alone(fleet)
            fleet.manifest = _way_back(fleet)
            cost = _fleet(fleet, count)
        together_s = cost.children_s + cost.others_s
        yield (
            f"| {count} | {projects * rows_each // count:,} | {alone_s:.1f} | {cost.children_s:.1f}"
            f" | {cost.children_s / alone_s:.2f} | {cost.others_s:.1f} | {together_s / alone_s:.2f} |"
        )


def _alone(fleet: Fleet) -> float:
    place = fleet.folder / "alone"
    options = (f"--endpoint={fleet.ready.url}", f"--run-dir={place}", *_OPTIONS, "--progress=off")
    used = run([*TOOL, "run", fleet.manifest, *options], token=fleet.ready.token, core=None)
    assert used.code == 0, used.code
    return used.cpu_s


def _way_back(fleet: Fleet) -> Path:
    text = fleet.manifest.read_text()
    for one in fleet.world.projects.values():
        text = text.replace(one.key_ids.new, one.key_ids.old)
    path = fleet.folder / "way-back.csv"
    path.write_text(text)
    return path


def _fleet(fleet: Fleet, shards: int) -> Cost:
    cluster = fleet.cluster
    before = _used_by(cluster)
    ran = resource.getrusage(resource.RUSAGE_CHILDREN)
    with fleet.running(f"--shards={shards}", "--progress=off", _LEASE_TIMES, *_OPTIONS) as running:
        assert running.wait() == 0, fleet.said()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    after = _used_by(cluster)
    run_s = ended.ru_utime + ended.ru_stime - ran.ru_utime - ran.ru_stime
    return Cost(children_s=after.children_s - before.children_s, others_s=after.others_s - before.others_s + run_s)


def _used_by(cluster: Cluster) -> Cost:
    """Until now; a process that was forked for each child has its own time and theirs, and still lives."""
    assert cluster.scheduler is not None
    workers = [worker.pid for worker in cluster.workers.values()]
    spent = [_used(pid) for pid in (cluster.scheduler.pid, *workers)]
    forks = [sum(_used(pid)) for worker in workers for pid in children_of(worker)]
    return Cost(children_s=sum(its for _, its in spent) + sum(forks), others_s=sum(own for own, _ in spent))


def _used(pid: int) -> tuple[float, float]:
    """CPU seconds of a process, and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own, its = (sum(map(int, fields[first : first + 2])) / _TICKS for first in (11, 13))
    return own, its
