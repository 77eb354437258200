"""`rollback`: a manifest that moves the secrets of a run back; nothing is sent."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from batch.cli.command_lines import command_line, login_options
from batch.cli.screen import say, tell_json, tell_written
from batch.process.version import version
from jobs.job_facts import job_facts, options_of, rewritten, unselecting
from jobs.ledger import Ledger
from jobs.ledger.record import read_record
from jobs.ledger.upgrade import reading
from jobs.printable import counted
from jobs.rules import key_check
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.spec import UsageError
from reports import Exit
from reports.moment import clock_text, utc_text
from reports.way_back import HEADER, WayBack, left_out_of, way_back_json, write_way_back


def rollback(run_dir: Path, /, *, out: Path, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Writes a manifest that moves each secret that a run has changed back to the key that it showed before. Each row
    is guarded: it expects the key of the run, so that a secret that somebody has moved since is left alone.

    Args:
        run_dir: The directory of the run.
        out: The manifest to write, a .csv. OUT.left-out.csv beside it lists the rows that cannot go back.
        json: Print only the number of rows of each kind, as JSON.
    """
    _require_free(out)
    directory = RunDirectory.find(run_dir)
    with directory.lock("look", Patience(0.0, say)):
        directory.require_loaded()
        with reading(directory.path, release=version()) as ledger:
            if ledger.loss:
                say(ledger.loss)
            spec = read_record(ledger).spec
            found = write_way_back(
                out,
                ledger.told.rows(),
                key_check(spec.key_pattern),
                accounts=any(one.scope.account for one in ledger.told.accounts()),
            )
            open_rows, until = ledger.told.backlog().open_rows, _lands_until(ledger)
    if found.back and until > time.time():
        moment = clock_text(utc_text(until))
        say(f"{run_dir}: an update of the run may still be applied until {moment} UTC; run {out} after that")
    if open_rows:
        rows, them = ("row of the run is", "it") if open_rows == 1 else ("rows of the run are", "them")
        say(f"{run_dir}: {open_rows:,} {rows} open: a `resume` may change {them} after all")
    if json:
        tell_json(way_back_json(found))
    else:
        options = options_of(rewritten(unselecting(job_facts(spec)), HEADER))
        tell_written(_lines(out, found, command_line("run", str(out), *options, *login_options(spec))))
    return Exit.NOT_ALL_DONE if found.stuck else Exit.DONE


def _lands_until(ledger: Ledger) -> float:
    """Until when a PUT of the run may still be applied, in UTC seconds since 1970; 0 where the fate of all is known."""
    sessions = ledger.told.sessions()
    if not sessions or not ledger.told.unsettled():
        return 0.0
    ended_at = sessions[-1].ended_at
    return (time.time() if ended_at is None else ended_at) + ledger.told.lands_within_s()


def _require_free(out: Path) -> None:
    """Makes sure that both files can be new ones, and that a run will know what the first one is.

    Raises:
        UsageError: they cannot.
    """
    if out.suffix.lower() != ".csv":
        raise UsageError(f"--out: {out}: what is written is CSV; give a name that ends in .csv")
    if not out.parent.is_dir():
        raise UsageError(f"--out: {out.parent}: no such folder")
    for path in (out, left_out_of(out)):
        if path.exists() or path.is_symlink():
            raise UsageError(f"--out: {path}: exists already, and is not overwritten")


def _lines(out: Path, found: WayBack, command: str) -> Iterator[str]:
    yield f"{out}: {counted(found.back, 'row')} to go back"
    for reason, rows in found.stuck.items():
        yield f"{counted(rows, 'row')} changed that cannot go back: {reason}"
    for reason, rows in found.others.items():
        yield f"{counted(rows, 'row')} left out: {reason}"
    if found.stuck or found.others:
        yield f"{left_out_of(out)} lists those that are left out"
    if found.back:
        yield f"next: {command}"
