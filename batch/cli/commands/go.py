"""`go`: runs a manifest in its own directory or continues there, as needed."""

import shlex
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from batch.cli.continuing import continue_run, nothing_left
from batch.cli.given import job_and_rows
from batch.cli.login import open_access
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
)
from batch.cli.origins import NOWHERE, GivenOrigins
from batch.cli.run_to_look_at import look_at
from batch.cli.screen import say
from batch.cli.session import refuse_bad_options
from batch.cli.starting import Start, load_and_apply
from batch.process.signals import PROCESS_SIGNALS
from jobs.job_facts import differences
from jobs.manifest.incoming import Incoming
from jobs.next_run import Next, next_run
from jobs.printable import counted
from jobs.run_dir import names
from jobs.run_dir.lock import FileLock
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.spec import JobSpec, UsageError

_KEPT_AS = {Next.AFTER_DONE: names.DONE, Next.AFTER_NOTHING: names.ABANDONED}


def go(
    manifest: ManifestPath,
    /,
    *,
    run_dir: Path,
    source: ManifestOptions = SOURCE,
    limits: LimitOptions = LIMITS,
    auth: AuthOptions = AUTH,
    session: SessionOptions = SESSION,
    plan_sha256: str | None = None,
    _job: JobFile = None,
    _origins: GivenOrigins = NOWHERE,
) -> int:
    """Runs a manifest or a plan, or continues its run: for schedulers, which call the same command until all is done.

    Takes failed and unknown rows again. For another manifest or job, keeps a finished run aside and refuses any other.

    Args:
        manifest: As for run, or the directory of a plan.
        run_dir: Directory for ledger and reports, the same each time; may be a mount point.
        plan_sha256: Run only the plan whose plan.json has this SHA-256.
    """
    refuse_bad_options(session)
    given, incoming = job_and_rows(manifest, (source, limits, auth), session, approved=plan_sha256, origins=_origins)
    directory = RunDirectory.claim(run_dir, manifest, network_ok=session.allow_network_fs)
    directory.refuse_own(manifest)
    with ExitStack() as stack:
        lock = stack.enter_context(_entered(directory, Patience(session.wait, say)))
        directory.sweep()
        spool = stack.enter_context(directory.staging()) if incoming.read_once else directory.path
        step = _step(directory, incoming, given, spool)
        if step is Next.NOTHING:
            return nothing_left(directory, session)
        lock.introduce("go")
        if step is Next.CONTINUE:
            return continue_run(directory, "go", limits, auth, session, also_failed=True)
        access, keep = open_access(auth, given), _KEPT_AS.get(step)
        new = Start(command="go", incoming=incoming, spec=given, access=access, options=session, keep=keep)
        return load_and_apply(directory, new)


def _entered(directory: RunDirectory, patience: Patience) -> AbstractContextManager[FileLock]:
    return PROCESS_SIGNALS.entering(lambda: directory.look(patience), directory.or_nothing, only_if=directory.made)


def _step(directory: RunDirectory, incoming: Incoming, given: JobSpec, spool: Path) -> Next:
    if not directory.loaded:
        return next_run(None, same_job=False)
    record, so_far = look_at(directory)
    changed = tuple(map(str, differences(record.spec, given)))
    if incoming.sha256(spool) != record.manifest.sha256:
        changed = (f"manifest {incoming.manifest}: not the bytes that were loaded", *changed)
    step = next_run(so_far, same_job=not changed)
    if step is Next.REFUSE:
        finish = shlex.join(("csms-rekey", "resume", str(directory.path), "--failed"))
        raise UsageError(
            f"{directory.path}: its run has {counted(so_far.again, 'row')} left, and this is another job"
            f" ({'; '.join(changed)}); nothing was sent: finish that run with `{finish}`, or give another --run-dir"
        )
    return step
