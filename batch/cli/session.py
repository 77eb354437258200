"""One session of a run directory, as `run` and `resume` share it: options, locks, room, log and the rows."""

from contextlib import ExitStack, closing
from pathlib import Path

import structlog

from batch.cli.between import between_of
from batch.cli.open_files import require_files
from batch.cli.options import SessionOptions
from batch.cli.screen import live_console, say, show, show_json
from batch.csms.access import Access
from batch.process.signals import PROCESS_SIGNALS
from batch.process.version import version
from batch.redaction.redactor import PROCESS_REDACTOR
from batch.run import Guard, RunPlan, run_ledger
from batch.telemetry.heartbeat import Viewers
from batch.telemetry.log import start_log
from batch.telemetry.notify import Targets, announce, targets_of
from jobs.ledger import Ledger, SessionStart
from jobs.ledger.record import read_record
from jobs.run_dir.room import Reserve
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience, lock_scopes
from jobs.spec import Limits, SpecError, UsageError

_log = structlog.get_logger()
_MAX_PORT = 65_535


def refuse_bad_options(options: SessionOptions) -> None:
    """What cannot be used is reported before anything is loaded, not after the run."""
    _targets(options)
    if options.metrics_port is not None and not 0 <= options.metrics_port <= _MAX_PORT:
        raise SpecError("metrics-port", f"{options.metrics_port} is not from 0 to {_MAX_PORT}")
    if options.metrics_port is not None:
        from batch.telemetry.metrics import require_port  # noqa: PLC0415 - few runs need it

        require_port(options.metrics_port)
    if not 0 <= options.wait < float("inf"):
        raise SpecError("wait", f"{options.wait:g} is not a number of seconds")


def _targets(options: SessionOptions) -> Targets:
    return targets_of(options.notify_url, options.metrics_textfile, chat=options.notify_format == "text")


def occupy(
    directory: RunDirectory,
    ledger: Ledger,
    limits: Limits,
    patience: Patience,
    stack: ExitStack,
    *,
    also_failed: bool,
    lock_dir: Path | None,
    beyond_limit: bool = False,
) -> None:
    """Makes sure of room enough, and keeps the scopes that requests will go to from other runs."""
    record = read_record(ledger)
    if record.shards:
        raise UsageError(f"{directory.path}: merged from {len(record.shards)} shards; continue those, then merge again")
    ledger.told.require_readable()
    if ledger.loss:
        say(ledger.loss)
    directory.require_room(rows=record.rows, manifest_bytes=record.manifest.size_bytes)
    scopes = [scope.scope for scope in ledger.open_scopes(also_failed=also_failed, beyond_limit=beyond_limit)]
    require_files(connections=limits.concurrency, locks=len(scopes))
    stack.enter_context(lock_scopes(scopes, lock_dir, f"run in {directory.path.absolute()}", patience))


def apply(
    folder: Path,
    ledger: Ledger,
    access: Access,
    options: SessionOptions,
    limits: Limits,
    *,
    start: SessionStart,
    guard: Guard | None = None,
) -> int:
    """Applies the open rows of a ledger, then shows and announces how they ended; returns the exit code."""
    # From here on there is something to report: a signal waits until the session can stop for it.
    PROCESS_SIGNALS.hold()
    with closing(start_log(folder, options.log_level)):
        record = read_record(ledger)
        _log.info("run.started", version=version(), rows=record.rows, rate=str(limits.rate))
        rows = "1 row" if record.rows == 1 else f"{record.rows} rows"
        say(f"{rows} from {record.manifest.name}, {limits.rate} per project, into {folder}")
        plan = RunPlan(
            folder=folder,
            record=record,
            limits=limits,
            access=access,
            start=start,
            make_room=Reserve(folder).release,
            clean=PROCESS_REDACTOR.clean,
            between=between_of(options, ledger, record, limits),
            viewers=Viewers(say=say, console=live_console(options.progress), metrics_port=options.metrics_port),
            guard=guard,
        )
        end = run_ledger(plan, ledger)
        announce(end.summary, folder, _targets(options), access.network, say)
        if options.json:
            show_json(folder, end.summary)
        else:
            show(folder, end.summary, plain=options.progress == "off")
        return end.exit_code
