"""`report` and `status`: what a run directory has to tell, without sending anything."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from batch.cli.screen import say, show, show_json, tell, tell_json
from batch.process.version import version
from jobs.ledger import Ledger
from jobs.ledger.record import read_record
from jobs.ledger.upgrade import reading
from jobs.model import Status, StatusCount
from jobs.run_dir.lock import Holder, LockHeldError
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.run_dir.state import LiveState, read_state
from jobs.spec import UsageError
from reports import Ending, Exit, Standing, exit_code_of, status_lines, write_reports
from reports.screen.advice import mendings, stops_of

# A clock that is set right now and then makes steps of this size.
_CLOCK_STEP_S = 1.0


def report(run_dir: Path, /, *, json: bool = False) -> int:
    """Writes the reports again and shows the end of the run; the exit code is the run's own.

    Args:
        json: Print the summary as JSON, and nothing else.
    """
    with _opened(run_dir, "report") as ledger:
        sessions = ledger.told.sessions()
        recorded = sessions[-1].exit_code if sessions else None
        # A killed run has no exit code on record: it was stopped, by something that is no rule of its own.
        code = exit_code_of(ledger.told.counts(), Ending.STOPPED) if recorded is None else recorded
        summary = write_reports(run_dir, ledger, read_record(ledger), code)
    if json:
        show_json(summary)
    else:
        show(run_dir, summary, plain=False)
    return code


def status(run_dir: Path, /, *, json: bool = False) -> int:
    """Shows how the rows stand: from the ledger or, while a run holds it, from what that run last reported.

    Args:
        json: Print it as one JSON object, and nothing else.
    """
    try:
        with _opened(run_dir, "status") as ledger:
            standing = _ended(ledger)
    except LockHeldError as held:
        state = read_state(run_dir)
        # What is there may be of the session before: whoever holds the lock may still wait for something.
        if state is None or (held.holder is not None and not _by(state, held.holder)):
            raise UsageError(f"{run_dir}: in use by {held.holder}, which has not told anything yet") from held
        standing = _going(state)
    if json:
        tell_json(msgspec.json.encode(standing).decode())
        return Exit.DONE
    for line in status_lines(standing, time.time()):
        tell(line)
    return Exit.DONE


def _by(state: LiveState, holder: Holder) -> bool:
    """In a container every run may have the same number."""
    return state.pid == holder.pid and state.started_at > holder.since - _CLOCK_STEP_S


@contextlib.contextmanager
def _opened(run_dir: Path, purpose: str) -> Iterator[Ledger]:
    directory = RunDirectory.find(run_dir)
    with directory.lock(purpose, Patience(0.0, say)):
        directory.require_loaded()
        with reading(run_dir, release=version()) as ledger:
            if ledger.loss:
                say(ledger.loss)
            yield ledger


def _ended(ledger: Ledger) -> Standing:
    counts = ledger.told.counts()
    sessions = ledger.told.sessions()
    last = sessions[-1] if sessions else None
    scopes = ledger.told.scopes()
    stops = stops_of(None if last is None else last.stopped, scopes, ledger.told.held_keys())
    return Standing(
        at=time.time(),
        running=False,
        rows=sum(count.rows for count in counts),
        counts=counts,
        scopes=scopes,
        exit_code=None if last is None else last.exit_code,
        stopped=None if last is None else last.stopped,
        mend=tuple(map(str, mendings(stops, read_record(ledger).spec.auth))),
    )


def _going(state: LiveState) -> Standing:
    rows = {count.status: count.rows for count in state.counts}
    rows[Status.NOT_ATTEMPTED] = rows.get(Status.NOT_ATTEMPTED, 0) + state.open_rows
    return Standing(
        at=state.written_at,
        running=True,
        rows=state.total,
        counts=tuple(StatusCount(status=status, rows=rows.get(status, 0)) for status in Status),
        pace=state.pace,
        trouble=state.trouble,
    )
