"""Looks at the rows of a campaign before any machine has them."""

from pathlib import Path

from batch.cli.loading import ProblemPrinter
from batch.cli.screen import say
from batch.process.version import version
from jobs.ledger import Ledger
from jobs.ledger.forecast import asks_of
from jobs.manifest.incoming import Incoming
from jobs.manifest.loading import Loaded, load
from jobs.manifest.scopes import with_unknown_project
from jobs.manifest.source import ManifestCopy
from jobs.spec import JobSpec, UsageError

_SHOWN_PROBLEMS = 20


def looked_at(copy: ManifestCopy, incoming: Incoming, job: JobSpec, spool: Path) -> tuple[Loaded, int]:
    """What is wrong with it shows here and not on every machine; and in how many projects its rows are.

    Raises:
        UsageError: it cannot be used.
    """
    spec = job if job.project_id is not None else with_unknown_project(job)
    problems = ProblemPrinter(say, limit=_SHOWN_PROBLEMS)
    loaded = load(copy, spec, spool, version=version(), on_problem=problems.add, planned=incoming.planned)
    problems.finish()
    if not loaded.usable(strict=spec.strict):
        raise UsageError(f"{loaded.name}: unusable; nothing was sent")
    if (asks := loaded.asks) is None:
        with Ledger(spool) as ledger:
            asks = asks_of(ledger)
    return loaded, len({(place.endpoint, place.project_id) for _, place in asks.places})
