"""One run of a run directory from its first request to its last report."""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from signal import Signals
from typing import TYPE_CHECKING

import msgspec
import structlog

from batch.csms.access import Access
from batch.engine.session import Outside, Session, SessionEnd
from batch.process.clock import Clock
from batch.process.loop import run_loop
from batch.process.signals import PROCESS_SIGNALS
from batch.process.version import version
from batch.redaction.redactor import PROCESS_REDACTOR
from batch.telemetry.heartbeat import Heartbeat
from jobs.ledger import Ledger, LedgerError
from jobs.ledger.record import JobRecord
from jobs.run_dir.room import Reserve
from jobs.spec import Limits
from reports import Ending, Exit, Summary, exit_code_of, remove_summary, write_reports

if TYPE_CHECKING:
    from rich.console import Console

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What one run or resume does. `say` is told what a person should know while it goes on."""

    folder: Path
    record: JobRecord
    limits: Limits
    access: Access
    also_failed: bool
    say: Callable[[str], None]
    console: "Console | None" = None
    metrics_port: int | None = None


class RunEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended."""

    exit_code: int
    summary: Summary


class _Ran(msgspec.Struct, frozen=True, kw_only=True):
    end: SessionEnd
    signal: Signals | None
    ended_at: float


def run_ledger(plan: RunPlan, ledger: Ledger) -> RunEnd:
    """Runs the open rows of a ledger, records how the session ended and writes every report.

    Raises:
        LedgerError: the ledger cannot be read or written.
        ReportError: the reports cannot be written.
        OSError: the disk has no room for the reserve.
    """
    reserve = Reserve(plan.folder)
    try:
        # From now on the old summary is not true any more.
        remove_summary(plan.folder)
        ran = run_loop(lambda: _session(plan, ledger, reserve))
    finally:
        reserve.release()
    end = ran.end
    if end.broken is not None:
        _tell_unrecorded(end)
        raise LedgerError(plan.folder, f"{end.broken}; sending stopped, `resume` goes on once there is room")
    exit_code = Exit.INTERNAL if end.defect else exit_code_of(ledger.told.counts(), _ending(ran))
    ledger.end_session(ended_at=ran.ended_at, exit_code=exit_code, stopped=end.stopped)
    _log.info("run.ended", exit_code=exit_code, stopped=end.stopped)
    return RunEnd(exit_code=exit_code, summary=write_reports(plan.folder, ledger, plan.record, exit_code))


def _tell_unrecorded(end: SessionEnd) -> None:
    """The last resort: whoever reads these lines can still tell how the rows ended."""
    for outcome in end.unrecorded:
        sys.stderr.write(msgspec.json.encode(outcome).decode() + "\n")
    sys.stderr.flush()


def _ending(ran: _Ran) -> Ending:
    if ran.signal is not None:
        return Ending[ran.signal.name]
    return Ending.STOPPED if ran.end.stopped else Ending.FINISHED


async def _session(plan: RunPlan, ledger: Ledger, reserve: Reserve) -> _Ran:
    loop = asyncio.get_running_loop()
    clock = Clock(loop)
    world = Outside(
        wire=partial(plan.access.network.wire, timeout_s=plan.limits.timeout_s),
        login=plan.access.login,
        clock=clock,
        rng=Random(),  # noqa: S311 - jitter, not a secret
        user_agent=f"csms-rekey/{version()}",
        clean=PROCESS_REDACTOR.clean,
        make_room=reserve.release,
    )
    session = Session(ledger, plan.limits, world)
    draining = PROCESS_SIGNALS.draining(
        loop, drain=lambda number: _drain(session, number, plan.limits.grace_s, plan.say), cancel=session.cancel
    )
    heartbeat = Heartbeat(
        plan.folder,
        session,
        clock,
        before=ledger.told.backlog(also_failed=plan.also_failed),
        say=plan.say,
        console=plan.console,
    )
    with _metrics(plan, heartbeat), draining:
        ledger.begin_session(
            started_at=clock.utc_s(clock.now_s()), timeout_s=plan.limits.timeout_s, also_failed=plan.also_failed
        )
        beating = asyncio.create_task(heartbeat.beat())
        try:
            end = await session.run()
        finally:
            beating.cancel()
            (lost,) = await asyncio.gather(beating, return_exceptions=True)
            if isinstance(lost, Exception):
                # What only shows a run must not cost it its reports.
                _log.error("screen.defect", exc_info=lost)
        # One that comes later, while the reports are written, changes nothing any more.
        signal = PROCESS_SIGNALS.number
    heartbeat.write()
    return _Ran(end=end, signal=signal, ended_at=clock.utc_s(clock.now_s()))


def _metrics(plan: RunPlan, heartbeat: Heartbeat) -> contextlib.AbstractContextManager[object]:
    if plan.metrics_port is None:
        return contextlib.nullcontext()
    from batch.telemetry.metrics import serving  # noqa: PLC0415 - few runs need it

    return serving(plan.metrics_port, lambda: heartbeat.latest)


def _drain(session: Session, number: Signals, grace_s: float, say: Callable[[str], None]) -> None:
    say(f"{number.name}: finishing what is open ({session.in_flight}); once more breaks it off")
    session.stop(f"interrupted by {number.name}")
    asyncio.get_running_loop().call_later(grace_s, session.cancel)
