"""What is done to a fleet in its trials: machines, workers, children, the scheduler and `fleet run` itself."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.e2e.tool import PYTHON, ROOT, environment
from tests.fleet.cluster import wait_until
from tests.fleet.rig import Fleet

PAUSE_S = 12.0
"""Longer than the scheduler waits for a worker, and than a lease may stand still."""
PATIENCE_S = 150.0
POISONED = 2
Harm = Callable[[Fleet, "subprocess.Popen[bytes]"], None]


def _nothing(_: Fleet) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One of them: `prepare` comes before `fleet run`, `harm` once its rows are on their way. It may end with one of
    the `codes`, and then `between` says what is wrong, before it is called again. So many `ledgers_lost` are begun
    from a snapshot.
    """

    name: str
    harm: Harm
    codes: tuple[int, ...] = (0,)
    prepare: Callable[[Fleet], None] = lambda _: None
    between: Callable[[Fleet], Iterable[str]] = _nothing
    guarded: bool = False
    ledgers_lost: int = 0
    auth: str = "token"


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def victim(fleet: Fleet) -> tuple[int, int]:
    """A worker that has a child which holds a lease, and that child."""
    found: list[tuple[int, int]] = []

    def look() -> bool:
        try:
            name, child = fleet.worker_at_work()
        except AssertionError:
            return False
        found.append((fleet.cluster.workers[name].pid, child))
        return True

    wait_until(look, "a worker has a child", fleet.said)
    return found[-1]


def _none(_: Fleet, __: "subprocess.Popen[bytes]") -> None:
    pass


def _to_worker(number: signal.Signals) -> Harm:
    return lambda fleet, _: os.kill(victim(fleet)[0], number)


def _kill_child(fleet: Fleet, _: "subprocess.Popen[bytes]") -> None:
    os.kill(victim(fleet)[1], signal.SIGKILL)


def _lose_machine(fleet: Fleet, _: "subprocess.Popen[bytes]") -> None:
    both = victim(fleet)
    # Neither may notice what becomes of the other.
    _signal(both, signal.SIGSTOP)
    _signal(both, signal.SIGKILL)


def _retire(fleet: Fleet, _: "subprocess.Popen[bytes]") -> None:
    fleet.cluster.retire(fleet.worker_at_work()[0])


def _pause(who: slice) -> Harm:
    def pause(fleet: Fleet, _: "subprocess.Popen[bytes]") -> None:
        stopped = list(victim(fleet))[who]
        _signal(stopped, signal.SIGSTOP)
        time.sleep(PAUSE_S)
        _signal(stopped, signal.SIGCONT)

    return pause


def _kill_scheduler(fleet: Fleet, running: "subprocess.Popen[bytes]") -> None:
    cluster = fleet.cluster
    assert cluster.scheduler is not None
    cluster.scheduler.kill()
    running.wait(60)
    # Without nannies they end by themselves, once their children have.
    for worker in cluster.workers.values():
        worker.wait(60)
    cluster.scheduler.wait()
    cluster.start_scheduler()
    for name in list(cluster.workers):
        cluster.start_worker(name)


def _kill_run(_: Fleet, running: "subprocess.Popen[bytes]") -> None:
    running.kill()
    running.wait()


def _end_run(_: Fleet, running: "subprocess.Popen[bytes]") -> None:
    running.terminate()


