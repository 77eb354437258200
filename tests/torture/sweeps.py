"""The sweeps: a kill or an error at the first, second, third ... operation until none is left, and kills at random."""

from collections.abc import Callable, Iterator
from random import Random

from tests.torture.child import KILLED, Ended
from tests.torture.rig import Rig, TorturedJob
from tests.torture.trap import Trap

# A sweep that takes longer than this has found a loop.
_MOST = 2_000
# Every resume does at least so many things.
_RESUMED = 25


def sweep(rig: Rig, scene: str, how: str, what: str = "", *, first: int = 1, step: int = 1) -> int:
    """Plays a scene with its trap at one operation after another; how many fired."""
    fired = 0
    for nth in range(first, _MOST, step):
        if rig.used == len(rig.projects):
            break
        job = rig.job()
        trap = Trap(how=how, what=what, nth=nth)
        ended = _SCENES[scene](job, trap)
        job.check(f"{scene} {trap}")
        job.remove()
        if not ended.told:
            break
        fired += sum(line.startswith("fired ") for line in ended.told)
    return fired


def _run(job: TorturedJob, trap: Trap) -> Ended:
    return job.start(trap)


def _resume(job: TorturedJob, trap: Trap) -> Ended:
    job.start(Trap(how="kill", what="exchange after", nth=5))
    return job.resume(trap)


def _report(job: TorturedJob, trap: Trap) -> Ended:
    job.start()
    return job.report(trap)


def _go(job: TorturedJob, trap: Trap) -> Ended:
    ended = job.go(trap)
    job.finish()
    return ended


def _twice(job: TorturedJob, trap: Trap) -> Ended:
    first = job.start(trap)
    if not (job.run_dir / "ledger.db").exists():
        return first
    second = job.resume(Trap(how=trap.how, what=trap.what, nth=1 + trap.nth * 7 % _RESUMED))
    # The sweep continues for as long as the run is caught.
    return Ended(code=second.code, told=(*first.told, *second.told) if first.told else ())


_SCENES: dict[str, Callable[[TorturedJob, Trap], Ended]] = {
    "run": _run,
    "go": _go,
    "resume": _resume,
    "report": _report,
    "twice": _twice,
}


def random_kills(rig: Rig, rng: Random, jobs: int) -> int:
    """Kills real processes from outside at any moment, up to three times each; how many died."""
    died = 0
    for _ in range(jobs):
        if rig.used == len(rig.projects):
            break
        job = rig.job()
        delays = [round(rng.uniform(0.0, 0.5), 4) for _ in range(rng.randint(1, 3))]
        died += job.start(kill_after_s=delays[0]).code == KILLED
        for delay_s in delays[1:]:
            if (job.run_dir / "ledger.db").exists():
                died += job.resume(kill_after_s=delay_s).code == KILLED
        job.check(f"random kills after {delays} s")
        job.remove()
    return died


def nights(rig: Rig, rng: Random, rounds: int) -> int:
    """Two nights with a manifest each in one run directory, the same command again after each kill; how many died."""
    died = 0
    for _ in range(rounds):
        if rig.used == len(rig.projects):
            break
        first, second = rig.nights()
        for job in (first, second):
            delays = [round(rng.uniform(0.0, 0.4), 4) for _ in range(rng.randint(1, 3))]
            died += sum(job.go(kill_after_s=delay_s).code == KILLED for delay_s in delays)
            job.finish()
        kept = list(first.run_dir.glob("done-*"))
        if len(kept) != 1:
            rig.violations.append(f"nights: {len(kept)} runs are kept aside")
            continue
        first.run_dir = kept[0]
        for job in (first, second):
            job.check("nights")
        first.remove()
    return died


def plan(*, quick: bool) -> Iterator[tuple[str, str, str]]:
    """Scene, kill or error, and of which operations, for every sweep; a run meets other faults each time."""
    yield from (("run", "kill", ""), ("run", "error", ""), ("go", "kill", ""))
    if not quick:
        yield from (("run", "kill", ""), ("run", "error", ""), ("go", "error", ""))
        yield from (("resume", "kill", ""), ("resume", "error", ""), ("report", "kill", ""), ("report", "error", ""))
        yield from (("twice", "kill", ""),)
