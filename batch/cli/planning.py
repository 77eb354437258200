"""What both ways to make a plan share: where it goes, what was asked, and how it is written and shown."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from batch.cli.looking import look
from batch.cli.options import LookOptions
from batch.cli.planning_facts import BEGUN
from batch.cli.screen import say, tell, tell_json
from batch.csms.access import Access
from batch.inventory.errands import Errand
from batch.look import LookEnd
from jobs.plan.document import PLAN, PlanSource
from jobs.run_dir.look_dir import LookDirectory, moment_name
from jobs.sightings import Sightings
from jobs.spec import JobSpec, UsageError
from reports.plan.words import plan_lines
from reports.plan.writing import PlanInput, write_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """One plan that is asked for, and where it is to go: `out`, or a new folder with `stem` in its name."""

    out: Path | None
    stem: str
    spec: JobSpec
    access: Access
    options: LookOptions

    def refuse_finished(self) -> None:
        """A plan that is there stays as it was approved.

        Raises:
            UsageError: there is one.
        """
        if self.out is not None and (self.out / PLAN).exists():
            raise UsageError(f"{self.out}: holds a plan already; give a new or an empty --out")

    def claim(self) -> LookDirectory:
        """The folder for it.

        Raises:
            UsageError: it cannot be used.
        """
        default = Path("plans") / f"{moment_name()}-{self.stem}"
        return LookDirectory.claim(self.out, default, network_ok=self.options.allow_network_fs)

    def job(self, source: PlanSource, **more: object) -> str:
        """What is asked, as text: the same command continues where it was interrupted, and no other."""
        asked = msgspec.structs.replace(self.spec, limits=type(self.spec.limits)(), auth=type(self.spec.auth).AUTO)
        return json.dumps({"source": msgspec.to_builtins(source), "spec": msgspec.to_builtins(asked), **more})

    def look(self, directory: LookDirectory, sightings: Sightings, errands: Sequence[Errand]) -> LookEnd:
        """One session of looking."""
        if sightings.kept(BEGUN) is None:
            sightings.keep(BEGUN, repr(time.time()))
        return look(
            directory,
            sightings,
            errands,
            access=self.access,
            limits=self.spec.limits,
            options=self.options,
        )

    def write(self, folder: Path, given: PlanInput) -> int:
        """Writes the plan and shows it; returns the exit code.

        Raises:
            ReportError: a file cannot be written.
        """
        written = write_plan(folder, given)
        for name, new in written.kept:
            say(f"{folder / name}: changed since it was written, so it is kept; the new file is {new}")
        if self.options.json:
            told = {"folder": str(folder), "sha256": written.sha256, **msgspec.to_builtins(written.plan)}
            tell_json(json.dumps(told, indent=2))
        else:
            for line in plan_lines(written.plan, folder, written.sha256):
                tell(line)
        return written.plan.exit_code
