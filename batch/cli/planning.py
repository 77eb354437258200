"""What both ways to make a plan share: where it goes, what it is about, and how it is written and shown."""

from dataclasses import dataclass
from json import dumps
from pathlib import Path

from batch.cli.looking import Way
from batch.cli.questions import PlanQuestion
from batch.cli.screen import say, tell, tell_json
from jobs.model import Scope
from jobs.plan.document import PLAN, plan_document
from jobs.run_dir.look_dir import LookDirectory
from jobs.spec import UsageError
from reports.plan.words import plan_lines
from reports.plan.writing import PlanInput, write_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """One plan that is asked for: where it goes, what it is about, and how the service is asked."""

    directory: LookDirectory
    question: PlanQuestion
    way: Way
    whole: tuple[Scope, ...] = ()
    """All the projects, where keys are planned, also those of other shards."""

    def write(self, given: PlanInput) -> int:
        """Writes the plan and shows it; returns the exit code.

        Raises:
            ReportError: a file cannot be written.
        """
        code = put_down(self.directory.path, given, json=self.way.options.json)
        if self.question.spec.shard is None:
            self.directory.drop_source()
        return code


def put_down(folder: Path, given: PlanInput, *, json: bool) -> int:
    """Writes a plan into a folder and shows it; returns the exit code.

    Raises:
        ReportError: a file cannot be written.
    """
    written = write_plan(folder, given)
    for name, new in written.kept:
        say(f"{folder / name}: changed since it was written, so it is kept; the new file is {new}")
    if json:
        told = {"folder": str(folder), "sha256": written.sha256, **plan_document(written.plan)}
        tell_json(dumps(told, indent=2))
    else:
        for line in plan_lines(written.plan, written.sha256, written.command):
            tell(line)
    return written.plan.exit_code


def refuse_planned(folder: Path | None) -> None:
    """A plan that is there stays as it was approved.

    Raises:
        UsageError: there is one.
    """
    if folder is not None and (folder / PLAN).exists():
        raise UsageError(f"{folder}: holds a plan already; give a new or an empty --out")
