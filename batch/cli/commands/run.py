"""`run`: from a manifest to reports."""

from contextlib import ExitStack
from pathlib import Path

import msgspec

from batch.cli.login import open_access, with_project
from batch.cli.options import AuthOptions, SessionOptions
from batch.cli.problems import ProblemPrinter
from batch.cli.screen import say
from batch.cli.session import apply, occupy, refuse_bad_options
from batch.csms.access import Access
from batch.csms.auth import CredentialError
from batch.process.standard_input import StandardInput
from batch.process.version import version
from jobs.ledger import Ledger
from jobs.manifest.loading import load
from jobs.manifest.scopes import lacks_project
from jobs.manifest.source import copy_manifest
from jobs.problem import Problem
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.spec import JobSpec, UsageError

_SHOWN_PROBLEMS = 20


def run(manifest: str, spec: JobSpec, auth: AuthOptions, options: SessionOptions, run_dir: Path | None) -> int:
    """Loads a manifest into a new run directory and runs it."""
    return run_as(open_access(auth), manifest, spec, options, run_dir)


def run_as(access: Access, manifest: str, spec: JobSpec, options: SessionOptions, run_dir: Path | None) -> int:
    """The same with a login that has been found."""
    refuse_bad_options(options)
    spec, no_project = with_project(spec, access)
    # Also which kind of login it was: a resume is not to take another one that happens to be found.
    spec = msgspec.structs.replace(spec, auth=access.login.describe().kind)
    directory = RunDirectory.new(run_dir, manifest, network_ok=options.allow_network_fs)
    with ExitStack() as stack:
        try:
            stack.enter_context(directory.lock("run", Patience(0.0, say)))
            _load(manifest, spec, directory.path, no_project)
            ledger = stack.enter_context(Ledger(directory.path))
            occupy(directory, ledger, spec.limits, Patience(options.wait, say), stack, also_failed=False)
        except BaseException:
            directory.discard()
            raise
        return apply(directory.path, ledger, access, options, spec.limits, also_failed=False)


def _load(manifest: str, spec: JobSpec, folder: Path, no_project: CredentialError | None) -> None:
    """Rows without a project are not at fault where that of the job could not be had: then nothing is sent at all."""
    problems = ProblemPrinter(say, limit=_SHOWN_PROBLEMS)
    lacking = False

    def note(problem: Problem) -> None:
        nonlocal lacking
        lacking = lacking or lacks_project(problem)
        problems.add(problem)

    copy = copy_manifest(manifest, folder, stdin=StandardInput())
    loaded = load(copy, spec, folder, version=version(), on_problem=note)
    problems.finish()
    if no_project is not None and lacking:
        raise no_project
    if not loaded.usable(strict=spec.strict):
        raise UsageError(f"{copy.name}: unusable as it is, nothing was sent")
