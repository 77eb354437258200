"""A whole job in virtual time: a ledger on disk, a model service, sessions one after another, some of them killed."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from batch.csms.auth import Login, Masked, TokenCredential
from batch.csms.client import same_key
from batch.engine.outside import Outside, SessionEnd
from batch.engine.session import Session
from batch.process.clock import Clock
from batch.redaction.redactor import Redactor
from batch.sandbox.assembly import Sandbox
from batch.sandbox.model import Version
from jobs.ledger import Intent, KeysBefore, Ledger, ListedKey, Loader, OpenRow, Parked, Seen, SessionStart
from jobs.ledger.sessions import LATE_UPDATE_S
from jobs.manifest.loading import MOST_WAVES
from jobs.model import Group, InvalidRow, Outcome, PlannedRow, Scope, SecretUpdate, Status
from jobs.spec import Before, Limits
from tests.engine.crash import Crash, CrashPoint, Fuse, snapshot
from tests.engine.network import Line, Network
from tests.kit.records import records_of
from tests.oracle import Asked, Bounds, Case, Claim, Commit, Reopened, claims_of
from tests.virtual import VirtualLoop

ENDPOINT = "https://csms.example"
UTC_S = 1_800_000_000.0


class TapedKeys(KeysBefore):
    """Its part that takes lists, in which the same can happen."""

    fuse: Fuse

    def note(self, scope_id: int, page: Sequence[ListedKey]) -> list[tuple[OpenRow, ListedKey]]:
        self.fuse.at("before commit")
        shown = super().note(scope_id, page)
        self.fuse.at("after commit")
        return shown


class TapedLedger(Ledger):
    """A ledger that says what it took and when, in which a process can end and a disk can break."""

    def __init__(self, folder: Path, fuse: Fuse, arrived: Callable[[], int], tape: list[Commit | Reopened]) -> None:
        super().__init__(folder)
        # A process that dies loses nothing in any mode of SQLite; only power does.
        self._connection.execute("PRAGMA synchronous=OFF")
        self._fuse = fuse
        self.keys_before = TapedKeys(self._transaction, self._transaction)
        self.keys_before.fuse = fuse
        self._arrived = arrived
        self._tape = tape

    def commit(
        self,
        *,
        intents: Sequence[Intent] = (),
        outcomes: Sequence[Outcome] = (),
        parked: Sequence[Parked] = (),
        seen: Sequence[Seen] = (),
    ) -> None:
        self._fuse.at("before commit")
        super().commit(intents=intents, outcomes=outcomes, parked=parked, seen=seen)
        if intents or outcomes or parked:
            self._tape.append(
                Commit(
                    arrived=self._arrived(),
                    intents=tuple((one.row, one.attempts) for one in intents),
                    put_aside=tuple((one.row, one.attempts) for one in parked),
                    ended=tuple((one.row, one.status) for one in outcomes),
                )
            )
        self._fuse.at("after commit")


@dataclass(slots=True, kw_only=True)
class Job:
    """One manifest against one sandbox, and everything that happened so far. `folder` is where its ledger is now;
    `login` None takes the sandbox's token, and `lists` says whether keys before are looked up.
    """

    folder: Path
    sandbox: Sandbox
    asked: tuple[Asked, ...]
    before: Mapping[tuple[str, str], str]
    login: Login | None = None
    lists: Before = Before.OFF
    tape: list[Commit | Reopened] = field(default_factory=list)
    crashes: int = 0
    stops: int = 0
    fresh_starts: int = 0
    sent_blindly: int = 0
    ended_as: str = "finished"
    outside: Mapping[str, Any] = field(default_factory=dict)
    by_hand_from: float = float("inf")

    def claims(self) -> tuple[Claim, ...]:
        with Ledger(self.folder) as ledger:
            return claims_of(ledger.told.rows())

    def statuses(self) -> list[Status]:
        return [claim.status for claim in self.claims()]

    def case(self, limits: Limits) -> Case:
        """Everything about the job, for the oracle, once all that can land has landed."""
        self.sandbox.exchange.settle(float("inf"))
        with Ledger(self.folder) as ledger:
            claims = claims_of(ledger.told.rows())
            again = tuple(row.outcome.row for row in ledger.told.rows_of(Group.RUN_AGAIN))
        return Case(
            asked=self.asked,
            claims=claims,
            again=again,
            records=records_of(self.sandbox.journal),
            before=self.before,
            after=keys_of(self.sandbox),
            bounds=Bounds(
                per_s=limits.rate.per_s,
                burst=limits.burst,
                concurrency=limits.concurrency,
                max_attempts=limits.max_attempts,
                lands_within_s=max(limits.timeout_s, LATE_UPDATE_S) - 0.001,
                interruptions=self.crashes + self.stops,
                fresh_starts=self.fresh_starts,
            ),
            tape=tuple(self.tape),
            ended_as=self.ended_as,
            by_hand_from=self.by_hand_from,
        )


def keys_of(sandbox: Sandbox) -> dict[tuple[str, str], str]:
    """The key every secret shows now."""
    return {
        (project.id, name): secret.kms_key_id
        for project in sandbox.world.projects.values()
        for name, secret in project.secrets.items()
    }


def versions_of(sandbox: Sandbox) -> dict[tuple[str, str], tuple[Version, ...]]:
    """The versions that every secret has now, oldest first."""
    return {
        (project.id, name): project.versions.get(name, ())
        for project in sandbox.world.projects.values()
        for name in project.secrets
    }


def still_on(sandbox: Sandbox, key_id: str) -> frozenset[tuple[str, str]]:
    """The secrets that need this key now: they point at it, or a version of theirs was made with it."""
    pointing = {place for place, key in keys_of(sandbox).items() if same_key(key, key_id)}
    encrypted = {
        place
        for place, versions in versions_of(sandbox).items()
        if any(same_key(one.kms_key_id, key_id) for one in versions)
    }
    return frozenset(pointing | encrypted)


def load_job(folder: Path, sandbox: Sandbox, asked: Sequence[Asked]) -> Job:
    """Writes the rows into a new ledger."""
    folder.mkdir(parents=True)
    loader = Loader(folder)
    loader.add(_row(one) for one in asked)
    list(loader.settle_repeats())
    loader.settle_waves(MOST_WAVES)
    loader.finish(())
    return Job(folder=folder, sandbox=sandbox, asked=tuple(asked), before=keys_of(sandbox))


def _row(one: Asked) -> PlannedRow | InvalidRow:
    if not one.usable:
        return InvalidRow(
            row=one.row,
            secret_name=one.secret_name,
            kms_key_id=one.kms_key_id,
            region="",
            project_id=one.project_id,
            column="secret_name",
            reason="unusable",
            selected=one.selected,
            wave=one.wave,
        )
    update = SecretUpdate(
        secret_name=one.secret_name,
        kms_key_id=one.kms_key_id,
        description=one.description,
        expected_kms_key_id=one.expected_kms_key_id,
    )
    scope = Scope(endpoint=ENDPOINT, project_id=one.project_id)
    return PlannedRow(row=one.row, scope=scope, update=update, selected=one.selected, wave=one.wave)


def run_job(
    job: Job,
    limits: Limits,
    *,
    seed: int = 1,
    also_failed: bool = False,
    crash: CrashPoint | None = None,
    gap_s: float = 1.0,
    line: Mapping[str, Any] | None = None,
    meanwhile: Callable[[Session], None] | None = None,
) -> SessionEnd | None:
    """One session over whatever is open, `gap_s` after the last thing the service saw; None if it was killed.

    `line` changes fields of `Line`; `meanwhile` gets the session before it runs, to arrange for stops.
    """
    fuse = Fuse(crash)
    loop = VirtualLoop()
    exchange = job.sandbox.exchange
    described = Line(timeout_s=limits.timeout_s, rng=Random(seed), watch=fuse.at, **(line or {}))
    network = Network(exchange, described, start_s=exchange.last_s + gap_s, loop_s=loop.time())
    ledger = TapedLedger(job.folder, fuse, lambda: job.sandbox.journal.arrived_count, job.tape)
    wreck = job.folder.with_name(f"{job.folder.name}x")
    fuse.on_blow = lambda: snapshot(job.folder, wreck)
    world = Random(seed)

    async def session() -> SessionEnd:
        one = session_of(job, limits, ledger=ledger, network=network, rng=world)
        if meanwhile is not None:
            meanwhile(one)
        return await one.run()

    try:
        if job.outside.get("by_hand"):
            job.by_hand_from = min(job.by_hand_from, job.sandbox.journal.arrived_count)
        ledger.begin_session(SessionStart(started_at=UTC_S, timeout_s=limits.timeout_s, also_failed=also_failed))
        if also_failed:
            job.fresh_starts += 1
            job.tape.append(Reopened(arrived=job.sandbox.journal.arrived_count))
        end = loop.run_until_complete(session())
        job.ended_as = "stopped" if end.stopped else "finished"
        job.stops += end.stopped is not None
        job.sent_blindly += fuse.sent_after_failure
        if end.broken is not None:
            return end
        ledger.end_session(ended_at=UTC_S, exit_code=0, stopped=end.stopped)
    except Crash:
        network.die(loop.time(), world)
        bury(loop)
        job.folder = wreck
        job.crashes += 1
        return None
    finally:
        ledger.close()
        loop.close()
    return end


def session_of(
    job: Job,
    limits: Limits,
    *,
    ledger: Ledger,
    network: Network,
    rng: Random,
) -> Session:
    """A session of a job in the loop that runs."""
    login = job.login or TokenCredential(Masked(job.sandbox.token))
    redactor = Redactor()
    redactor.watch(login.secrets)
    outside = Outside(
        wire=network.wire,
        login=login,
        clock=Clock(asyncio.get_running_loop(), utc_s=UTC_S + network.now_s()),
        rng=rng,
        user_agent="simulation",
        clean=redactor.clean,
        **job.outside,
    )
    return Session(ledger, limits, outside, job.lists)


def bury(loop: asyncio.AbstractEventLoop) -> None:
    """Ends what is left of a dead process, so that Python does not complain about it; what that does is not seen."""
    loop.set_exception_handler(lambda *_: None)
    for _ in range(50):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        with contextlib.suppress(Crash, RuntimeError):
            loop.run_until_complete(asyncio.wait(tasks))
