"""All rows of the manifest that shards have shared out, also those of shards that are missing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from batch.cli.loading import incoming_of
from batch.cli.merging_looks import MISSING, Together
from batch.process.version import version
from jobs.ledger import Ledger
from jobs.manifest.loading import load
from jobs.manifest.source import ManifestCopy
from jobs.run_dir.look_dir import LookDirectory
from jobs.sightings import Sightings
from jobs.spec import JobSpec, UsageError


def note_missing(sightings: Sightings, take: Callable[[], None]) -> None:
    """Takes in the rows of shards that are missing; their projects say why they were not looked at."""
    known = {one.scope for one in sightings.projects()}
    take()
    for one in sightings.projects():
        if one.scope not in known:
            sightings.stop_project(one.scope, MISSING)


@contextmanager
def whole_rows(
    directory: LookDirectory, together: Together, spec: JobSpec, sha256: str | None
) -> Iterator[tuple[Ledger, ManifestCopy]]:
    """All rows of the manifest that was shared out, by the copy that a shard has kept."""
    if together.source is None:
        raise UsageError(f"{directory.path}: no shard has kept its copy of the manifest; make them again")
    with directory.staging() as folder:
        copy = incoming_of(str(together.source)).copy_to(folder)
        if copy.sha256 != sha256:
            raise UsageError(f"{together.source}: was changed since its shard was made; make that again")
        load(copy, spec, folder, version=version(), on_problem=lambda _: None)
        with Ledger(folder) as ledger:
            yield ledger, copy
