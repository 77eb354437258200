"""One simulated job as a value: manifest, faults, limits, when the process dies. Its repr is all a replay needs."""

import asyncio
import shutil
from enum import StrEnum
from pathlib import Path

import msgspec

from batch.engine.session import Session
from batch.sandbox.assembly import Sandbox, build_sandbox
from batch.sandbox.lists import ListStyle, Markers
from batch.sandbox.quota import ProjectQuota, Rival, parse_rate
from batch.sandbox.terms import Terms
from batch.sandbox.world import Project, build_world
from jobs.model import Group
from jobs.rate import Rate
from jobs.spec import Before, Limits
from tests.engine.crash import FAILS, CrashPoint
from tests.engine.machine import Job, load_job, run_job
from tests.engine.places import room
from tests.engine.plans import Down, Plan, Weather, fault
from tests.engine.rows import EPOCH_S
from tests.kit.records import records_of
from tests.oracle import Asked, violations


class Kind(StrEnum):
    """What a row asks for."""

    PLAIN = "plain"
    DESCRIBED = "described"
    EXPECTS_OLD = "expects old"
    EXPECTS_OTHER = "expects other"
    BAD_KEY = "bad key"
    MISSING = "missing"
    UNUSABLE = "unusable"


class Row(msgspec.Struct, frozen=True):
    """A row about the `secret`-th secret of the `project`-th project."""

    project: int
    secret: int
    kind: Kind


class Planned(msgspec.Struct, frozen=True):
    """The `nth` write or read of a secret meets a fault."""

    project: int
    secret: int
    access: str
    nth: int
    fault: str


class Stop(msgspec.Struct, frozen=True):
    """A session is asked to stop, and after that perhaps to break off what is in flight."""

    after_s: float
    cancel: bool


class Pause(msgspec.Struct, frozen=True):
    """Each session is paused for a while."""

    after_s: float
    length_s: float


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """`deaths` end the first sessions, one each; then comes one that lives, then a fresh start in a calm world."""

    rows: tuple[Row, ...]
    left_out: tuple[int, ...] = ()
    """The secrets that the job does not select, in whatever project."""
    faults: tuple[Planned, ...] = ()
    outages: tuple[Down, ...] = ()
    weather: Weather | None = None
    herd: int = 0
    """So many rows more, each about another secret in the first project; every third expects the old key."""
    rate: str = "20/s"
    burst: int = 1
    concurrency: int = 4
    max_attempts: int = 3
    timeout_s: float = 10.0
    quota: str | None = None
    rival: float = 0.0
    """What another client takes of the quota, as a share of it."""
    stubborn: int = 0
    """Every so many-th row of the herd meets a 504 at each write; none at 0."""
    deaths: tuple[CrashPoint, ...] = ()
    stop: Stop | None = None
    pause: Pause | None = None
    lists: bool = False
    """Whether keys before are looked up."""
    page_size: int = 1_000
    markers: Markers = Markers.EXCLUSIVE
    hidden: tuple[int, ...] = ()
    """The secrets that no list shows."""
    waves: int = 0
    """Rows belong to so many waves in turn, of the herd as well. The deaths and the stop are met by a
    scheduler, and a person continues.
    """
    seed: int = 1


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What one simulated job came to: what is wrong, and some figures."""

    wrong: tuple[str, ...]
    sessions: int
    crashes: int
    requests: int
    faults: int
    outcomes: tuple[tuple[int, str, int], ...]


PROJECTS, SECRETS = 2, 8
"""A scenario's world: so many projects with so many secrets each."""


def play(scenario: Scenario) -> Played:
    """Plays it through, and holds every session's claims against what the service saw."""
    folder = room()
    try:
        return _play(scenario, folder)
    finally:
        shutil.rmtree(folder)


def limits_of(scenario: Scenario) -> Limits:
    return Limits(
        rate=Rate.parse(scenario.rate),
        burst=scenario.burst,
        concurrency=scenario.concurrency,
        max_attempts=scenario.max_attempts,
        timeout_s=scenario.timeout_s,
    )


def _play(scenario: Scenario, folder: Path) -> Played:
    world = build_world(seed=7, secrets=PROJECTS * (SECRETS + scenario.herd), projects=PROJECTS)
    projects = list(world.projects.values())
    planned = {
        (one.access, projects[one.project].names[one.secret], one.nth): fault(one.fault, scenario.timeout_s)
        for one in scenario.faults
    }
    if scenario.stubborn:
        always = fault("504", scenario.timeout_s)
        stubborn = range(SECRETS, SECRETS + scenario.herd, scenario.stubborn)
        planned |= {("write", projects[0].names[place], 0): always for place in stubborn}
    plan = Plan(
        planned,
        scenario.outages,
        weather=scenario.weather,
        timeout_s=scenario.timeout_s,
    )
    quota = _quota(scenario)
    style = ListStyle(page_size=scenario.page_size, markers=scenario.markers)
    sandbox = build_sandbox(world, seed=7, epoch_s=EPOCH_S, faults=plan, quota=quota, lists=style)
    herd = (Row(0, SECRETS + n, Kind.PLAIN if n % 3 else Kind.EXPECTS_OLD) for n in range(scenario.herd))
    rows = enumerate((*scenario.rows, *herd), 1)
    asked = [_asked(number, row, projects[row.project], scenario) for number, row in rows]
    job = load_job(folder / "run", sandbox, asked)
    job.lists = Before.LIST if scenario.lists else Before.OFF
    for project in projects:
        shown = [name for at, name in enumerate(project.names) if at not in scenario.hidden]
        project.names[:] = shown
    return _Player(scenario, job, sandbox, plan).play()


