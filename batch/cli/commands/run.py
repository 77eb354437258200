"""`run`: from a manifest to reports."""

from contextlib import ExitStack
from pathlib import Path

import msgspec

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
    spec_of,
)
from batch.cli.screen import say
from batch.cli.session import apply, occupy, refuse_bad_options
from batch.csms.access import Access
from jobs.ledger import Ledger
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.spec import JobSpec


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
    refuse_bad_options(options)
    spec, no_project = with_project(spec, access)
    # Also which kind of login it was: a resume is not to take another one that happens to be found.
    spec = msgspec.structs.replace(spec, auth=access.login.describe().kind)
    directory = RunDirectory.new(run_dir, manifest, network_ok=options.allow_network_fs)
    with ExitStack() as stack:
        try:
            stack.enter_context(directory.lock("run", Patience(0.0, say)))
            load_to_run(manifest, spec, directory.path, no_project)
            ledger = stack.enter_context(Ledger(directory.path))
            patience = Patience(options.wait, say)
            occupy(directory, ledger, spec.limits, patience, stack, also_failed=False, lock_dir=options.lock_dir)
        except BaseException:
            directory.discard()
            raise
        return apply(directory.path, ledger, access, options, spec.limits, also_failed=False)
