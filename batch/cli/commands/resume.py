"""`resume`: from a directory that was left unfinished to its reports."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from batch.cli.continuing import continue_run, nothing_left, require_same_job
from batch.cli.options import (
    RESUMED,
    RESUMED_AUTH,
    SESSION,
    SOURCE,
    JobFile,
    ManifestOptions,
    ResumedAuthOptions,
    ResumedLimitOptions,
    SessionOptions,
)
from batch.cli.origins import NOWHERE, GivenOrigins
from batch.cli.resuming import resume_look
from batch.cli.run_to_look_at import loaded_run
from batch.cli.screen import say
from batch.cli.session import refuse_bad_options
from jobs.run_dir.look_dir import LookDirectory
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience


def resume(
    run_dir: Path,
    /,
    *,
    failed: bool = False,
    limits: ResumedLimitOptions = RESUMED,
    auth: ResumedAuthOptions = RESUMED_AUTH,
    session: SessionOptions = SESSION,
    source: Annotated[ManifestOptions, Parameter(show=False)] = SOURCE,
    _job: JobFile = None,
    _origins: GivenOrigins = NOWHERE,
) -> int:
    """Continues with the rows of a run directory that have not ended, or what `plan`, `verify` or `retire` has begun.

    Args:
        run_dir: A run directory, or the directory of a plan, verify or retire.
        failed: Also retry rows that ended as failed or unknown, with fresh attempts.
    """
    refuse_bad_options(session)
    if (looked_at := LookDirectory.find(run_dir)) is not None:
        return resume_look(looked_at, limits, auth, session, _origins)
    directory = RunDirectory.find(run_dir, network_ok=session.allow_network_fs)
    with ExitStack() as stack:
        lock = stack.enter_context(directory.look(Patience(session.wait, say)))
        directory.require_loaded()
        directory.sweep()
        run = stack.enter_context(loaded_run(directory))
        require_same_job(run.record.spec, source, _origins)
        if not run.so_far.left(also_failed=failed) and not run.so_far.beyond_limit:
            return nothing_left(run, session)
        lock.introduce("resume")
        return continue_run(run, "resume", limits, auth, session, also_failed=failed, lift_limit=True)
