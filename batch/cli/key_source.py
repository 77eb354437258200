"""Which keys a plan is to leave for which: those of options, or of a key map."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from batch.cli.loading import ProblemPrinter, incoming_of
from batch.cli.options import PlanOptions
from batch.cli.screen import say
from jobs.manifest.key_map import pairs, read_key_map
from jobs.model import KeyMove
from jobs.plan.document import PlanSource
from jobs.spec import JobSpec, UsageError

_SHOWN_PROBLEMS = 20


def source_of(options: PlanOptions, spec: JobSpec) -> PlanSource:
    """Which keys the options ask to be left for which.

    Raises:
        UsageError: the keys, or the file, cannot be used.
        ManifestError: the file cannot be read.
    """
    if options.key_map is None:
        try:
            moves = pairs(options.old_key or (), options.new_key or (), spec)
        except ValueError as error:
            raise UsageError(str(error)) from error
        return _source(moves, spec)
    with tempfile.TemporaryDirectory(prefix="csms-rekey-keys-") as name:
        copy = incoming_of(str(options.key_map)).copy_to(Path(name))
        found = read_key_map(copy, spec)
    problems = ProblemPrinter(say, limit=_SHOWN_PROBLEMS, rest="more rows that cannot be used")
    for problem in found.problems:
        problems.add(problem)
    problems.finish()
    if found.problems:
        raise UsageError(f"{copy.name}: unusable; nothing was looked at")
    return _source(found.moves, spec, name=copy.name, sha256=copy.sha256)


def _source(moves: Iterable[KeyMove], spec: JobSpec, name: str | None = None, sha256: str | None = None) -> PlanSource:
    return PlanSource(name=name, sha256=sha256, keys=tuple(moves), only=spec.only, exclude=spec.exclude)
