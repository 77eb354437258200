"""Plans the rows of a manifest, which is loaded as a run would load it."""

import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec

from batch.cli.loading import load_to_run
from batch.cli.login import with_project
from batch.cli.looking import opened
from batch.cli.planning import Planning
from batch.cli.planning_facts import SeenKeys, document, secrets_by_project
from batch.cli.planning_rows import errands, wanted
from jobs.ledger import Ledger
from jobs.ledger.record import read_record
from jobs.manifest.carried_cells import carried_cells
from jobs.manifest.incoming import Incoming
from jobs.plan.document import PlanSource
from reports import Exit
from reports.plan.lines import lines_of_manifest
from reports.plan.writing import PlanInput
from reports.retry_file import manifest_copy


def plan_manifest(planning: Planning, incoming: Incoming, project_id: tuple[str, ...] | None) -> int:
    """Makes the plan; returns the exit code.

    Raises:
        UsageError: the manifest cannot be used.
        CredentialError: the project that its rows need could not be found.
    """
    given = msgspec.structs.replace(planning.spec, project_id=project_id[0] if project_id else None)
    spec, no_project = with_project(given, planning.access)
    planning = replace(planning, spec=spec)
    with tempfile.TemporaryDirectory(prefix="csms-rekey-plan-") as name:
        load_to_run(incoming, spec, Path(name), no_project)
        with Ledger(Path(name)) as ledger:
            return _plan(planning, ledger, Path(name))


def _plan(planning: Planning, ledger: Ledger, folder: Path) -> int:
    facts, spec = read_record(ledger).manifest, planning.spec
    source = PlanSource(name=facts.name, sha256=facts.sha256, only=spec.only, exclude=spec.exclude)
    directory = planning.claim()
    with opened(directory, "plan", planning.job(source), planning.options) as sightings:
        sightings.want(map(wanted, ledger.told.asked()))
        end = planning.look(directory, sightings, list(errands(ledger.told.asked())))
        if not end.whole:
            return end.exit_code(Exit.DONE)
        keys = SeenKeys(sightings)
        carried = carried_cells(manifest_copy(folder, read_record(ledger)), spec.encoding)
        projects = sightings.projects()
        lines = lines_of_manifest(ledger.told.asked(), sightings.shown.matched(), keys.judge, projects)
        return planning.write(
            directory.path,
            PlanInput(
                plan=document(spec, planning.access, source, sightings, end.requests),
                lines=lines,
                names=carried.names,
                cells=carried.rows,
                bare=sightings.shown.unwanted,
                projects=projects,
                secrets=secrets_by_project(sightings),
                keys=keys.both,
                rate=spec.limits.rate,
            ),
        )
