"""`run`: from a manifest or a plan to reports."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from batch.cli.confirm import confirm
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
from batch.cli.run_to_look_at import loaded_run
from batch.cli.screen import say
from batch.cli.session import refuse_bad_options
from batch.cli.starting import Start, load_and_apply
from batch.csms.access import Access
from batch.process.signals import PROCESS_SIGNALS
from jobs.manifest.incoming import Incoming
from jobs.run_dir import names
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.spec import JobSpec, UsageError


def run(
    manifest: ManifestPath,
    /,
    *,
    source: ManifestOptions = SOURCE,
    limits: LimitOptions = LIMITS,
    auth: AuthOptions = AUTH,
    session: SessionOptions = SESSION,
    run_dir: Path | None = None,
    yes: Annotated[bool, Parameter(negative="")] = False,
    plan_sha256: str | None = None,
    _job: JobFile = None,
    _origins: GivenOrigins = NOWHERE,
) -> int:
    """Loads a manifest, or the rows of a plan directory, into a new run directory and runs it.

    Args:
        manifest: CSV, TSV, text or Parquet file, or - for standard input, or the directory of a plan. Columns:
            secret_name, kms_key_id; optional project_id, region, description, expected_kms_key_id, account.
        run_dir: Directory for ledger and reports.
            [default: runs/<UTC time>-<manifest>]
        yes: Start without asking. Only a terminal is asked.
        plan_sha256: Run only the plan whose plan.json has this SHA-256, without asking.
    """
    refuse_bad_options(session)
    spec, incoming = job_and_rows(manifest, (source, limits, auth), session, approved=plan_sha256, origins=_origins)
    access = open_access(auth, spec)
    _refuse_used(run_dir, session)
    confirm(incoming, spec, access, yes=yes or plan_sha256 is not None)
    return start(incoming, spec, access, session, run_dir)


def start(incoming: Incoming, spec: JobSpec, access: Access, options: SessionOptions, run_dir: Path | None) -> int:
    """Runs a manifest, for a caller that has made the job and the login already, and knows its options to be good."""
    directory = RunDirectory.claim(run_dir, incoming.manifest, network_ok=options.allow_network_fs)
    directory.refuse_own(incoming.manifest)
    with PROCESS_SIGNALS.entering(
        lambda: directory.lock("run", Patience(0.0, say)), directory.or_nothing, only_if=directory.made
    ):
        directory.sweep()
        keep = _keep(directory)
        new = Start(command="run", incoming=incoming, spec=spec, access=access, options=options, keep=keep)
        return load_and_apply(directory, new)


def _refuse_used(run_dir: Path | None, options: SessionOptions) -> None:
    """Before a person is asked: a directory that holds a run takes no other."""
    # Unlike the method of a path, this knows no errors.
    if run_dir is not None and os.path.isfile(run_dir / names.LEDGER):  # noqa: PTH113 - see above
        directory = RunDirectory.find(run_dir, network_ok=options.allow_network_fs)
        with directory.lock("run", Patience(0.0, say)):
            _keep(directory)


def _keep(directory: RunDirectory) -> str | None:
    """How the job is kept aside that is there already and never sent anything; None where there is none.

    Raises:
        UsageError: it has sent something, or may have.
    """
    if not directory.loaded:
        return None
    with loaded_run(directory) as run:
        so_far = run.so_far
    if so_far.sent or so_far.in_doubt:
        raise UsageError(f"{directory.path}: exists already, with a run; resume it, or give another --run-dir")
    return names.ABANDONED
