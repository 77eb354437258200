"""Plans the rows of a manifest, which is loaded as a run would load it."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from batch.cli.accounts import assign_accounts
from batch.cli.looking import Way, look, opened
from batch.cli.planning import Planning
from batch.cli.planning_rows import errands, input_of_manifest, wanted
from batch.cli.questions import PlanQuestion
from jobs.ledger import Ledger
from jobs.ledger.record import read_record
from jobs.plan.document import PlanSource
from jobs.run_dir.look_dir import LookDirectory
from jobs.sightings import Sightings
from jobs.spec import JobSpec
from reports import Exit
from reports.retry_file import manifest_copy


def plan_manifest(
    load: Callable[[Path], object],
    spec: JobSpec,
    way: Way,
    claim: Callable[[], LookDirectory],
    *,
    source: PlanSource | None = None,
) -> int:
    """Makes the plan in the directory that is claimed once `load` has found the rows usable, in a separate folder;
    returns the exit code. What is continued has its `source` already.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="csms-rekey-plan-")))
        load(folder)
        ledger = stack.enter_context(Ledger(folder))
        assign_accounts(way.access, ledger)
        facts = read_record(ledger).manifest
        source = source or PlanSource(name=facts.name, sha256=facts.sha256, only=spec.only, exclude=spec.exclude)
        planning = Planning(directory=claim(), question=PlanQuestion(spec=spec, source=source), way=way)
        return _plan(planning, ledger, folder)


def _plan(planning: Planning, ledger: Ledger, folder: Path) -> int:
    copy = manifest_copy(folder, read_record(ledger))

    def note(sightings: Sightings) -> None:
        sightings.want(map(wanted, ledger.told.asked()))
        planning.directory.keep_source(copy.path)

    question, way = planning.question, planning.way
    with opened(planning.directory, question, way, note) as sightings:
        end = look(planning.directory, sightings, list(errands(ledger.told.asked())), way)
        if not end.whole:
            return end.exit_code(Exit.DONE)
        return planning.write(input_of_manifest(question, sightings, ledger, copy, way.limits.rate))
