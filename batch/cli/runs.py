"""Where each run of a folder stands: from its state file while it is active, then from its summary, else its ledger."""

import contextlib
import shlex
from pathlib import Path

import msgspec

from batch.cli.screen import say
from batch.process.version import version
from jobs.ledger import Ledger, LedgerError
from jobs.ledger.upgrade import reading
from jobs.model import Group, StatusCount
from jobs.run_dir import names
from jobs.run_dir.lock import LOOKS, LockHeldError, held_by_another
from jobs.run_dir.report_files import ReportFiles
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.run_dir.state import LiveState, live_state
from reports import Summary
from reports.moment import utc_text
from reports.screen.runs import RunLine, RunState, ended_line, state_of
from reports.screen.wording import Step, next_steps


def runs_in(folder: Path) -> list[RunLine]:
    """The run directories in a folder, newest first."""
    found = [(_line(run), run.path.stat().st_mtime) for run in RunDirectory.within(folder)]
    found.sort(key=lambda pair: (pair[0].started_at or utc_text(pair[1]), pair[0].path), reverse=True)
    return [line for line, _ in found]


def steps_after(folder: Path, exit_code: int | None, ledger: Ledger) -> tuple[Step, ...]:
    """What to do next about a run that is not active and ended so, in order; None: no end is recorded.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    summary = None if exit_code is None else _summary(folder)
    if summary is None:
        return (_without_reports(folder, exit_code, ledger),)
    return next_steps(summary, folder)


def _line(run: RunDirectory) -> RunLine:
    try:
        held = held_by_another(run.path / names.LOCK)
        if held is not None and not (held.holder is not None and held.holder.purpose in LOOKS):
            return _active(run.path, held)
        if not (run.path / names.LEDGER).is_file():
            return RunLine(path=str(run.path), state=RunState.NOT_LOADED)
        summary = _summary(run.path)
        return _from_ledger(run) if summary is None else ended_line(run.path, summary)
    except LockHeldError as held_meanwhile:
        return _active(run.path, held_meanwhile)
    except (LedgerError, OSError) as error:
        reason = error.reason if isinstance(error, LedgerError) else error.strerror
        return RunLine(path=str(run.path), state=RunState.UNREADABLE, reason=reason)


def _active(folder: Path, held: LockHeldError) -> RunLine:
    state: LiveState | None = live_state(folder, held.holder)
    if state is None:
        return RunLine(path=str(folder), state=RunState.LOADING)
    return RunLine(
        path=str(folder),
        state=RunState.PAUSED if state.paused else RunState.RUNNING,
        rows=state.total,
        done=_of(Group.DONE, state.counts),
        open=state.open_rows,
        started_at=utc_text(state.started_at),
    )


def _summary(folder: Path) -> Summary | None:
    """The summary, which is there only while it is true; None where somebody changed it, or by another release."""
    with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
        if (current := ReportFiles(folder).current(names.SUMMARY)) is not None:
            return msgspec.json.decode(current.read_bytes(), type=Summary)
    return None


def _from_ledger(run: RunDirectory) -> RunLine:
    """A run without reports. A folder that has no lock file, such as a copy, gets none."""
    has_lock = (run.path / names.LOCK).exists()
    with (
        run.lock("status", Patience(0.0, say)) if has_lock else contextlib.nullcontext(),
        reading(run.path, release=version()) as ledger,
    ):
        counts, sessions = ledger.told.counts(), ledger.told.sessions()
        exit_code = sessions[-1].exit_code if sessions else None
        following = _without_reports(run.path, exit_code, ledger)
    return RunLine(
        path=str(run.path),
        state=RunState.KILLED if exit_code is None else state_of(exit_code),
        rows=sum(count.rows for count in counts),
        done=_of(Group.DONE, counts),
        open=_of(Group.RUN_AGAIN, counts),
        exit_code=exit_code,
        started_at=utc_text(sessions[0].started_at) if sessions else None,
        next=following.command,
    )


def _of(group: Group, counts: tuple[StatusCount, ...]) -> int:
    return sum(count.rows for count in counts if count.status.group is group)


def _without_reports(folder: Path, exit_code: int | None, ledger: Ledger) -> Step:
    if exit_code is not None:
        return Step(
            why="write its reports, which are not there", command=shlex.join(("csms-rekey", "report", str(folder)))
        )
    failed = ("--failed",) if ledger.told.so_far().failed else ()
    also = ", and take failed and unknown rows again" if failed else ""
    command = shlex.join(("csms-rekey", "resume", str(folder), *failed))
    return Step(why=f"continue where it stopped{also}", command=command)
