"""Sessions of looking in virtual time, over a model service: some stopped, some killed, some asked at a bad moment."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from batch.csms.auth import Login, Masked, TokenCredential
from batch.flow.outside import Reached
from batch.inventory.errands import Errand, ListSecrets, ReadSecrets, ReadVersions
from batch.inventory.looking import Looked, Looking
from batch.process.clock import Clock
from batch.redaction.redactor import Redactor
from batch.sandbox.assembly import Sandbox
from jobs.model import Scope
from jobs.rate import Rate
from jobs.sightings import Sightings
from jobs.spec import Limits
from tests.engine.crash import Crash, CrashPoint, Fuse, snapshot
from tests.engine.machine import ENDPOINT, UTC_S, bury
from tests.engine.network import Line, Network
from tests.kit.records import Record, records_of
from tests.virtual import VirtualLoop


def places(sandbox: Sandbox) -> tuple[Scope, ...]:
    return tuple(Scope(endpoint=ENDPOINT, project_id=one) for one in sandbox.world.projects)


def everything(sandbox: Sandbox) -> list[Errand]:
    """Each project's list, what is wanted and not shown, and all versions."""
    return [
        errand
        for one in places(sandbox)
        for errand in (ListSecrets(project=one), ReadSecrets(project=one), ReadVersions(project=one))
    ]


class TapedSightings(Sightings):
    """Sightings in which a process can end and a disk can break."""

    fuse: Fuse
    commits = 0

    def unsynced(self) -> None:
        self._connection.execute("PRAGMA synchronous=OFF")

    def _commit(self) -> None:
        self.fuse.at("before commit")
        super()._commit()
        self.commits += 1
        self.fuse.at("after commit")


@dataclass(slots=True, kw_only=True)
class Looks:
    """One output folder, and one session after another that fills it."""

    folder: Path
    sandbox: Sandbox
    login: Login | None = None
    limits: Limits = field(default_factory=lambda: Limits(rate=Rate(20.0), timeout_s=10.0))
    commits: int = 0

    @property
    def records(self) -> tuple[Record, ...]:
        return records_of(self.sandbox.journal)

    def session(
        self,
        errands: Sequence[Errand],
        *,
        crash: CrashPoint | None = None,
        seed: int = 1,
        meanwhile: Callable[[Looking], None] = lambda _: None,
        **line: Any,
    ) -> Looked | None:
        """One session; None where it was killed, and the next one finds what that has left on the disk."""
        fuse, loop = Fuse(crash), VirtualLoop()
        exchange = self.sandbox.exchange
        described = Line(timeout_s=self.limits.timeout_s, rng=Random(seed), watch=fuse.at, **line)
        network = Network(exchange, described, start_s=exchange.last_s + 1.0, loop_s=loop.time())
        wreck = self.folder.with_name(f"{self.folder.name}x")
        fuse.on_blow = lambda: snapshot(self.folder, wreck)
        self.folder.mkdir(exist_ok=True)

        async def session(sightings: Sightings) -> Looked:
            sightings.begin()
            looking = Looking(sightings, self.limits, self._outside(network, seed))
            meanwhile(looking)
            return await looking.run(errands)

        sightings = TapedSightings(self.folder)
        sightings.fuse = fuse
        # A process that dies loses nothing in any mode of SQLite; only power does.
        sightings.unsynced()
        try:
            return loop.run_until_complete(session(sightings))
        except Crash:
            network.die(loop.time(), Random(seed))
            bury(loop)
            self.folder = wreck
            return None
        finally:
            self.commits += sightings.commits
            sightings.fuse = Fuse(None)
            sightings.close()
            loop.close()

    def _outside(self, network: Network, seed: int) -> Reached:
        login = self.login or TokenCredential(Masked(self.sandbox.token))
        redactor = Redactor()
        redactor.watch(login.secrets)
        return Reached(
            wire=network.wire,
            login=login,
            clock=Clock(asyncio.get_running_loop(), utc_s=UTC_S + network.now_s()),
            rng=Random(seed),
            user_agent="simulation",
            clean=redactor.clean,
        )
