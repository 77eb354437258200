"""`python -m tests.torture [--quick]`: kills, errors, full disks, simulations, harm to real fleets; with figures."""

import argparse
import os
import shutil
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from random import Random

import msgspec

import batch.cli.app
import batch.cli.commands.go
import batch.cli.commands.resume
import batch.cli.commands.run
from batch.csms.wire import HttpWire
from tests.engine.places import room
from tests.torture.disk import disk_sweep
from tests.torture.fleet_rig import play_all, table
from tests.torture.rig import rigged
from tests.torture.simulate import Simulated, simulate, simulate_campaigns, simulate_fleets
from tests.torture.sweeps import nights, plan, random_kills, sweep

# Children are forked with everything in memory that a run imports.
PRELOADED = (batch.cli.app, batch.cli.commands.run, batch.cli.commands.go, batch.cli.commands.resume, HttpWire)
_QUICK_STEP = 13
_CAMPAIGNS = 1_200
SIMULATED, CAMPAIGNS, FLEETS = "simulated", "campaigns", "fleets"


class Figures(msgspec.Struct, kw_only=True):
    """What one part came to."""

    name: str
    points: int = 0
    runs: int = 0
    faults: int = 0
    note: str = ""
    wrong: list[str] = []


def _swept(task: tuple[str, str, str, int, int, int, int]) -> Figures:
    scene, how, what, first, step, jobs, seed = task
    folder = room()
    try:
        with rigged(folder, jobs=jobs, seed=seed) as rig:
            fired = sweep(rig, scene, how, what, first=first, step=step)
            return Figures(name=f"{how} at n, {scene}", points=fired, runs=rig.used, wrong=rig.violations)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _killed(task: tuple[int, int]) -> Figures:
    seed, jobs = task
    folder = room()
    try:
        with rigged(folder, jobs=jobs, seed=seed) as rig:
            died = random_kills(rig, Random(seed), jobs)
            return Figures(name="kill -9 at random", points=died, runs=rig.used, wrong=rig.violations)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _nightly(task: tuple[int, int]) -> Figures:
    seed, rounds = task
    folder = room()
    try:
        with rigged(folder, jobs=rounds, seed=seed) as rig:
            died = nights(rig, Random(seed), rounds)
            return Figures(name="two nights with go", points=died, runs=2 * rig.used, wrong=rig.violations)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _filled(task: tuple[int, bool]) -> Figures:
    seed, quick = task
    folder = room()
    try:
        with rigged(folder, jobs=100, seed=seed) as rig:
            points, note = disk_sweep(rig, quick=quick)
            return Figures(name="disk full", points=points, runs=rig.used, note=note, wrong=rig.violations)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _simulated(task: tuple[int, int]) -> Figures:
    done: Simulated = simulate(seed=task[0], runs=task[1])
    return Figures(
        name=SIMULATED, points=done.crashes, runs=done.runs, faults=done.faults,
        note=f"{done.sessions} sessions, {done.requests} requests", wrong=list(done.wrong),
    )  # fmt: skip


def _campaigned(task: tuple[int, int]) -> Figures:
    done: Simulated = simulate_campaigns(seed=task[0], runs=task[1])
    return Figures(
        name=CAMPAIGNS, points=done.crashes, runs=done.runs, faults=done.faults, wrong=list(done.wrong),
        note=f"{done.sessions} commands, {done.requests} requests, {done.changes} changes by others",
    )  # fmt: skip


def _fleets(task: tuple[int, int]) -> Figures:
    done: Simulated = simulate_fleets(seed=task[0], runs=task[1])
    return Figures(
        name=FLEETS, runs=done.runs, faults=done.faults, wrong=list(done.wrong),
        note=f"{done.sessions} owners of shards, {done.requests} requests",
    )  # fmt: skip


def _call(job: tuple[object, tuple[object, ...]]) -> Figures:
    function, task = job
    return function(task)  # type: ignore[operator, no-any-return] # one of those above


def main() -> int:
    """Runs it all on every core; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a sample, in seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--campaign", type=int, help="plays the campaign of this seed again, and nothing else")
    parser.add_argument("--fleet", nargs="?", const="", metavar="WORDS", help="only trials of real fleets, by name")
    options = parser.parse_args()
    if options.fleet is not None:
        return _tell_fleets(options.fleet)
    if options.campaign is not None:
        return _tell([_campaigned((options.campaign, 1))], 0.0)
    seed, quick = options.seed, options.quick
    cores = os.cpu_count() or 1
    step = _QUICK_STEP if quick else cores
    tasks: list[tuple[object, tuple[object, ...]]] = [
        (_swept, (scene, how, what, first, step, 200, seed + first + 100 * number))
        for number, (scene, how, what) in enumerate(plan(quick=quick))
        for first in ((1,) if quick else range(1, cores + 1))
    ]
    tasks += [(_killed, (seed + n, 4 if quick else 220)) for n in range(cores)]
    tasks += [(_nightly, (seed + n, 2 if quick else 60)) for n in range(cores)]
    tasks += [(_filled, (seed, quick))]
    tasks += [(_simulated, (seed + n, 40 if quick else 2_500)) for n in range(cores)]
    tasks += [(_campaigned, (1_000_000 * (seed + n), 12 if quick else _CAMPAIGNS // cores)) for n in range(cores)]
    tasks += [(_fleets, (1_000 * (seed + n) + 1, 20 if quick else 500)) for n in range(cores)]
    started = time.monotonic()
    # Plain processes without threads: each task forks a service and children.
    with ProcessPoolExecutor(cores, mp_context=get_context("fork"), max_tasks_per_child=None) as pool:
        found = list(pool.map(_call, tasks))
    code = _tell(found, time.monotonic() - started)
    return code if quick else max(code, _tell_fleets(""))


def _tell_fleets(words: str) -> int:
    # A fleet has many processes: what ends this one shall not leave them behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    wrong = False
    for line in table(play_all(words)):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        wrong |= line.startswith("VIOLATION")
    return 1 if wrong else 0


def _tell(found: list[Figures], took_s: float) -> int:
    names = list(dict.fromkeys(one.name for one in found))
    for name in names:
        parts = [one for one in found if one.name == name]
        points, runs, faults = (sum(getattr(one, what) for one in parts) for what in ("points", "runs", "faults"))
        notes = "; ".join(one.note for one in parts if one.note)
        sys.stdout.write(f"{name:24} {points:6} points {runs:6} jobs {faults:6} faults  {notes}\n")
    wrong = [f"{one.name}: {line}" for one in found for line in one.wrong]
    for line in wrong[:50]:
        sys.stdout.write(f"VIOLATION {line}\n")
    simulated = [one for one in found if one.name in {SIMULATED, CAMPAIGNS, FLEETS}]
    kills = sum(one.points for one in found if one not in simulated)
    runs, campaigns, fleets = (
        sum(one.runs for one in simulated if one.name == name) for name in (SIMULATED, CAMPAIGNS, FLEETS)
    )
    crashes, faults = (sum(getattr(one, what) for one in simulated) for what in ("points", "faults"))
    sys.stdout.write(
        f"{kills} kill and error points with real processes, {runs} simulated runs, {campaigns} campaigns and {fleets}"
        f" fleets with {crashes} crashes and {faults} faults, {len(wrong)} violations, {took_s:.0f} s\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
