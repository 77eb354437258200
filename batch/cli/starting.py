"""Starts a run in a run directory: loads the manifest beside what is there, puts it in place, and applies it."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from batch.cli.accounts import assign_accounts_in
from batch.cli.confirm import show_forecast
from batch.cli.loading import Loaded, load_to_run
from batch.cli.login import with_login, with_project
from batch.cli.options import SessionOptions
from batch.cli.screen import say
from batch.cli.session import apply, occupy
from batch.cli.session_start import session_start
from batch.csms.access import Access
from batch.process.version import version
from batch.run import Guard
from jobs.ledger import Ledger
from jobs.ledger.record import read_record
from jobs.ledger.upgrade import reading, upgrade
from jobs.manifest.incoming import Incoming
from jobs.run_dir.earlier import set_aside
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.spec import JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a run is made of. With `keep`, the job that is in its directory is moved into a folder named so and after
    its time, once the new one is loaded. A shard of a fleet has a `guard`, and a folder `kept` for what all shards of
    its campaign share on this machine.
    """

    command: str
    incoming: Incoming
    spec: JobSpec
    access: Access
    options: SessionOptions
    keep: str | None = None
    guard: Guard | None = None
    kept: Path | None = None


def load_and_apply(directory: RunDirectory, start: Start) -> int:
    """Loads a manifest and runs it, in a directory whose lock the caller holds.

    Raises:
        UsageError: the manifest cannot be used, and nothing has changed.
    """
    access, options = start.access, start.options
    with directory.staging() as staged:
        spec, loaded = load_into(staged, start)
        if start.keep is not None:
            _keep_aside(directory.path, start.keep)
        directory.take_in(staged, loaded.copy)
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(directory.path))
        patience = Patience(options.wait, say)
        occupy(directory, ledger, spec.limits, patience, stack, also_failed=False, lock_dir=options.lock_dir)
        if not start.incoming.shown:
            show_forecast(loaded, ledger, spec, access, start.incoming)
        begin = session_start(start.command, spec, spec.limits, access, also_failed=False)
        return apply(directory.path, ledger, access, options, spec.limits, start=begin, guard=start.guard)


def load_into(folder: Path, start: Start) -> tuple[JobSpec, Loaded]:
    """Loads a manifest into an empty folder, with a login for each of its projects, and returns the job it found.

    Raises:
        UsageError: the manifest cannot be used.
        CredentialError: a login that it needs cannot be.
    """
    spec, no_project = with_project(start.spec, start.access)
    spec = with_login(spec, start.access)
    loaded = load_to_run(start.incoming, spec, folder, no_project, kept=start.kept)
    assign_accounts_in(start.access, folder)
    return spec, loaded


def _keep_aside(folder: Path, kind: str) -> None:
    # In place, so that also the log of an earlier format is folded back; opening it does that with one of this format.
    upgrade(folder, release=version())
    with reading(folder, release=version()) as ledger:
        loaded_at = read_record(ledger).created_at
    say(f"the files of the job before are kept in {set_aside(folder, kind, loaded_at)}")
