"""What is asked of the service for the rows of a manifest that is planned, and what the plan is made of."""

from collections.abc import Iterable, Iterator

from batch.cli.command_lines import options_of_run
from batch.cli.planning_facts import SeenKeys, document, secrets_by_project
from batch.cli.questions import PlanQuestion
from batch.inventory.errands import DescribeKeys, Errand, ListSecrets, ReadSecrets
from jobs.ledger import Ledger
from jobs.ledger.asked import AskedRow
from jobs.manifest.carried_cells import carried_cells
from jobs.manifest.source import ManifestCopy
from jobs.model import Scope
from jobs.rate import Rate
from jobs.sightings import Sightings, Wanted
from reports.plan.lines import lines_of_manifest
from reports.plan.writing import PlanInput


def wanted(one: AskedRow) -> Wanted:
    """A row that is not selected is not looked at: its secret counts as one that no row is about."""
    return Wanted(row=one.row, project=None if one.left_out else one.scope, name=one.update.secret_name)


def errands(rows: Iterable[AskedRow]) -> Iterator[Errand]:
    """Each project's list, the secrets that it does not show, and the target keys of its rows."""
    keys = dict[Scope, dict[str, None]]()
    for one in rows:
        if one.scope is not None and not one.left_out:
            asked = keys.setdefault(one.scope, {})
            if one.invalid is None:
                asked[one.update.kms_key_id] = None
    for project, asked in keys.items():
        yield ListSecrets(project=project)
        yield ReadSecrets(project=project)
        yield DescribeKeys.of(project, asked)


def input_of_manifest(
    question: PlanQuestion, sightings: Sightings, ledger: Ledger, copy: ManifestCopy, rate: Rate
) -> PlanInput:
    """What a plan is made of once everything was seen of the rows of a ledger, whose manifest has a copy."""
    keys, projects = SeenKeys(sightings), sightings.projects()
    carried = carried_cells(copy, question.spec.encoding)
    return PlanInput(
        plan=document(question, sightings),
        lines=lines_of_manifest(ledger.told.asked(), sightings.shown.matched(), keys.judge, projects),
        names=carried.names,
        cells=carried.of_rows(one.row for one in ledger.told.asked()),
        bare=sightings.shown.unwanted,
        projects=projects,
        secrets=secrets_by_project(sightings),
        keys=keys.both,
        rate=rate,
        options=options_of_run(question.spec, rate),
    )
