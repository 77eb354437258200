"""Continues the run of a run directory whose lock the caller holds, or says that nothing is left of it."""

from contextlib import ExitStack

import msgspec

from batch.cli import job_asked_for, session_start
from batch.cli.accounts import assign_accounts
from batch.cli.between import with_waves
from batch.cli.login import open_access
from batch.cli.options import AuthOptions, LimitOptions, RowsOptions, SessionOptions
from batch.cli.origins import Origins
from batch.cli.run_to_look_at import LoadedRun
from batch.cli.screen import say, tell_json
from batch.cli.session import apply, occupy
from batch.process.version import version
from batch.run import Guard
from jobs.job_facts import differences
from jobs.ledger import Ledger
from jobs.ledger.upgrade import upgrade
from jobs.run_dir import names
from jobs.run_dir.report_files import ReportFiles
from jobs.run_dir.scope_locks import Patience
from jobs.spec import JobSpec, UsageError
from reports import Ending, Exit, exit_code_of, read_summary_text, write_reports


def continue_run(
    run: LoadedRun,
    command: str,
    limits: LimitOptions,
    auth: AuthOptions,
    session: SessionOptions,
    *,
    also_failed: bool,
    lift_limit: bool = False,
    guard: Guard | None = None,
) -> int:
    """Runs the open rows, with `also_failed` those that failed, and with `lift_limit` those beyond its `--limit`.
    Limits that are not given are the job's own.
    """
    directory, spec = run.directory, run.record.spec
    with ExitStack() as stack:
        ledger = stack.enter_context(_to_write(run))
        merged = job_asked_for.limits_of(limits, spec.limits)
        with_waves(session, msgspec.structs.replace(spec, limits=merged))
        occupy(
            directory,
            ledger,
            merged,
            Patience(session.wait, say),
            stack,
            also_failed=also_failed,
            beyond_limit=lift_limit,
            lock_dir=session.lock_dir,
        )
        # The job's own kind of login: another one that happens to be found may have other rights, or none.
        access = open_access(auth, spec)
        assign_accounts(access, ledger)
        # Not before all that may still refuse: `go` would send these rows one night.
        if lift_limit and (beyond := ledger.lift_limit()):
            say(f"{directory.path}: takes up {_beyond(beyond, spec)}")
        start = session_start.session_start(command, spec, merged, access, also_failed=also_failed)
        if start.changed:
            say(f"in this session: {start.changed}")
        return apply(directory.path, ledger, access, session, merged, start=start, guard=guard)


def _to_write(run: LoadedRun) -> Ledger:
    """The ledger itself, where a copy was looked at so far."""
    directory = run.directory
    if run.ledger.path.parent == directory.path:
        return run.ledger
    run.ledger.close()
    if (found := upgrade(directory.path, release=version())) is not None:
        say(f"{directory.path}: its ledger was of format {found} and is upgraded")
    return Ledger(directory.path)


def require_same_job(stored: JobSpec, source: RowsOptions, origins: Origins) -> None:
    """Makes sure that a run is not asked on the command line for another job than it was loaded with. What environment
    or job file say otherwise is reported and ignored: they may be made for other runs.

    Raises:
        UsageError: somebody does.
    """
    for one in differences(stored, job_asked_for.job_with(source, stored)):
        origin = origins.of(one.option)
        if origin is None or origin.kind == "flag":
            raise UsageError(f"{one}: a run keeps its job; start a new run for another one")
        say(f"{origin.name}: {one}: ignored, as a run keeps its job")


def nothing_left(run: LoadedRun, session: SessionOptions) -> int:
    """Says so and returns the run's exit code. Nothing is written, unless the reports were cut off.

    Raises:
        LedgerError: the ledger cannot be read.
        ReportError: reports that are missing cannot be written.
    """
    directory, told, so_far = run.directory, run.ledger.told, run.so_far
    code = exit_code_of(told.counts(), Ending.FINISHED, carried=told.carried())
    if not directory.reported:
        write_reports(directory.path, run.ledger, run.record, code)
    if so_far.beyond_limit:
        left = f"{_beyond(so_far.beyond_limit, run.record.spec)}, which only a `resume` by hand takes up"
        say(f"{directory.path}: nothing to do but for {left}")
    elif code is Exit.DONE:
        say(f"{directory.path}: nothing to do, every row is done")
    else:
        failed = "; resume --failed takes failed and unknown rows again" if so_far.failed else ""
        page = ReportFiles(directory.path).current(names.PAGE)
        see = names.PAGE if page is None else page.name
        say(f"{directory.path}: no row is left to resume; {see} says what to do about those that are not done{failed}")
    if session.json:
        tell_json(read_summary_text(directory.path))
    return code


def _beyond(rows: int, spec: JobSpec) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'} beyond --limit {spec.limit}"
