"""One shard of a campaign on this machine: its lease, the newest ledger there is, its run, and its last word."""

from contextlib import ExitStack
from dataclasses import replace

from batch.cli.continuing import continue_run, nothing_left
from batch.cli.login import open_access
from batch.cli.options import LimitOptions
from batch.cli.run_to_look_at import loaded_run
from batch.cli.screen import say
from batch.cli.shard_task import Task
from batch.cli.starting import Start, load_and_apply, load_into
from batch.fleet.holding import held
from batch.fleet.home import Home
from batch.fleet.last_word import keep_last_word
from batch.fleet.source import fetch_source
from batch.fleet.tenant import Tenant
from jobs.ledger import LedgerError
from jobs.manifest.incoming import Incoming
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from reports import Exit

_COMMAND = "fleet shard"


def work_on(task: Task) -> int:
    """Works on it until it has ended or somebody else has it; the exit code.

    Raises:
        LeaseHeldError: another process works on it.
        LockHeldError: another process of this machine does.
        OSError: the campaign folder or this disk cannot be read or written.
    """
    home = Home(task.work, task.of, task.shard)
    home.make()
    directory = RunDirectory.claim(home.run, task.of.manifest_name, network_ok=task.session.allow_network_fs)
    with ExitStack() as stack:
        stack.enter_context(directory.lock(_COMMAND, Patience(task.session.wait, say)))
        directory.sweep()
        home.sweep()
        incoming = fetch_source(task.storage, task.of, home.source)
        start = None if directory.loaded else _start(task, home, directory, incoming)
        tenant = stack.enter_context(held(task.claim(home), directory, incoming))
        code = _run(task, directory, start, tenant)
        if (why := tenant.why_not()) is not None:
            say(f"{why}; nothing more was sent, and another process may continue")
            return without_lease(code)
        try:
            keep_last_word(task.storage, tenant, directory.path, code)
        except (LedgerError, OSError) as error:
            say(f"shard {task.shard}: its last snapshot could not be kept: {str(error) or type(error).__name__}")
            return Exit.CANNOT_WRITE
        return code


def without_lease(code: int) -> int:
    """The exit code of a run that ended with `code`, and then had no lease to say so in the campaign folder: it is not
    over there, even where every row has ended.
    """
    return max(code, Exit.LOCKED)


def _start(task: Task, home: Home, directory: RunDirectory, incoming: Incoming) -> Start:
    """How it begins here. A machine without a login that it needs says so before it waits for any other."""
    access, kept = open_access(task.auth, task.spec), home.whole
    start = Start(command=_COMMAND, incoming=incoming, spec=task.spec, access=access, options=task.session, kept=kept)
    if task.spec.accounts is not None:
        # Only the rows say which of them are needed.
        with directory.staging() as staged:
            load_into(staged, start)
    return start


def _run(task: Task, directory: RunDirectory, start: Start | None, tenant: Tenant) -> int:
    """As `go` does, in a directory that no other job can have."""
    if start is not None and not directory.loaded:
        return load_and_apply(directory, replace(start, guard=tenant))
    with loaded_run(directory) as run:
        if not run.so_far.again:
            return nothing_left(run, task.session)
        limits = LimitOptions()
        return continue_run(run, _COMMAND, limits, task.auth, task.session, also_failed=True, guard=tenant)
