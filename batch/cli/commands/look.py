"""`report` and `status`: what a run directory has to tell, without sending anything."""

import contextlib
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from batch.cli.runs import runs_in, steps_after
from batch.cli.screen import say, show, show_json, tell, tell_json
from batch.process.version import version
from jobs.ledger import Ledger
from jobs.ledger.record import read_record
from jobs.ledger.upgrade import reading
from jobs.model import Status, StatusCount
from jobs.run_dir.lock import LockHeldError
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.run_dir.state import LiveState, live_state
from jobs.spec import UsageError
from reports import Exit, Standing, standing_json, status_lines, write_reports
from reports.screen.advice import mendings, stops_of
from reports.screen.runs import RunLine, run_lines


def report(run_dir: Path, /, *, json: bool = False) -> int:
    """Writes the reports again and shows the end of the run; the exit code is the run's own.

    Args:
        run_dir: The directory of the run.
        json: Print only summary.json on stdout.
    """
    with _opened(run_dir, "report") as ledger:
        summary = write_reports(run_dir, ledger, read_record(ledger), None)
    if json:
        show_json(run_dir, summary)
    else:
        show(run_dir, summary, plain=False)
    return summary.exit_code


def status(run_dir: Path, /, *, json: bool = False) -> int:
    """Shows how the rows stand: from the ledger or, while a run holds it, from what that run last reported. Of a folder
    of run directories it shows each on one line, newest first.

    Args:
        run_dir: The directory of a run, or a folder of such directories.
        json: Print only a JSON object, or a list of them for a folder.
    """
    if runs := runs_in(run_dir):
        _show_runs(runs, json=json)
        return Exit.DONE
    try:
        with _opened(run_dir, "status") as ledger:
            standing = _ended(run_dir, ledger)
    except LockHeldError as held:
        # The holder of the lock may still wait for something.
        state = live_state(run_dir, held.holder)
        if state is None:
            holder = held.holder or "another process"
            raise UsageError(f"{run_dir}: in use by {holder}, which has not reported progress yet") from held
        standing = _going(state)
    if json:
        tell_json(standing_json(standing))
        return Exit.DONE
    for line in status_lines(standing, time.time()):
        tell(line)
    return Exit.DONE


def _show_runs(runs: list[RunLine], *, json: bool) -> None:
    if json:
        tell_json(msgspec.json.encode(runs).decode())
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in run_lines(runs, width=width):
        tell(line)


@contextlib.contextmanager
def _opened(run_dir: Path, purpose: str) -> Iterator[Ledger]:
    directory = RunDirectory.find(run_dir)
    with directory.lock(purpose, Patience(0.0, say)):
        directory.require_loaded()
        with reading(run_dir, release=version()) as ledger:
            if ledger.loss:
                say(ledger.loss)
            yield ledger


def _ended(run_dir: Path, ledger: Ledger) -> Standing:
    counts = ledger.told.counts()
    sessions = ledger.told.sessions()
    last = sessions[-1] if sessions else None
    scopes = ledger.told.scopes()
    exit_code = None if last is None else last.exit_code
    steps = steps_after(run_dir, exit_code, ledger)
    stops = stops_of(None if last is None else last.stopped, scopes, ledger.told.held_keys())
    return Standing(
        at=time.time(),
        ended_at=None if last is None else last.ended_at,
        running=False,
        rows=sum(count.rows for count in counts),
        counts=counts,
        left_out=ledger.told.left_out(),
        carried=ledger.told.carried(),
        scopes=scopes,
        exit_code=exit_code,
        stopped=None if last is None else last.stopped,
        wave=_waves_done(ledger),
        mend=tuple(advice.whole for advice in mendings(stops, read_record(ledger).spec.auth)),
        next=tuple(step.command for step in steps),
        next_when=tuple(step.brief for step in steps),
    )


def _waves_done(ledger: Ledger) -> str:
    waves = ledger.told.waves()
    return f"{sum(not wave.not_done for wave in waves)} of {len(waves)} done" if waves else ""


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
        paused=state.paused,
        rate=state.rate,
        full_rate=state.full_rate,
        wave=state.wave,
    )
