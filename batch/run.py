"""One run of a run directory from its first request to its last report."""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from signal import Signals

import msgspec
import structlog

from batch.clock import Clock
from batch.csms.auth import Credential
from batch.csms.wire import HttpWire
from batch.exits import Exit
from batch.heartbeat import Heartbeat
from batch.loop import run_loop
from batch.session import Session, SessionEnd, World
from batch.signals import Interruption, listening
from jobs.ledger import Ledger, LedgerError
from jobs.record import JobRecord
from jobs.spec import Limits
from reports import Ending, Summary, exit_code_of, write_reports

_log = structlog.get_logger()
_ENDINGS = {Signals.SIGINT: Ending.SIGINT, Signals.SIGTERM: Ending.SIGTERM, Signals.SIGHUP: Ending.SIGHUP}


class RunEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended."""

    exit_code: int
    summary: Summary


class _Ran(msgspec.Struct, frozen=True, kw_only=True):
    end: SessionEnd
    signal: Signals | None
    ended_at: float


def run_ledger(
    folder: Path,
    ledger: Ledger,
    record: JobRecord,
    *,
    limits: Limits,
    credential: Credential,
    also_failed: bool,
    say: Callable[[str], None],
) -> RunEnd:
    """Runs the open rows of a ledger, records how the session ended and writes every report.

    Raises:
        LedgerError: the ledger cannot be read or written.
        ReportError: the reports cannot be written.
    """
    ran = run_loop(
        lambda: _session(folder, ledger, limits=limits, credential=credential, also_failed=also_failed, say=say)
    )
    end = ran.end
    if end.broken is not None:
        for outcome in end.unrecorded:
            # The last resort: whoever reads this can still tell how these rows ended.
            sys.stderr.write(msgspec.json.encode(outcome).decode() + "\n")
        raise LedgerError(folder, end.broken)
    exit_code = Exit.INTERNAL if end.defect else exit_code_of(ledger.told.counts(), _ending(ran))
    ledger.end_session(ended_at=ran.ended_at, exit_code=exit_code, stopped=end.stopped)
    _log.info("run.ended", exit_code=exit_code, stopped=end.stopped)
    return RunEnd(exit_code=exit_code, summary=write_reports(folder, ledger, record, exit_code))


def _ending(ran: _Ran) -> Ending:
    if ran.signal is not None:
        return _ENDINGS[ran.signal]
    return Ending.STOPPED if ran.end.stopped else Ending.FINISHED


async def _session(
    folder: Path,
    ledger: Ledger,
    *,
    limits: Limits,
    credential: Credential,
    also_failed: bool,
    say: Callable[[str], None],
) -> _Ran:
    loop = asyncio.get_running_loop()
    clock = Clock(loop)
    ledger.begin_session(started_at=clock.utc_s(clock.now_s()), also_failed=also_failed)
    world = World(
        wire=lambda endpoint: HttpWire(endpoint, timeout_s=limits.timeout_s),
        credential=credential,
        clock=clock,
        rng=Random(),  # noqa: S311 - jitter, not a secret
        user_agent="csms-rekey",
    )
    session = Session(ledger, limits, world)
    interruption = Interruption(
        drain=lambda number: _drain(session, number, limits.grace_s, say), cancel=session.cancel
    )
    heartbeat = Heartbeat(folder, session, clock, before=ledger.told.standing(), say=say)
    with listening(loop, interruption):
        beating = asyncio.create_task(heartbeat.beat())
        try:
            end = await session.run()
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating
    heartbeat.write()
    return _Ran(end=end, signal=interruption.number, ended_at=clock.utc_s(clock.now_s()))


def _drain(session: Session, number: Signals, grace_s: float, say: Callable[[str], None]) -> None:
    say(f"{number.name}: finishing {session.in_flight} open requests; once more breaks them off")
    session.stop(f"interrupted by {number.name}")
    asyncio.get_running_loop().call_later(grace_s, session.cancel)
