"""Plays a trial of a real fleet and brings it to its end, and says what the service's log shows of it."""

import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tests.fleet.judged import sent_twice, wrong
from tests.fleet.pace import busiest_second, sending_times
from tests.fleet.rig import LEASE_TIMES, Fleet, fleet_in
from tests.torture.canaries import Searched, canaries, in_files, in_scheduler
from tests.torture.child import HUNG
from tests.torture.fleet_trials import PATIENCE_S, TRIALS, Trial

SHARDS, PROJECTS, SECRETS, RATE = 6, 12, 300, 50
_INTERVAL_S = float(LEASE_TIMES.split(",")[3])
_MOST_CALLS = 3
_HARM_AFTER = 300
_POISON = """
import os, pathlib, signal, sys
said = pathlib.Path(__file__).with_name("shard")
def see(event, _):
    if event == "sqlite3.connect" and "shard" in sys.argv and said.exists():
        if sys.argv[sys.argv.index("shard") + 1] == said.read_text():
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(see)
"""
"""As the kernel does it to a process that needs too much memory."""


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a trial: `codes` of the calls of `fleet run`, the busiest second of any project
    as its requests were `sent` and as the service has `read` them, and what of the oracle does not hold.
    """

    name: str
    codes: tuple[int, ...]
    took_s: float
    requests: int
    read: int
    sent: int
    twice: int
    twice_allowed: int
    searched: Searched
    wrong: tuple[str, ...]


def play_all(only: str = "") -> Iterator[Played]:
    """Every trial whose name has these words, one after the other."""
    for trial in TRIALS:
        if only in trial.name:
            with tempfile.TemporaryDirectory(prefix="csms-rekey-trial-", ignore_cleanup_errors=True) as name:
                yield play(trial, Path(name))


def play(trial: Trial, folder: Path) -> Played:
    """One of them, in an empty folder."""
    poison = folder / "poison"
    poison.mkdir()
    (poison / "sitecustomize.py").write_text(_POISON)
    with fleet_in(
        folder,
        projects=PROJECTS,
        secrets=SECRETS,
        rate=RATE,
        guarded=trial.guarded,
        more=lambda ready: {"PYTHONPATH": str(poison), **canaries(ready)},
    ) as fleet:
        trial.prepare(fleet)
        began_s = time.monotonic()
        found: list[str] = []
        searched = Searched()
        options = (f"--shards={SHARDS}", "--before=list", f"--auth={trial.auth}")
        with fleet.running(*options) as running:
            fleet.wait_for_puts(_HARM_AFTER)
            searched += in_scheduler(fleet)
            try:
                trial.harm(fleet, running)
            except subprocess.TimeoutExpired as error:
                found.append(f"not ended within {error.timeout:g} s")
            codes = [_code_of(running)]
        if codes[0] not in trial.codes:
            found.append(f"`fleet run` ended with {codes[0]}")
        found += trial.between(fleet)
        while codes[-1] != 0 and len(codes) < _MOST_CALLS:
            with fleet.running(*options) as running:
                codes.append(_code_of(running))
        took_s = time.monotonic() - began_s
        searched += in_files(fleet)
        return _judged(trial, fleet, found, codes=tuple(codes), took_s=took_s, searched=searched)


def _code_of(running: "subprocess.Popen[bytes]") -> int:
    try:
        return running.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        return HUNG


def _judged(
    trial: Trial, fleet: Fleet, found: list[str], *, codes: tuple[int, ...], took_s: float, searched: Searched
) -> Played:
    records = fleet.records()
    twice = sent_twice(records)
    allowed = 0 if trial.guarded else round(trial.ledgers_lost * _INTERVAL_S * RATE * PROJECTS / SHARDS)
    if codes[-1] != 0:
        found.append(f"the last `fleet run` ended with {codes[-1]}")
    else:
        found += wrong(fleet)
    if twice > allowed:
        found.append(f"{twice} names sent twice, {allowed} may be")
    if owners := fleet.owners():
        found.append(f"{len(owners)} children live at the end")
    found += searched.found
    if found:
        found.append("; ".join(line for line in fleet.said().splitlines() if line.startswith("csms-rekey: ")))
    return Played(
        name=trial.name,
        codes=codes,
        took_s=took_s,
        requests=len(records),
        read=busiest_second(records),
        sent=busiest_second(records, sending_times(fleet)),
        twice=twice,
        twice_allowed=allowed,
        searched=searched,
        wrong=tuple(found),
    )


def table(played: Iterable[Played]) -> Iterator[str]:
    """The lines of a Markdown table, and below it what is wrong."""
    yield (
        f"{PROJECTS} projects x {SECRETS} rows at {RATE}/s each, {SHARDS} shards, 3 workers with a thread each over"
        f" TLS; leases of {LEASE_TIMES} s (renewed, lapsed, stood still, snapshots). `fleet run` is called again until"
        " it ends with 0."
    )
    yield ""
    heads = (
        "trial",
        "exit codes",
        "seconds",
        f"most sent to a project in 1 s ({RATE + 1} may be)",
        "the same as the service read them",
        "names sent twice (may be)",
        "searched for credentials: found",
        "wrong",
    )
    yield _line(heads)
    yield _line("---" for _ in heads)
    wrong_lines: list[str] = []
    for one in played:
        yield _line(_cells(one))
        wrong_lines += [f"VIOLATION {one.name}: {line}" for line in one.wrong]
    yield from wrong_lines


def _cells(one: Played) -> Iterator[str]:
    yield one.name
    yield ", ".join(map(str, one.codes))
    yield f"{one.took_s:.0f}"
    yield str(one.sent)
    yield str(one.read)
    yield f"{one.twice} ({one.twice_allowed})"
    yield f"{one.searched.places} files and dumps, {one.searched.megabytes:.0f} MB: {len(one.searched.found)}"
    yield str(len(one.wrong))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
