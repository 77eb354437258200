"""Runs errands over any number of projects side by side: what every command that only looks is made of."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from random import Random

import msgspec
import structlog

from batch.csms.client import CsmsClient
from batch.csms.keys_and_versions import KeysAndVersions
from batch.csms.messages import Wire
from batch.flow.admission import Admission
from batch.flow.outside import Reached
from batch.flow.slots import ScopeSlots, Slots, Turns
from batch.flow.switch import Switch
from batch.inventory.doing import Doing
from batch.inventory.errands import Errand
from batch.inventory.project import ProjectState, Troubled, troubled
from batch.inventory.questions import Questions, Surroundings
from jobs.ledger import LedgerError
from jobs.model import Scope
from jobs.rate import Rate
from jobs.sightings import Sightings
from jobs.spec import Limits

_log = structlog.get_logger()
_FLUSH_AFTER_S = 0.05
"""What is shown of one secret becomes durable with what else arrives within this time."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended. `stopped` says why it did before all was asked for, the whole or a project of it; `broken` that the
    sightings could not be written, `defect` that this program is at fault.
    """

    requests: int
    stopped: str | None = None
    broken: LedgerError | None = None
    defect: str | None = None


class Looking:
    """One session of looking; what it sees is on the disk when it ends, and within a twentieth of a second before."""

    def __init__(self, sightings: Sightings, limits: Limits, outside: Reached) -> None:
        self._sightings = sightings
        self._limits = limits
        self._outside = outside
        self._slots = Slots(limits.concurrency)
        self._turns = Turns()
        self._states: list[ProjectState] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._broken: LedgerError | None = None
        self._defect: str | None = None
        self.stopped: str | None = None
        self.full_rate = limits.rate
        self.rate = limits.rate
        self.paused = False

    @property
    def requests(self) -> int:
        """Requests that have left."""
        return sum(one.admission.sent for one in self._states)

    @property
    def in_flight(self) -> int:
        """Requests that are in flight now."""
        return self._slots.taken

    @property
    def doing(self) -> Iterator[tuple[Scope, str]]:
        """The projects that something is asked of, and what."""
        return ((one.project, one.doing) for one in self._states if one.doing and not one.switch.stopped)

    @property
    def troubled(self) -> Troubled:
        """How those of them stand that something keeps back."""
        return troubled(self._states, self._outside.clock.now_s())

    def stop(self, reason: str) -> None:
        """Starts no more requests; the first reason given is the one that is reported."""
        self.stopped = self.stopped or reason
        for one in self._states:
            one.switch.stop()

    def cancel(self) -> None:
        """Breaks off what is in flight: another session asks for it again."""
        self.stop("broken off")
        for task in self._tasks:
            task.cancel()

    def obey(self, rate: Rate, *, paused: bool) -> None:
        """Sends at this rate from now on, or nothing until the pause is over."""
        self.rate, self.paused = rate, paused
        for one in self._states:
            one.obey(rate, paused=paused)

    async def run(self, errands: Iterable[Errand]) -> Looked:
        """Does the errands of each project one after the other, and those of several projects side by side."""
        by_project: dict[Scope, list[Errand]] = {}
        for errand in errands:
            by_project.setdefault(errand.project, []).append(errand)
        async with self._wires(by_project) as wires:
            for project, todo in by_project.items():
                self._tasks.append(asyncio.create_task(self._do(self._begun(project, wires[project.endpoint]), todo)))
            self.obey(self.rate, paused=self.paused)
            if self.stopped is not None:
                self.stop(self.stopped)
            with self._ending():
                if self._tasks:
                    await asyncio.wait(self._tasks)
            self._flush()
        of_project = (f"project {one.project.project_id}: {one.reason}" for one in self._states if one.reason)
        return Looked(
            requests=self.requests,
            stopped=self.stopped or next(of_project, None),
            broken=self._broken,
            defect=self._defect,
        )

    async def _do(self, doing: Doing, errands: list[Errand]) -> None:
        try:
            await doing.run(errands)
        except LedgerError as error:
            self._break(error)
        except Exception as error:  # noqa: BLE001 - a defect must not cut off what is in flight in other projects
            _log.critical("look.defect", exc_info=True)
            self._on_defect(f"internal error: {error!r}")
        finally:
            doing.close()

    def _begun(self, project: Scope, wire: Wire) -> Doing:
        outside, switch = self._outside, Switch()
        credential = outside.login.for_scope(project.endpoint, project.project_id)
        slots = ScopeSlots(self._slots, self._turns if credential.locks else Turns(), credential)
        state = ProjectState(
            project=project,
            switch=switch,
            admission=Admission(self._limits, slots=slots, switch=switch, clock=outside.clock, rng=self._chance()),
            on_stop=self._on_stop,
            on_defect=self._on_defect,
            on_seen=self._flush_soon,
            clean=outside.clean,
        )
        self._states.append(state)
        client = CsmsClient(wire, credential, project.project_id, user_agent=outside.user_agent)
        around = Surroundings(
            credential=credential,
            switch=switch,
            clock=outside.clock,
            rng=self._chance(),
            witness=lambda departure: client.list_secrets(limit=1, departure=departure),
            stop=state.stop_for,
        )
        return Doing(
            state,
            self._sightings,
            Questions(state.admission, around),
            client=client,
            keys=KeysAndVersions(wire, credential, project.project_id, user_agent=outside.user_agent),
            most=self._limits.concurrency,
        )

    def _chance(self) -> Random:
        return Random(self._outside.rng.getrandbits(64))  # noqa: S311 - jitter, not a secret

    def _on_stop(self, project: Scope, reason: str) -> None:
        _log.error("scope.stopped", endpoint=project.endpoint, project_id=project.project_id, reason=reason)
        try:
            self._sightings.stop_project(project, reason)
        except LedgerError as error:
            self._break(error)

    def _flush_soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_AFTER_S, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            self._sightings.flush()
        except LedgerError as error:
            self._break(error)

    def _break(self, error: LedgerError) -> None:
        _log.critical("sightings.broken", reason=error.reason)
        self._broken = self._broken or error
        self.stop(f"the sightings cannot be used: {error.reason}")

    def _on_defect(self, what: str) -> None:
        self._defect = self._defect or what
        self.stop(what)

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        """Stops when its time is over."""
        limit_s = self._limits.max_duration_s
        if limit_s is None:
            yield
            return
        words = f"--max-duration {limit_s:.10g} s is over"
        timer = asyncio.get_running_loop().call_later(limit_s, self.stop, words)
        try:
            yield
        finally:
            timer.cancel()

    @contextlib.asynccontextmanager
    async def _wires(self, projects: Iterable[Scope]) -> AsyncIterator[dict[str, Wire]]:
        """One wire for each endpoint."""
        async with contextlib.AsyncExitStack() as stack:
            endpoints = sorted({one.endpoint for one in projects})
            yield {one: await stack.enter_async_context(self._outside.wire(one)) for one in endpoints}


async def look(errands: Iterable[Errand], outside: Reached, limits: Limits, sightings: Sightings) -> Looked:
    """Runs errands to their end, for a caller that changes nothing meanwhile."""
    return await Looking(sightings, limits, outside).run(errands)
