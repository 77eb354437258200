"""One session of looking, from its first request to its last, with all that happens beside it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from signal import Signals

import structlog

from batch.csms.access import Access
from batch.flow.outside import Reached
from batch.inventory.errands import Errand
from batch.inventory.looking import Looked, Looking
from batch.process.clock import Clock
from batch.process.loop import run_loop
from batch.process.signals import PROCESS_SIGNALS
from batch.process.version import version
from batch.telemetry.look_beat import LookBeat
from jobs.sightings import Sightings
from jobs.spec import Limits
from reports import Exit

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class LookPlan:
    """What a session looks at. `clean` takes credentials out of a text, and `say` has a line for the user."""

    folder: Path
    errands: Sequence[Errand]
    limits: Limits
    access: Access
    clean: Callable[[str], str]
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookEnd:
    """How a session of looking ended; nothing that it saw is lost, and another session continues it."""

    requests: int = 0
    stopped: str | None = None
    signal: Signals | None = None
    defect: str | None = None

    @property
    def whole(self) -> bool:
        """Whether everything was asked for."""
        return not (self.stopped or self.signal or self.defect)

    def exit_code(self, otherwise: Exit) -> Exit:
        """The exit code of a command that would end with `otherwise` had everything been asked for."""
        if self.defect is not None:
            return Exit.INTERNAL
        if self.signal is not None and self.stopped is not None:
            return Exit[self.signal.name]
        return Exit.STOPPED_EARLY if self.stopped is not None else otherwise


def run_look(plan: LookPlan, sightings: Sightings) -> LookEnd:
    """Does all errands; what met trouble in an earlier session is asked for again.

    Raises:
        LedgerError: the sightings cannot be written.
    """
    _log.info("look.started", version=version(), rate=str(plan.limits.rate))
    sightings.begin()
    looked, signal = run_loop(lambda: _session(plan, sightings))
    _log.info("look.ended", stopped=looked.stopped)
    if looked.broken is not None:
        raise looked.broken
    return LookEnd(requests=looked.requests, stopped=looked.stopped, signal=signal, defect=looked.defect)


async def _session(plan: LookPlan, sightings: Sightings) -> tuple[Looked, Signals | None]:
    loop = asyncio.get_running_loop()
    clock = Clock(loop)
    looking = Looking(sightings, plan.limits, _outside(plan, clock))
    beat = LookBeat(plan.folder, looking, clock, plan.say)
    draining = PROCESS_SIGNALS.draining(
        loop,
        drain=lambda number: _drain(looking, number, plan),
        cancel=looking.cancel,
        report=beat.report,
    )
    with draining:
        beating = asyncio.create_task(beat.beat())
        try:
            looked = await looking.run(plan.errands)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        return looked, PROCESS_SIGNALS.number


def _drain(looking: Looking, number: Signals, plan: LookPlan) -> None:
    plan.say(f"{number.name}: finishing requests in flight ({looking.in_flight}); a second signal aborts")
    looking.stop(f"interrupted by {number.name}")
    asyncio.get_running_loop().call_later(plan.limits.grace_s, looking.cancel)


def _outside(plan: LookPlan, clock: Clock) -> Reached:
    return Reached(
        wire=partial(plan.access.network.wire, timeout_s=plan.limits.timeout_s),
        login=plan.access.login,
        clock=clock,
        rng=Random(),  # noqa: S311 - jitter, not a secret
        user_agent=f"csms-rekey/{version()}",
        clean=plan.clean,
    )
