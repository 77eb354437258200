"""`resume`: from a run directory with open rows to reports."""

from contextlib import ExitStack
from pathlib import Path

from batch.cli.login import open_access
from batch.cli.options import AUTH, LIMITS, SESSION, AuthOptions, JobFile, LimitOptions, SessionOptions, limits_of
from batch.cli.screen import say
from batch.cli.session import apply, occupy, refuse_bad_options
from batch.process.version import version
from jobs.ledger import Ledger
from jobs.ledger.record import read_record
from jobs.ledger.upgrade import upgrade
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience


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
    """Continues with the rows of a run directory that have not ended.

    Args:
        failed: Also take rows again that ended as failed or unknown, with fresh attempts.
    """
    refuse_bad_options(session)
    directory = RunDirectory.find(run_dir, network_ok=session.allow_network_fs)
    with ExitStack() as stack:
        patience = Patience(session.wait, say)
        stack.enter_context(directory.lock("resume", patience))
        directory.require_loaded()
        directory.sweep()
        if (found := upgrade(run_dir, release=version())) is not None:
            say(f"{run_dir}: its ledger was of format {found} and is upgraded")
        ledger = stack.enter_context(Ledger(run_dir))
        spec = read_record(ledger).spec
        merged = limits_of(limits, spec.limits)
        occupy(directory, ledger, merged, patience, stack, also_failed=failed, lock_dir=session.lock_dir)
        # The job's own kind of login: another one that happens to be found may have other rights, or none.
        access = open_access(auth, stored=spec.auth)
        return apply(run_dir, ledger, access, session, merged, also_failed=failed)
