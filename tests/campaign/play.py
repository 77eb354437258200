"""One simulated campaign, all of it drawn from a seed: commands in any order, killed and disturbed, and a calm end."""

import asyncio
import json
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import msgspec

from batch.process.signals import PROCESS_SIGNALS
from batch.sandbox.assembly import Sandbox, build_sandbox
from batch.sandbox.lists import ListStyle, Markers
from batch.sandbox.model import SecretState
from batch.sandbox.terms import Terms
from batch.sandbox.variety import vary
from batch.sandbox.versions import add_version
from batch.sandbox.world import Project, build_world
from jobs.ledger.sessions import LATE_UPDATE_S
from jobs.model import Group
from tests.campaign.judge import Look, calmly, led_back, planned, retired, table, verified
from tests.campaign.process import Command, Ended, Machine
from tests.campaign.world import CHANGES, Moment, Others, Watched
from tests.e2e.tool import again_in, outcomes_in
from tests.engine.crash import FAILS, FILES, MOMENTS, CrashPoint
from tests.engine.machine import ENDPOINT, keys_of
from tests.engine.places import room
from tests.engine.plans import OUTAGE_FAULTS, Down, Plan, Weather
from tests.engine.rows import EPOCH_S
from tests.kit.records import Record, records_of
from tests.oracle import Asked, Bounds, Case, Change, Claim, Commit, Reopened, violations
from tests.oracle.case import Place

_FINE = frozenset({0, 1, 3})
_ENDED_AS = {3: "stopped", 143: "SIGTERM"}
_NOTHING_TO_ASK = ("the old keys of its rows are unknown", "none of its rows names a usable project")
_SURE = 6
"""So many times a command is started again before the campaign gives it up."""


class Played(msgspec.Struct, kw_only=True):
    """What a campaign came to: what is wrong, all that was done, and some figures."""

    seed: int
    wrong: list[str] = []
    done: list[str] = []
    commands: int = 0
    crashes: int = 0
    requests: int = 0
    faults: int = 0
    changes: int = 0
    verdicts: list[str] = []


@dataclass(slots=True, kw_only=True)
class Run:
    """A run of a campaign, over all its sessions. `source` is what it was started with."""

    name: str
    source: tuple[str, ...]
    asked: tuple[Asked, ...]
    before: dict[Place, str]
    begun_s: float
    carried: bool = False
    calm: Moment | None = None
    """The world when it began, where nothing was wrong any more."""
    numbers: list[range] = field(default_factory=list)
    tape: list[Commit | Reopened] = field(default_factory=list)
    interruptions: int = 0
    fresh_starts: int = 0
    by_hand_from: float = float("inf")
    code: int | None = None
    claims: tuple[Claim, ...] = ()

    @property
    def left(self) -> bool:
        """Whether rows are left to run again."""
        told = zip(self.asked, self.claims, strict=True)
        return any(asked.selected and claim.status.group is Group.RUN_AGAIN for asked, claim in told)


def play(seed: int) -> Played:
    """Plays it through to its calm end, or to the first thing that is wrong."""
    folder = room()
    try:
        campaign = Campaign(seed, folder)
        campaign.play()
        return campaign.played
    finally:
        shutil.rmtree(folder)


