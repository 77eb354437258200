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
from batch.cli.run_to_look_at import LoadedRun, loaded_run
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

_KEPT_AS: dict[Next | None, str] = {Next.AFTER_DONE: names.DONE, Next.AFTER_NOTHING: names.ABANDONED}


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
    with ExitStack() as stack:
        lock = stack.enter_context(_entered(directory, manifest, Patience(session.wait, say)))
        directory.sweep()
        spool = stack.enter_context(directory.staging()) if incoming.read_once else directory.path
        step: Next | None = None
        if directory.loaded:
            with loaded_run(directory) as run:
                step = _step(run, incoming, given, spool)
                if step is Next.NOTHING:
                    return nothing_left(run, session)
                if step is Next.CONTINUE:
                    lock.introduce("go")
                    return continue_run(run, "go", limits, auth, session, also_failed=True)
        lock.introduce("go")
        return load_and_apply(directory, _start(incoming, given, step, auth, session))


def _start(incoming: Incoming, given: JobSpec, after: Next | None, auth: AuthOptions, session: SessionOptions) -> Start:
    access, keep = open_access(auth, given), _KEPT_AS.get(after)
    return Start(command="go", incoming=incoming, spec=given, access=access, options=session, keep=keep)


def _entered(directory: RunDirectory, manifest: str, patience: Patience) -> AbstractContextManager[FileLock]:
    directory.refuse_own(manifest)
    return PROCESS_SIGNALS.entering(lambda: directory.look(patience), directory.or_nothing, only_if=directory.made)


def _step(run: LoadedRun, incoming: Incoming, given: JobSpec, spool: Path) -> Next:
    directory, record = run.directory, run.record
    changed = tuple(map(str, differences(record.spec, given)))
    if incoming.sha256(spool) != record.manifest.sha256:
        changed = (f"manifest {incoming.manifest}: not the bytes that were loaded", *changed)
    step = next_run(run.so_far, same_job=not changed)
    if step is Next.REFUSE:
        finish = shlex.join(("csms-rekey", "resume", str(directory.path), "--failed"))
        raise UsageError(
            f"{directory.path}: its run has {counted(run.so_far.again, 'row')} left, and this is another job"
            f" ({'; '.join(changed)}); nothing was sent: finish that run with `{finish}`, or give another --run-dir"
        )
    return step