def tool(fleet: Fleet, *words: str, token: str = "none") -> str:  # noqa: S107 - no real one
    """What a command says, beside the campaign."""
    done = subprocess.run(
        [*PYTHON, *words], cwd=ROOT, env=environment(fleet.folder, token), capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _stop(fleet: Fleet, _: "subprocess.Popen[bytes]") -> None:
    tool(fleet, "fleet", "stop", str(fleet.campaign))


def _stop_with_child_paused(fleet: Fleet, running: "subprocess.Popen[bytes]") -> None:
    child = victim(fleet)[1]
    os.kill(child, signal.SIGSTOP)
    _stop(fleet, running)
    try:
        # Until the others have drained, and this one is not waited for any longer.
        running.wait(PATIENCE_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGCONT)


def _lose_folder(fleet: Fleet, _: "subprocess.Popen[bytes]") -> None:
    """As a share that is not mounted for a while: each access to it is an error."""
    away = fleet.folder / "away"
    fleet.campaign.rename(away)
    fleet.campaign.touch()
    time.sleep(PAUSE_S)
    fleet.campaign.unlink()
    away.rename(fleet.campaign)


def _quiet(fleet: Fleet) -> Iterator[str]:
    """Once `fleet run` has ended in order, nothing is sent any more."""
    puts = fleet.puts()
    time.sleep(3.0)
    if (more := fleet.puts() - puts) > 0:
        yield f"{more} PUTs after the campaign had stopped"
    if owners := fleet.owners():
        yield f"{len(owners)} children live after the campaign had stopped"


def _poison(fleet: Fleet) -> None:
    (fleet.folder / "poison" / "shard").write_text(str(POISONED))


def _given_up(fleet: Fleet) -> Iterator[str]:
    """One shard is reported, every other one is done; then it is cured."""
    if "given up" not in fleet.said():
        yield "no shard is said to be given up"
    shards = json.loads(tool(fleet, "fleet", "status", str(fleet.campaign), "--json"))["shards"]
    states = {one["index"]: one["state"] for one in shards}
    if states != {index: "given up" if index == POISONED else "over" for index in states}:
        yield f"shards stand so: {states}"
    (fleet.folder / "poison" / "shard").unlink()


def _plan(fleet: Fleet) -> None:
    place = fleet.folder / "plan"
    words = ("plan", str(fleet.manifest), f"--endpoint={fleet.ready.url}", f"--out={place}", "--rate=unlimited")
    tool(fleet, *words, token=fleet.ready.token)
    fleet.manifest = place


TRIALS = (
    Trial(name="no harm", harm=_none),
    Trial(name="no harm, with access keys", harm=_none, auth="aksk"),
    Trial(name="worker: kill -9", harm=_to_worker(signal.SIGKILL)),
    Trial(name="worker: SIGTERM", harm=_to_worker(signal.SIGTERM)),
    Trial(name="worker retired", harm=_retire),
    Trial(name="child: kill -9", harm=_kill_child),
    Trial(name="machine lost: kill -9 of worker and child", harm=_lose_machine, ledgers_lost=1),
    Trial(name="the same, with expected_kms_key_id", harm=_lose_machine, ledgers_lost=1, guarded=True),
    Trial(name=f"worker: SIGSTOP, SIGCONT after {PAUSE_S:g} s", harm=_pause(slice(0, 1))),
    Trial(name=f"child: SIGSTOP, SIGCONT after {PAUSE_S:g} s", harm=_pause(slice(1, 2)), ledgers_lost=1),
    Trial(name=f"both: SIGSTOP, SIGCONT after {PAUSE_S:g} s", harm=_pause(slice(0, 2)), ledgers_lost=1),
    Trial(name=f"campaign folder out of reach for {PAUSE_S:g} s", harm=_lose_folder, ledgers_lost=3),
    Trial(name="scheduler: kill -9", harm=_kill_scheduler, codes=(3,)),
    Trial(name="`fleet run`: kill -9", harm=_kill_run, codes=(-signal.SIGKILL,)),
    Trial(name="`fleet run`: SIGTERM", harm=_end_run, codes=(143,), between=_quiet),
    Trial(name="`fleet stop`", harm=_stop, codes=(3,), between=_quiet),
    Trial(
        name="child: SIGSTOP, then `fleet stop`",
        harm=_stop_with_child_paused,
        codes=(3,),
        between=_quiet,
        ledgers_lost=1,
    ),
    Trial(name="a shard that kills its process", harm=_none, prepare=_poison, codes=(3,), between=_given_up),
    Trial(name="a plan; worker: kill -9", harm=_to_worker(signal.SIGKILL), prepare=_plan),
)  # fmt: skip
