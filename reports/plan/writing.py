"""Writes a whole plan into its directory: first what `plan.json` holds the sums of, then what shows it, then that."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from jobs.forecast import expected_s
from jobs.model import Scope
from jobs.plan.document import PLAN, Plan, PlanKey, PlannedFile, PlanProject, plan_json
from jobs.plan.target_key import Fitness, KeyVerdict
from jobs.rate import Rate
from jobs.run_dir import names
from jobs.run_dir.report_files import ReportFiles
from jobs.sightings import SeenKey, SeenProject, SeenSecret
from reports.campaign.account_column import AccountColumn
from reports.error import blaming
from reports.plan.lines import PlanLine, trouble_of
from reports.plan.page import write_plan_page
from reports.plan.rows import write_rows
from reports.plan.tally import PlanTally, exit_code_of_plan
from reports.plan.uncovered import Uncovered
from reports.plan.words import run_command
from reports.summary.schema import FileFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInput:
    """What a plan is made of. `lines` may be iterated once; `names` and `cells` are the columns that the source has
    besides, cells in step with its rows; `bare` are the secrets that no row is about, asked for once the rows are
    written. `plan` is the document without figures, and `moves_from` the old keys where the plan was made from them.
    """

    plan: Plan
    lines: Iterable[PlanLine]
    names: tuple[str, ...] = ()
    cells: Iterator[tuple[str, ...]] | None = None
    bare: Callable[[], Iterable[SeenSecret]]
    moves_from: tuple[str, ...] = ()
    projects: Sequence[SeenProject]
    secrets: Mapping[Scope, int]
    keys: Callable[[Scope, str], tuple[SeenKey | None, KeyVerdict]]
    rate: Rate
    options: tuple[str, ...] = ()
    """The command line's words for what a plan leaves to its run."""


class WrittenPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that stands in its directory, the SHA-256 by which it is approved, and the command that runs it."""

    plan: Plan
    sha256: str
    command: str
    kept: tuple[tuple[str, str], ...]


def write_plan(folder: Path, given: PlanInput) -> WrittenPlan:
    """Writes every file.

    Raises:
        ReportError: one cannot be written.
    """
    files, tally, accounts = ReportFiles(folder), PlanTally(), AccountColumn(given.projects)
    rows, preview = write_rows(files, given.lines, tally, accounts, names=given.names, cells=given.cells)
    selected = bool(given.plan.source.only or given.plan.source.exclude)
    uncovered = Uncovered(given.moves_from or tally.old_keys, accounts, selected=selected)
    bare = uncovered.write(files, given.bare())
    plan = _figured(given, tally, uncovered)
    written = (PlannedFile(name=one.name, sha256=one.sha256, rows=one.rows or 0) for one in (rows, preview, bare))
    plan = msgspec.structs.replace(plan, files=tuple(written))
    data = plan_json(plan)
    sha256 = hashlib.sha256(data).hexdigest()
    also = (FileFacts(name=PLAN, sha256=sha256, bytes=len(data), rows=plan.rows), rows, preview, bare)
    command = run_command(folder, sha256, given.options)
    write_plan_page(files, plan, sha256, command, also)
    # Last: where it is, nothing is missing, and the same command writes nothing more.
    with blaming(folder / PLAN), files.place(PLAN) as out:
        out.write(data)
    with blaming(folder / names.SUMS):
        files.seal(())
    return WrittenPlan(plan=plan, sha256=sha256, command=command, kept=files.kept)


def _figured(given: PlanInput, tally: PlanTally, uncovered: Uncovered) -> Plan:
    places = tally.places({one.scope: one.pages for one in given.projects})
    plan = msgspec.structs.replace(
        given.plan,
        rows=tally.rows,
        left_out=tally.left_out,
        blocked=tally.blocked,
        counts=tally.counts,
        projects=_projects(given, tally, uncovered),
        keys=_keys(given, tally),
        requests=sum(place.requests for place in places),
        rate=str(given.rate),
        duration_s=expected_s([places], given.rate),
    )
    return msgspec.structs.replace(plan, exit_code=exit_code_of_plan(plan))


def _projects(given: PlanInput, tally: PlanTally, uncovered: Uncovered) -> tuple[PlanProject, ...]:
    return tuple(
        PlanProject(
            endpoint=seen.endpoint,
            project_id=seen.project_id,
            region=seen.region,
            secrets=given.secrets.get(seen.scope, 0),
            pages=seen.pages,
            uncovered=uncovered.counts[seen.scope],
            counts=tally.counts_of(seen.scope),
            trouble=trouble_of(seen),
        )
        for seen in given.projects
    )


def _keys(given: PlanInput, tally: PlanTally) -> tuple[PlanKey, ...]:
    found = []
    for key in tally.keys:
        seen, verdict = given.keys(key.scope, key.kms_key_id)
        found.append(
            PlanKey(
                project_id=key.scope.project_id,
                kms_key_id=key.kms_key_id,
                state="" if seen is None else seen.state,
                usable=None if verdict.fitness is Fitness.UNCHECKED else verdict.fitness is Fitness.USABLE,
                reason=verdict.reason,
                alias="" if seen is None else seen.alias,
                rows=key.rows,
                old_keys=key.most_left,
            )
        )
    return tuple(found)