class Campaign:
    """Draws what happens next, does it, and has it judged."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.played = Played(seed=seed)
        self._rng = rng = Random(seed)
        self._watched = _script(rng)
        self._sandbox = self._watched.sandbox = _service(rng, seed, self._watched)
        self._folder = folder / "work"
        self._folder.mkdir()
        (folder / "locks").mkdir(mode=0o700)
        self._machine = Machine(self._sandbox, self._folder, folder / "locks")
        self._projects = list(self._sandbox.world.projects.values())
        self._others = Others(
            sandbox=self._sandbox, key=self._projects[0].key_ids.old, deeds=(), known=False, seconds=50_000_000
        )
        self._others.clock = lambda: self._sandbox.exchange.last_s
        self._limits = _Limits.drawn(rng)
        self._count = 0
        self._runs: list[Run] = []
        self._plans: list[tuple[Path, tuple[Asked, ...]]] = []
        self._calm = False

    def play(self) -> None:
        """Some steps in any order, and then all that has to come out right where nothing is wrong any more."""
        steps: tuple[tuple[Callable[[], None], int], ...] = (
            (self._plan_keys, 4),
            (self._plan_manifest, 2),
            (self._run_plan, 5),
            (self._run_manifest, 2),
            (self._resume, 3),
            (self._verify, 3),
            (self._roll_back, 3),
            (self._retire, 4),
            (self._change, 3),
            (self._renew, 2),
        )
        kinds, weights = zip(*steps, strict=True)
        for step in self._rng.choices(kinds, weights, k=self._rng.randrange(4, 11)):
            step()
            if self.played.wrong:
                return
        self._end()
        self.played.requests = self._sandbox.journal.arrived_count
        self.played.faults = sum(one.fault is not None for one in self._records)
        self.played.changes = len(self._others.changes)

    @property
    def _records(self) -> tuple[Record, ...]:
        return records_of(self._sandbox.journal)

    def _records_of(self, numbers: Sequence[range]) -> tuple[Record, ...]:
        records = self._records
        return tuple(records[number - 1] for some in numbers for number in some)

    # The steps.

    def _plan_keys(self) -> None:
        moves = [(one.key_ids.old, one.key_ids.new) for one in self._some_projects()]
        pairs = [word for old, new in moves for word in (f"--old-key={old}", f"--new-key={new}")]
        argv = ("plan", *pairs, *self._places(), *self._limits.look)
        self._plan(argv, leave=[old for old, _ in moves])

    def _plan_manifest(self) -> None:
        path, asked = self._manifest()
        self._plan(("plan", str(path), f"--endpoint={ENDPOINT}", *self._limits.look), asked=asked)

    def _plan(self, argv: tuple[str, ...], *, leave: Sequence[str] = (), asked: Sequence[Asked] = ()) -> None:
        out = self._new("plan")
        look, code = self._look((*argv, f"--out={out}"), out, "plan")
        if code is None:
            return
        self._wrong(planned(look, code, leave=leave, asked=asked))
        self._plans.append((out, _asked_by_plan(out)))

    def _run_plan(self) -> None:
        if self._plans:
            out, asked = self._plans.pop(self._rng.randrange(len(self._plans)))
            self._start((str(out),), asked, carried=any(not one.selected for one in asked))

    def _run_manifest(self) -> None:
        path, asked = self._manifest()
        waves = self._rng.random() < 0.25
        asked = asked if waves else tuple(msgspec.structs.replace(one, wave=None) for one in asked)
        source = (str(path), f"--endpoint={ENDPOINT}", *(("--wave-by=wave",) if waves else ()))
        if self._rng.random() < 0.2:
            source = (*source, "--exclude=*-db-*")
            asked = tuple(msgspec.structs.replace(one, selected="-db-" not in one.secret_name) for one in asked)
        self._start(source, asked)

    def _start(self, source: tuple[str, ...], asked: tuple[Asked, ...], *, carried: bool = False) -> None:
        run = Run(
            name=self._new("run").name,
            source=(*source, *self._limits.run),
            asked=asked,
            before=keys_of(self._sandbox),
            begun_s=self._sandbox.exchange.last_s,
            carried=carried,
            calm=self._watched.now(self._sandbox.exchange.last_s) if self._calm else None,
        )
        self._runs.append(run)
        self._go_on(run, start=True)

    def _resume(self) -> None:
        if self._runs:
            self._go_on(self._rng.choice(self._runs), failed=self._rng.random() < 0.5)

    def _verify(self) -> None:
        if run := self._one_that_is_over():
            out = self._new("verify")
            argv = ("verify", str(self._folder / run.name), f"--out={out}")
            look, code = self._look(argv, out, "verify")
            if code is not None:
                self._wrong(verified(look, run.asked, code))

    def _roll_back(self) -> None:
        if run := self._one_that_is_over():
            back = self._new("back").with_suffix(".csv")
            ended = self._command(("rollback", str(self._folder / run.name), f"--out={back}"), kills=False)
            if ended.code == 2 and not run.asked:
                return
            if ended.code not in _FINE:
                self._wrong([f"rollback ended with {ended.code}: {ended.err}"])
                return
            self._wrong(led_back(back, run.asked, run.claims, ended.code or 0))
            if self._calm or self._rng.random() < 0.7:
                self._start((str(back), f"--endpoint={ENDPOINT}"), _asked_by_way_back(back))

    def _retire(self) -> None:
        run, out = self._one_that_is_over(), self._new("retire")
        known = frozenset[Place]()
        if run is not None and self._rng.random() < 0.5:
            known = frozenset(one.place for one in run.asked if one.usable)
            argv: tuple[str, ...] = ("retire", str(self._folder / run.name), f"--out={out}")
        else:
            keys = [f"--old-key={one.key_ids.old}" for one in self._some_projects()]
            argv = ("retire", *keys, *self._places(), f"--out={out}", *self._limits.look)
        look, code = self._look(argv, out, "retire")
        if code is not None:
            self._wrong(retired(look, code, known=known))
            self.played.verdicts.append({0: "free", 1: "needed", 3: "incomplete"}[code])

    def _change(self) -> None:
        for _ in range(self._rng.randrange(1, 5)):
            self._others.do(self._rng.choice(CHANGES), self._rng.randrange(50))
        self.played.done.append("others change something")

    def _renew(self) -> None:
        """Every secret that can gets as many new versions as are kept."""
        for project in self._projects:
            project.most_versions = 2
            for name in project.names:
                for _ in range(3 if project.secrets[name].state is SecretState.ENABLED else 0):
                    add_version(project, name, EPOCH_S)
        self.played.done.append("new versions of all secrets")

    # The end of a campaign.

    def _end(self) -> None:
        self._calm = self._watched.plan.calm = True
        self._sandbox.exchange.service.terms = Terms()
        # Whatever is late lands before anything is held to be calm.
        self._sandbox.exchange.settle(float("inf"))
        for run in self._runs:
            for _ in range(3 * (3 if run.asked and run.asked[0].wave else 1)):
                if run.code is None or run.left:
                    self._go_on(run, failed=True)
            self._settled(run)
        moving = (self._plan_keys, self._run_plan, self._verify, self._retire, self._renew, self._retire)
        for step in (*moving, self._roll_back, self._verify, self._retire):
            step()
            if self.played.wrong:
                return
        for run in self._runs:
            self._judge(run)

    def _settled(self, run: Run) -> None:
        """Nothing is left of it, and it sends and writes nothing more."""
        if run.code is None or run.left:
            self._wrong([f"I2: {run.name} has rows left after calm fresh starts: {run.code}"])
            return
        folder = self._folder / run.name
        before = _files(folder)
        ended = self._command(("resume", str(folder)), kills=False)
        if len(ended.numbers) or _files(folder) != before:
            changed = sorted(dict(set(before.items()) ^ set(_files(folder).items())))
            self._wrong([f"I18: {run.name} was over, and sent {len(ended.numbers)} requests and wrote {changed}"])

    # How commands are started and started again.

    def _go_on(self, run: Run, *, start: bool = False, failed: bool = False) -> None:
        """One more session, and others where it was killed; some runs stay as they were left."""
        for tries in range(_SURE):
            folder = self._folder / run.name
            by_hand = not start and (folder / "ledger.db").exists()
            argv = ("resume", str(folder)) if by_hand else ("run", *run.source, f"--run-dir={folder}")
            if by_hand:
                run.by_hand_from = min(run.by_hand_from, self._sandbox.journal.arrived_count)
            if by_hand and failed:
                argv = (*argv, "--failed")
                run.fresh_starts += 1
                run.tape.append(Reopened(arrived=self._sandbox.journal.arrived_count))
            ended = self._command((*argv, "--progress=off"), tape=run.tape, kills=tries < _SURE - 1)
            run.numbers.append(ended.numbers)
            run.interruptions += ended.code not in {0, 1}
            if ended.blind:
                self._wrong([f"I13: {ended.blind} requests left after a commit had failed"])
            if ended.code in {*_FINE, 143}:
                run.code = ended.code
                self._judge(run)
                return
            if ended.code == 2:
                # A manifest with no usable row at all is refused.
                usable = any(one.usable and one.selected for one in run.asked)
                self._wrong([f"{argv[0]} ended with 2: {ended.err}"] if usable else [])
                self._runs.remove(run)
                return
            start = False

    def _look(self, argv: tuple[str, ...], out: Path, kind: str) -> tuple[Look, int | None]:
        """A command that only looks, started again with the same words until it has come to its end; the exit code that
        its result has, or None where there is none.
        """
        numbers: list[range] = []
        changes, code = len(self._others.changes), None
        for tries in range(_SURE):
            ended = self._command(argv, kills=tries < _SURE - 1)
            numbers.append(ended.numbers)
            code = self._result(ended, out, kind)
            if code in {0, 1} or ended.code == 2 or (code == 3 and (self._calm or self._rng.random() < 0.5)):
                break
        look = Look(
            folder=out,
            watched=self._watched,
            records=self._records_of(numbers),
            calm=self._calm and changes == len(self._others.changes),
        )
        return look, code

    def _result(self, ended: Ended, out: Path, kind: str) -> int | None:
        """The exit code of a result that is there, with all its files."""
        if any(words in ended.err for words in _NOTHING_TO_ASK):
            return None
        there = (out / f"{kind}.json").is_file()
        if ended.code == 2 and not there:
            self._wrong([f"{kind} ended with 2: {ended.err}"])
        if ended.code not in {*_FINE, 2} or not there:
            return None
        missing = [name for name in (f"{kind}.html", "SHA256SUMS") if not (out / name).is_file()]
        self._wrong([f"{kind} is over without {missing}"] if missing else [])
        code: int = json.loads((out / f"{kind}.json").read_bytes())["exit_code"]
        if ended.code not in {code, 2}:
            self._wrong([f"{kind} ended with {ended.code}, and says {code}"])
        return code

    def _command(self, argv: tuple[str, ...], *, tape: list[Commit | Reopened] | None = None, kills: bool) -> Ended:
        rng = self._rng
        crash = _crash(rng) if kills and not self._calm and rng.random() < 0.5 else None
        within_s = rng.choice((0.3, 1.0, 4.0))
        deeds = [
            (rng.uniform(0.0, within_s), rng.choice(CHANGES), rng.randrange(50))
            for _ in range(0 if self._calm else rng.choice((0, 0, 1, 3)))
        ]
        stops = [rng.uniform(0.0, within_s)] if not self._calm and rng.random() < 0.1 else []

        def meanwhile(clock: Callable[[], float]) -> None:
            loop = asyncio.get_running_loop()
            self._others.clock = clock
            for after_s, what, at in deeds:
                loop.call_later(after_s, self._others.do, what, at)
            for after_s in stops:
                loop.call_later(after_s, PROCESS_SIGNALS.take, signal.SIGTERM)

        ended = self._machine.run(
            Command(
                argv=argv,
                seed=rng.getrandbits(32),
                crash=crash,
                meanwhile=meanwhile,
                tape=[] if tape is None else tape,
                timeout_s=self._limits.timeout_s,
                gap_s=self._limits.gap_s,
            )
        )
        self._others.clock = lambda: self._sandbox.exchange.last_s
        self.played.commands += 1
        self.played.crashes += ended.code is None
        words = self._short(" ".join(argv))
        self.played.done.append(f"{words} -> {ended.code} {ended.numbers} {crash or ''} {deeds or ''} {stops or ''}")
        broken = crash is not None and crash.moment == FAILS
        self.played.done += [f"    {self._short(ended.err)}"] if ended.code == 2 else []
        fine = {*_FINE, 2, None, *((74,) if broken else ()), *((143,) if stops else ())}
        if ended.code not in fine:
            self._wrong([f"{argv[0]} ended with {ended.code}: {ended.err}"])
        return ended

    # Judging.

    def _judge(self, run: Run) -> None:
        """Everything about one run, with what else has happened since it began as the doing of others."""
        folder = self._folder / run.name
        run.claims = outcomes_in(folder)
        records = self._records_of(run.numbers)
        changes = tuple(self._changes_beside(run, {one.n for one in records}))
        case = Case(
            asked=run.asked,
            claims=run.claims,
            again=again_in(folder, (folder / "manifest.csv").read_bytes()),
            records=records,
            before=run.before,
            changes=changes,
            others=frozenset(one.place for one in changes),
            bounds=Bounds(
                per_s=self._limits.per_s,
                burst=self._limits.burst,
                concurrency=self._limits.concurrency,
                max_attempts=self._limits.max_attempts,
                lands_within_s=max(self._limits.timeout_s, LATE_UPDATE_S) - 0.001,
                interruptions=run.interruptions,
                fresh_starts=run.fresh_starts,
            ),
            tape=tuple(run.tape),
            exit_code=None if run.carried else run.code,
            ended_as=_ENDED_AS.get(run.code or 0, "finished"),
            by_hand_from=run.by_hand_from,
        )
        self._wrong(f"{run.name}: {one}" for one in violations(case))
        if run.calm is not None:
            self._wrong(f"{run.name}: {one}" for one in calmly(run.asked, run.claims, run.calm))
        if run.carried and run.code == 0:
            self._wrong([f"I17: {run.name} carries rows that its plan could not do, and ended with 0"])

    def _changes_beside(self, run: Run, own: set[int]) -> Iterator[Change]:
        yield from (one for one in self._others.changes if one.at_s >= run.begun_s)
        for one in self._records:
            if one.applied and one.n not in own and one.method == "PUT":
                at_s = one.at_s if one.landed_s is None else one.landed_s
                if at_s >= run.begun_s:
                    yield Change(at_s=at_s, place=(one.project_id or "", one.secret_name or ""), key=one.kms_key_id)

    def _short(self, text: str) -> str:
        return text.replace(str(self._folder), "").strip()

    def _wrong(self, found: Iterator[str] | Sequence[str]) -> None:
        self.played.wrong += found

    # What is drawn.

    def _new(self, kind: str) -> Path:
        self._count += 1
        return self._folder / f"{self._count}-{kind}"

    def _one_that_is_over(self) -> Run | None:
        over = [one for one in self._runs if one.code is not None]
        return self._rng.choice(over) if over else None

    def _some_projects(self) -> list[Project]:
        return self._rng.sample(self._projects, self._rng.randrange(1, len(self._projects) + 1))

    def _places(self) -> tuple[str, ...]:
        places = self._projects if self._calm else self._some_projects()
        return (f"--endpoint={ENDPOINT}", *(f"--project-id={one.id}" for one in places))

    def _manifest(self) -> tuple[Path, tuple[Asked, ...]]:
        asked = tuple(self._rows())
        path = self._new("rows").with_suffix(".csv")
        lines = [
            f"{one.secret_name},{one.kms_key_id},{one.project_id},{one.expected_kms_key_id or ''},{one.wave},{one.row}"
            for one in asked
        ]
        header = "secret_name,kms_key_id,project_id,expected_kms_key_id,wave,note"
        path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
        return path, asked

    def _rows(self) -> Iterator[Asked]:
        rng = self._rng
        places = [(project, name) for project in self._projects for name in sorted(project.secrets)]
        chosen = rng.sample(places, rng.randrange(1, len(places) + 1)) if places else []
        # Some twice: as twins, or as rows that contradict each other.
        chosen += rng.sample(chosen, min(len(chosen), rng.choice((0, 0, 2))))
        for row, (project, name) in enumerate(chosen or [(self._projects[0], "nowhere-0")], 1):
            keys = project.key_ids
            odd = rng.random()
            yield Asked(
                row=row,
                project_id=project.id,
                secret_name="a b" if odd < 0.03 else f"nowhere-{row}" if odd < 0.07 else name,
                kms_key_id=keys.disabled if rng.random() < 0.05 else keys.default if rng.random() < 0.2 else keys.new,
                expected_kms_key_id=rng.choice((None, None, None, keys.old, keys.default)),
                usable=odd >= 0.03,
                wave=f"{row % 3}",
            )


class _Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is allowed in one campaign."""

    rate: str
    per_s: float
    burst: int
    concurrency: int
    max_attempts: int = 3
    timeout_s: float = 10.0

    @classmethod
    def drawn(cls, rng: Random) -> "_Limits":
        per_s = rng.choice((5.0, 20.0, 100.0))
        return cls(rate=f"{per_s:g}/s", per_s=per_s, burst=rng.choice((1, 3)), concurrency=rng.choice((1, 4, 32)))

    @property
    def gap_s(self) -> float:
        """Two sessions each have their own burst: a process takes this long to start."""
        return 0.5 + (1 + self.burst) / self.per_s

    @property
    def look(self) -> tuple[str, ...]:
        return (
            f"--rate={self.rate}",
            f"--burst={self.burst}",
            f"--concurrency={self.concurrency}",
            f"--timeout={self.timeout_s:g}s",
        )

    @property
    def run(self) -> tuple[str, ...]:
        return (*self.look, f"--max-attempts={self.max_attempts}")