def _quota(scenario: Scenario) -> ProjectQuota | None:
    if not scenario.quota:
        return None
    rate = parse_rate(scenario.quota)
    rival = Rival(per_s=scenario.rival * rate.limit / rate.window_s) if scenario.rival else None
    return ProjectQuota(rate, rival=rival)


class _Player:
    def __init__(self, scenario: Scenario, job: Job, sandbox: Sandbox, plan: Plan) -> None:
        self._scenario = scenario
        self._limits = limits_of(scenario)
        self._job = job
        self._sandbox = sandbox
        self._plan = plan
        self._sessions = 0
        self._wrong: list[str] = []
        # Two sessions each have their own burst: a process takes this long to start.
        per_s = self._limits.rate.per_s
        self._gap_s = 0.5 + self._limits.burst / per_s

    def play(self) -> Played:
        for death in self._scenario.deaths:
            self._session(crash=death)
        self._session(stop=self._scenario.stop)
        self._check("after the last session with faults")
        outcomes = tuple((claim.row, claim.status.value, claim.attempts) for claim in self._job.claims())
        self._plan.calm = True
        self._sandbox.exchange.service.terms = Terms()
        self._job.outside = {"by_hand": True}
        # Each wave that is not done stops a person once more.
        for _ in range(3 * max(1, self._scenario.waves)):
            self._session(also_failed=True)
        self._check("after a fresh start in a calm world")
        if self._job.sent_blindly:
            self._wrong.append(f"I13: {self._job.sent_blindly} requests left after a commit had failed")
        told = zip(self._job.asked, self._job.claims(), strict=True)
        left = [claim for asked, claim in told if asked.selected and claim.status.group is Group.RUN_AGAIN]
        self._wrong += [f"I2 row {claim.row}: still {claim.status} after a calm fresh start" for claim in left]
        seen = self._sandbox.journal.arrived_count
        self._session()
        if self._sandbox.journal.arrived_count != seen and not left:
            self._wrong.append(f"I18: a finished job sent {self._sandbox.journal.arrived_count - seen} requests")
        return Played(
            wrong=tuple(self._wrong),
            sessions=self._sessions,
            crashes=self._job.crashes,
            requests=seen,
            faults=sum(record.fault is not None for record in records_of(self._sandbox.journal)),
            outcomes=outcomes,
        )

    def _session(self, *, crash: CrashPoint | None = None, stop: Stop | None = None, also_failed: bool = False) -> None:
        self._sessions += 1
        end = run_job(
            self._job,
            self._limits,
            seed=self._scenario.seed + self._sessions,
            crash=crash,
            gap_s=self._gap_s,
            also_failed=also_failed,
            meanwhile=lambda session: self._meanwhile(session, stop),
        )
        broken = crash is not None and crash.moment == FAILS
        if end is not None and (end.defect or (not broken and (end.broken or end.unrecorded))):
            self._wrong.append(f"session {self._sessions}: {end}")

    def _meanwhile(self, session: Session, stop: Stop | None) -> None:
        if stop is not None:
            _stop(session, stop)
        if (pause := self._scenario.pause) is None:
            return
        loop, controls, seen = asyncio.get_running_loop(), session.controls, list[int]()

        def proceed() -> None:
            if self._sandbox.journal.arrived_count != seen[0]:
                self._wrong.append(f"{self._sandbox.journal.arrived_count - seen[0]} requests left in a pause")
            controls.obey(self._limits.rate, paused=False)

        loop.call_later(pause.after_s, lambda: controls.obey(self._limits.rate, paused=True))
        # What left just before it is on its way for a hundredth of a second.
        loop.call_later(pause.after_s + 0.02, lambda: seen.append(self._sandbox.journal.arrived_count))
        loop.call_later(pause.after_s + 0.02 + pause.length_s, proceed)

    def _check(self, when: str) -> None:
        self._wrong += [f"{when}: {violation}" for violation in violations(self._job.case(self._limits))]


def _stop(session: Session, stop: Stop) -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(stop.after_s, session.stop, "told to")
    if stop.cancel:
        loop.call_later(stop.after_s + 0.02, session.cancel)


def _asked(number: int, row: Row, project: Project, scenario: Scenario) -> Asked:
    keys = project.key_ids
    expected = {Kind.EXPECTS_OLD: keys.old, Kind.EXPECTS_OTHER: keys.default}
    return Asked(
        row=number,
        project_id=project.id,
        secret_name=f"nowhere-{row.secret}" if row.kind is Kind.MISSING else project.names[row.secret],
        kms_key_id=keys.disabled if row.kind is Kind.BAD_KEY else keys.new,
        description="described" if row.kind is Kind.DESCRIBED else None,
        expected_kms_key_id=expected.get(row.kind),
        usable=row.kind is not Kind.UNUSABLE,
        selected=row.secret not in scenario.left_out,
        wave=f"{number % scenario.waves}" if scenario.waves else None,
    )
