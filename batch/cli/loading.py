"""Loads a manifest for a command, and prints its problems as they are found, up to a limit."""

from collections.abc import Callable
from pathlib import Path

from batch.cli.screen import say
from batch.csms.auth import CredentialError
from batch.process.standard_input import StandardInput
from batch.process.version import version
from jobs.manifest.incoming import Incoming
from jobs.manifest.loading import Loaded, load
from jobs.manifest.scopes import lacks_project
from jobs.problem import Problem
from jobs.spec import JobSpec, UsageError

_SHOWN_PROBLEMS = 20
__all__ = ["Loaded", "ProblemPrinter", "incoming_of", "load_to_run"]


def incoming_of(manifest: str) -> Incoming:
    """The manifest that a command was given; `-` is standard input."""
    return Incoming(manifest, StandardInput())


def load_to_run(
    incoming: Incoming,
    spec: JobSpec,
    folder: Path,
    no_project: CredentialError | None,
    *,
    kept: Path | None = None,
) -> Loaded:
    """Rows without a project are not at fault where that of the job could not be found: then nothing is sent at all.
    `kept` as `load` has it.

    Raises:
        UsageError: the manifest cannot be used.
        CredentialError: `no_project`, where a row needs the job's own.
    """
    # What was shown before the question was answered is not shown twice.
    problems = ProblemPrinter(_keep_silent if incoming.shown else say, limit=_SHOWN_PROBLEMS)
    lacking = False

    def note(problem: Problem) -> None:
        nonlocal lacking
        lacking = lacking or lacks_project(problem)
        problems.add(problem)

    copy = incoming.copy_to(folder)
    # Where the project is not known, what its rows lack has to be noted each time.
    kept = kept if no_project is None else None
    loaded = load(copy, spec, folder, version=version(), on_problem=note, planned=incoming.planned, kept=kept)
    problems.finish()
    if no_project is not None and lacking:
        raise no_project
    if not loaded.usable(strict=spec.strict):
        raise UsageError(f"{loaded.name}: unusable; nothing was sent")
    return loaded


def _keep_silent(_line: str) -> None: ...


class ProblemPrinter:
    """Structural problems are always printed; of bad rows the first `limit`, and then how many more there were."""

    def __init__(
        self,
        tell: Callable[[str], None],
        *,
        limit: int | None,
        rest: str = "more invalid rows; the rejected file lists them all",
    ) -> None:
        self._tell = tell
        self._limit = limit
        self._rest = rest
        self._rows = 0

    def add(self, problem: Problem) -> None:
        """Prints a problem, or counts it."""
        if not problem.structural and problem.row is not None:
            self._rows += 1
            if self._limit is not None and self._rows > self._limit:
                return
        self._tell(str(problem))

    def finish(self) -> None:
        """Says how many were only counted."""
        if self._limit is not None and self._rows > self._limit:
            self._tell(f"... and {self._rows - self._limit} {self._rest}")