def _script(rng: Random) -> Watched:
    outages = [
        Down(rng.choice(("write", "read", "both")), rng.uniform(0, 60), rng.uniform(1, 60), rng.choice(OUTAGE_FAULTS))
        for _ in range(rng.choice((0, 0, 1, 2)))
    ]
    weather = Weather(
        blames=rng.choice((0.0, 0.0, 0.03)),
        errors=rng.choice((0.0, 0.1, 0.3)),
        throttles=rng.choice((0.0, 0.02, 0.1)),
        unread=rng.choice((0.0, 0.1, 0.3)),
        until_s=rng.choice((60.0, 1e9)),
        seed=rng.getrandbits(32),
    )
    calm = rng.random() < 0.25
    return Watched(
        plan=Plan({}, [] if calm else outages, timeout_s=10.0), weather=None if calm else weather.script(10.0)
    )


def _service(rng: Random, seed: int, watched: Watched) -> Sandbox:
    world = build_world(seed=seed, secrets=rng.choice((1, 5, 10, 20, 30)), projects=rng.choice((1, 1, 2, 3)))
    kinds = rng.sample(("hidden", "staged", "pending-delete", "frozen", "rotating", "disabled"), rng.choice((0, 1, 3)))
    vary(world, [(kind, 0.15) for kind in kinds], rng)
    for project in world.projects.values():
        project.most_versions = rng.choice((2, 3, 20))
        for name in project.names:
            key = rng.choice((project.key_ids.old, project.key_ids.old, project.key_ids.old, project.key_ids.new))
            project.put(msgspec.structs.replace(project.secrets[name], kms_key_id=key))
    markers = rng.choice(list(Markers))
    # With the last item in every page, a page of one never moves on; and where pages do not say where they stand,
    # nothing tells one whose secrets are all hidden from the end.
    least = {Markers.INCLUSIVE: 2, Markers.NONE: 1_000}.get(markers, 1)
    lists = ListStyle(markers=markers, page_size=rng.choice((least, max(least, 3), max(least, 5), 1_000)))
    return build_sandbox(world, seed=seed, epoch_s=EPOCH_S, lists=lists, faults=watched)


def _crash(rng: Random) -> CrashPoint:
    moment = rng.choice((*MOMENTS, *FILES, *FILES, FAILS))
    return CrashPoint(moment, rng.randrange(1, 8 if moment in FILES else rng.choice((4, 10, 30))))


def _asked_by_plan(out: Path) -> tuple[Asked, ...]:
    """Its rows as their run has them."""
    return tuple(
        Asked(
            row=int(row["row"]),
            project_id=row["project_id"],
            secret_name=row["secret_name"],
            kms_key_id=row["kms_key_id"],
            expected_kms_key_id=row["current_kms_key_id"] or None,
            selected=row["action"] in {"change", "unchanged"},
        )
        for row in table(out / "preview.csv")
        if row["row"]
    )


def _asked_by_way_back(back: Path) -> tuple[Asked, ...]:
    return tuple(
        Asked(
            row=number,
            project_id=row["project_id"],
            secret_name=row["secret_name"],
            kms_key_id=row["kms_key_id"],
            expected_kms_key_id=row["expected_kms_key_id"],
        )
        for number, row in enumerate(table(back), 1)
    )


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        one.name: (one.stat().st_mtime_ns, one.stat().st_size) for one in folder.iterdir() if one.name != "run.lock"
    }
