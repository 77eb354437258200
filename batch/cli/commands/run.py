"""`run` and `resume`: from a manifest, or from a run directory, to reports."""

import math
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
import structlog

from batch.cli.loading import load_to_run
from batch.cli.login import open_access, with_project
from batch.cli.options import (
    AUTH,
    LIMITS,
    SESSION,
    SOURCE,
    AuthOptions,
    JobFile,
    LimitOptions,
    ManifestOptions,
    ManifestPath,
    SessionOptions,
    limits_of,
    spec_of,
)
from batch.cli.screen import live_console, say, show, show_json
from batch.csms.access import Access
from batch.process.open_files import require_files
from batch.process.signals import PROCESS_SIGNALS
from batch.process.version import version
from batch.run import RunPlan, run_ledger
from batch.telemetry.log import start_log
from batch.telemetry.notify import announce, targets_of
from jobs.ledger import Ledger
from jobs.ledger.record import read_record
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience, lock_folder, lock_scopes
from jobs.spec import JobSpec, Limits, SpecError

_log = structlog.get_logger()
_MAX_PORT = 65_535


def run(
    manifest: ManifestPath,
    /,
    *,
    source: ManifestOptions = SOURCE,
    limits: LimitOptions = LIMITS,
    auth: AuthOptions = AUTH,
    session: SessionOptions = SESSION,
    run_dir: Path | None = None,
    _job: JobFile = None,
) -> int:
    """Loads a manifest into a new run directory and runs it.

    Args:
        manifest: Columns secret_name, kms_key_id; optional project_id, region, description, expected_kms_key_id.
        run_dir: New directory for the ledger and the reports. [default: runs/<UTC time>-<manifest>]
    """
    return start(manifest, spec_of(source, limits, auth), open_access(auth), session, run_dir)


def start(manifest: str, spec: JobSpec, access: Access, options: SessionOptions, run_dir: Path | None) -> int:
    """Runs a manifest, for whoever has made the job and the login already."""
    _refuse_bad_options(options)
    spec, no_project = with_project(spec, access)
    # Also which kind of login it was: a resume is not to take another one that happens to be found.
    spec = msgspec.structs.replace(spec, auth=access.login.describe().kind)
    directory = RunDirectory.new(run_dir, manifest, network_ok=options.allow_network_fs)
    with ExitStack() as stack:
        try:
            stack.enter_context(directory.lock("run", Patience(0.0, say)))
            load_to_run(manifest, spec, directory.path, no_project)
            ledger = stack.enter_context(Ledger(directory.path))
            _occupy(directory, ledger, spec.limits, Patience(options.wait, say), stack, also_failed=False)
        except BaseException:
            directory.discard()
            raise
        return _go(directory.path, ledger, access, options, spec.limits, also_failed=False)


def resume(
    run_dir: Path,
    /,
    *,
    failed: bool = False,
    limits: LimitOptions = LIMITS,
    auth: AuthOptions = AUTH,
    session: SessionOptions = SESSION,
    _job: JobFile = None,
) -> int:
    """Goes on with the rows of a run directory that have not ended.

    Args:
        failed: Also take rows again that ended as failed or unknown, with fresh attempts.
    """
    _refuse_bad_options(session)
    directory = RunDirectory.find(run_dir, network_ok=session.allow_network_fs)
    with ExitStack() as stack:
        patience = Patience(session.wait, say)
        stack.enter_context(directory.lock("resume", patience))
        directory.require_loaded()
        directory.sweep()
        ledger = stack.enter_context(Ledger(run_dir))
        spec = read_record(ledger).spec
        merged = limits_of(limits, spec.limits)
        _occupy(directory, ledger, merged, patience, stack, also_failed=failed)
        # The job's own kind of login: another one that happens to be found may have other rights, or none.
        access = open_access(auth, stored=spec.auth)
        return _go(run_dir, ledger, access, session, merged, also_failed=failed)


def _occupy(
    directory: RunDirectory, ledger: Ledger, limits: Limits, patience: Patience, stack: ExitStack, *, also_failed: bool
) -> None:
    """Makes sure of room enough, and keeps the scopes that requests will go to from other runs."""
    manifest = read_record(ledger).manifest
    directory.require_room(rows=manifest.rows, manifest_bytes=manifest.size_bytes)
    scopes = [scope.scope for scope in ledger.open_scopes(also_failed=also_failed)]
    require_files(connections=limits.concurrency, locks=len(scopes))
    stack.enter_context(lock_scopes(scopes, lock_folder(), f"run in {directory.path.absolute()}", patience))


def _go(
    folder: Path, ledger: Ledger, access: Access, options: SessionOptions, limits: Limits, *, also_failed: bool
) -> int:
    # From here on there is something to report: a signal waits until the session can stop for it.
    PROCESS_SIGNALS.hold()
    with closing(start_log(folder, options.log_level)):
        record = read_record(ledger)
        plan = RunPlan(
            folder=folder,
            record=record,
            limits=limits,
            access=access,
            also_failed=also_failed,
            say=say,
            console=live_console(options.progress),
            metrics_port=options.metrics_port,
        )
        _log.info("run.started", version=version(), rows=record.manifest.rows, rate=str(limits.rate))
        say(f"{record.manifest.rows} rows from {record.manifest.name}, {limits.rate} per project, into {folder}")
        end = run_ledger(plan, ledger)
        announce(end.summary, targets_of(options.notify_url, options.metrics_textfile), access.network, say)
        if options.json:
            show_json(end.summary)
        else:
            show(folder, end.summary, plain=options.progress == "off")
        return end.exit_code


def _refuse_bad_options(options: SessionOptions) -> None:
    """What cannot be used is told before anything is loaded, not after the run."""
    targets_of(options.notify_url, options.metrics_textfile)
    if options.metrics_port is not None and not 0 <= options.metrics_port <= _MAX_PORT:
        raise SpecError("metrics-port", f"{options.metrics_port} is not from 0 to {_MAX_PORT}")
    if options.metrics_port is not None:
        from batch.telemetry.metrics import require_port  # noqa: PLC0415 - few runs need it

        require_port(options.metrics_port)
    if not 0 <= options.wait < math.inf:
        raise SpecError("wait", f"{options.wait:g} is no number of seconds")
