"""Looks at a manifest as a run would, and sends nothing: all that is wrong with it, and what a run would ask for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from batch.cli.confirm import login_words
from batch.cli.loading import incoming_of
from batch.cli.login import open_access, with_project
from batch.cli.options import AuthOptions
from batch.csms.auth import NoLoginError
from batch.process.version import version
from jobs.ledger import Ledger
from jobs.ledger.forecast import Forecast, asks_of, forecast
from jobs.manifest.loading import Loaded, load
from jobs.manifest.planner import read_manifest
from jobs.manifest.scopes import lacks_project, with_unknown_project
from jobs.manifest.source import ManifestCopy
from jobs.problem import ManifestError, Problem
from jobs.spec import JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What came of it, by `spec`, which has the project that was found. `loaded` is None where the manifest could not
    even be copied, `forecast` where the file as a whole is unusable; `login` says with what the project was looked up.
    """

    spec: JobSpec
    sha256: str | None = None
    loaded: Loaded | None = None
    forecast: Forecast | None = None
    login: str | None = None


def look_at(
    manifest: str, spec: JobSpec, auth: AuthOptions, folder: Path, on_problem: Callable[[Problem], None]
) -> Look:
    """Loads a manifest into an empty folder. Only where a row needs a project that no option names, it is looked up as
    a run would; without any login such rows are counted for a project that is not known.

    Raises:
        CredentialError: there is a login, and it cannot tell the project.
    """
    # Figures are wanted of a manifest with invalid rows too.
    spec = msgspec.structs.replace(spec, strict=False)
    try:
        copy = incoming_of(manifest).copy_to(folder)
    except ManifestError as error:
        on_problem(error.problem)
        return Look(spec=spec)
    login = None
    if _needs_project(copy, spec):
        spec, login = _looked_up(spec, auth)
    loaded = load(copy, spec, folder, version=version(), on_problem=on_problem)
    if loaded.structural:
        return Look(spec=spec, sha256=copy.sha256, loaded=loaded, login=login)
    asks = loaded.asks
    if asks is None:
        with Ledger(folder) as ledger:
            asks = asks_of(ledger)
    found = forecast(asks, spec)
    return Look(spec=spec, sha256=copy.sha256, loaded=loaded, forecast=found, login=login)


def _needs_project(copy: ManifestCopy, spec: JobSpec) -> bool:
    if spec.project_id is not None:
        return False
    return any(lacks_project(problem) for batch in read_manifest(copy, spec) for problem in batch.problems)


def _looked_up(spec: JobSpec, auth: AuthOptions) -> tuple[JobSpec, str | None]:
    try:
        access = open_access(auth, spec)
    except NoLoginError:
        return with_unknown_project(spec), None
    spec, no_project = with_project(spec, access)
    if no_project is not None:
        raise no_project
    return spec, login_words(access)
