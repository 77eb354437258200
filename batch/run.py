"""One run of a run directory from its first request to its last report."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from signal import Signals

import msgspec
import structlog

from batch.csms.access import Access
from batch.engine.outside import Between, Guard, Outside, SessionEnd
from batch.engine.session import Session
from batch.process.clock import Clock
from batch.process.loop import run_loop
from batch.process.signals import PROCESS_SIGNALS
from batch.process.version import version
from batch.telemetry.attendant import Attendant
from batch.telemetry.heartbeat import Heartbeat, Viewers
from jobs.ledger import Ledger, LedgerError, SessionStart, held_words
from jobs.ledger.record import JobRecord
from jobs.spec import Limits
from reports import (
    Ending,
    Exit,
    ReportError,
    Summary,
    exit_code_of,
    print_lost,
    print_unrecorded,
    withdraw_summary,
    write_reports,
    written_later,
)

_log = structlog.get_logger()
__all__ = ["Guard", "RunEnd", "RunPlan", "run_ledger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What one run or resume does. `start` is what is put on record when it begins, `make_room` gives back the room
    that was kept on the disk, `clean` takes credentials out of a text, and `viewers` see how the run stands
    meanwhile; `between` is asked between two waves. A run of a fleet has a `guard`.
    """

    folder: Path
    record: JobRecord
    limits: Limits
    access: Access
    start: SessionStart
    make_room: Callable[[], bool]
    clean: Callable[[str], str]
    viewers: Viewers
    between: Between | None = None
    guard: Guard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a run ended."""

    exit_code: int
    summary: Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ran:
    end: SessionEnd
    ending: Ending
    ended_at: float


def run_ledger(plan: RunPlan, ledger: Ledger) -> RunEnd:
    """Runs the open rows of a ledger, records how the session ended and writes every report.

    Raises:
        LedgerError: the ledger cannot be read or written.
        ReportError: the reports cannot be written.
    """
    try:
        # From now on the old summary is not true any more.
        withdraw_summary(plan.folder)
        ran = run_loop(lambda: _session(plan, ledger))
    finally:
        plan.make_room()
    end = ran.end
    if end.broken is not None:
        raise _broken(plan.folder, ledger, end, end.broken)
    told = ledger.told
    exit_code = Exit.INTERNAL if end.defect else exit_code_of(told.counts(), ran.ending, carried=told.carried())
    stopped = end.stopped or held_words(ledger.told.held_keys())
    ledger.end_session(ended_at=ran.ended_at, exit_code=exit_code, stopped=stopped)
    _log.info("run.ended", exit_code=exit_code, stopped=stopped)
    return RunEnd(exit_code=exit_code, summary=_reported(plan, ledger, exit_code))


def _reported(plan: RunPlan, ledger: Ledger, exit_code: int) -> Summary:
    """The reports; without them, nothing else says what to do next."""
    try:
        return write_reports(plan.folder, ledger, plan.record, exit_code)
    except ReportError as error:
        raise written_later(plan.folder, error) from error


def _broken(folder: Path, ledger: Ledger, end: SessionEnd, why: str) -> LedgerError:
    """What there is to say of a ledger that broke or was lost, once the outcomes that it does not hold are printed."""
    if end.lost:
        print_lost(ledger, end.unrecorded)
    print_unrecorded(end.unrecorded)
    cure = "the outcomes are printed above" if end.lost else "`resume` continues once that is mended"
    return LedgerError(folder, f"{why.removeprefix(f'{folder}: ')}; sending stopped, {cure}")


def _ending(end: SessionEnd, signal: Signals | None, guard: Guard | None) -> Ending:
    if guard is not None and (why := guard.ended(cut_off=end.cut_off)) is not None:
        return Ending[why.name]
    if signal is not None:
        return Ending[signal.name]
    return Ending.STOPPED if end.stopped else Ending.FINISHED


async def _session(plan: RunPlan, ledger: Ledger) -> _Ran:
    loop = asyncio.get_running_loop()
    clock = Clock(loop)
    session = Session(ledger, plan.limits, _outside(plan, clock), plan.record.spec.before)
    before = ledger.told.backlog(also_failed=plan.start.also_failed)
    heartbeat = Heartbeat(
        plan.folder, session, clock, before=before, job_rate=plan.record.spec.limits.rate, viewers=plan.viewers
    )
    attendant = Attendant(plan.folder, session, heartbeat, plan.viewers.say)
    draining = PROCESS_SIGNALS.draining(
        loop,
        drain=lambda number: _drain(session, number, plan),
        cancel=session.cancel,
        report=heartbeat.report,
    )
    with heartbeat.serving(), draining, attendant.on_duty():
        ledger.begin_session(msgspec.structs.replace(plan.start, started_at=clock.utc_s(clock.now_s())))
        besides = [heartbeat.beat(), attendant.attend(), attendant.keep_alive()]
        if plan.guard is not None:
            besides.append(plan.guard.attend(session, ledger, lambda: heartbeat.latest))
        tasks = tuple(map(asyncio.create_task, besides))
        try:
            end = await session.run()
        finally:
            await _dismiss(tasks)
        # One that comes later, while the reports are written, changes nothing any more.
        signal = PROCESS_SIGNALS.number
    heartbeat.write()
    return _Ran(end=end, ending=_ending(end, signal, plan.guard), ended_at=clock.utc_s(clock.now_s()))


async def _dismiss(tasks: tuple[asyncio.Task[None], ...]) -> None:
    for task in tasks:
        task.cancel()
    for lost in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(lost, Exception):
            # What only shows a run, or attends to it, must not cost it its reports.
            _log.error("screen.defect", exc_info=lost)


def _outside(plan: RunPlan, clock: Clock) -> Outside:
    return Outside(
        wire=partial(plan.access.network.wire, timeout_s=plan.limits.timeout_s),
        login=plan.access.login,
        clock=clock,
        rng=Random(),  # noqa: S311 - jitter, not a secret
        user_agent=f"csms-rekey/{version()}",
        clean=plan.clean,
        make_room=plan.make_room,
        between=plan.between,
        by_hand=plan.start.command == "resume",
        forbidden=_nothing if plan.guard is None else plan.guard.why_not,
        keep=None if plan.guard is None else plan.guard.kept,
    )


def _nothing() -> None: ...


def _drain(session: Session, number: Signals, plan: RunPlan) -> None:
    plan.viewers.say(f"{number.name}: finishing requests in flight ({session.in_flight}); a second signal aborts")
    session.stop(f"interrupted by {number.name}")
    asyncio.get_running_loop().call_later(plan.limits.grace_s, session.cancel)
