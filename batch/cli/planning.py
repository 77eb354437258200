"""What both ways to make a plan share: where it goes, what was asked, and how it is written and shown."""

import json
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from batch.cli.confirm import login_words
from batch.cli.looking import look
from batch.cli.options import LookOptions
from batch.cli.screen import say, tell, tell_json
from batch.cli.session_start import os_user
from batch.csms.access import Access
from batch.inventory.errands import Errand
from batch.look import LookEnd
from batch.process.version import version
from jobs.manifest.key_map import plain_key
from jobs.model import Scope
from jobs.plan.document import PLAN, Plan, PlanSource
from jobs.plan.target_key import KeyVerdict, verdict_on
from jobs.printable import shortened
from jobs.run_dir.look_dir import LookDirectory, moment_name
from jobs.sightings import SeenKey, Sightings
from jobs.spec import JobSpec, UsageError
from reports.plan.lines import facts_of
from reports.plan.words import plan_lines
from reports.plan.writing import PlanInput, write_plan

_UUID_PARTS = (8, 4, 4, 4, 12)


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
        return look(
            directory,
            sightings,
            errands,
            access=self.access,
            limits=self.spec.limits,
            options=self.options,
        )

    def document(self, source: PlanSource, looked_with: int) -> Plan:
        """The plan without its figures."""
        spec = self.spec
        return Plan(
            release=version(),
            made_at=time.time(),
            made_by=shortened(f"{os_user()} at {socket.gethostname()}"),
            login=shortened(login_words(self.access)),
            source=source,
            endpoint=spec.endpoint,
            region=spec.region if spec.endpoint is not None else None,
            key_pattern=spec.key_pattern,
            project_pattern=spec.project_pattern,
            rows=0,
            left_out=0,
            blocked=0,
            counts=(),
            projects=(),
            keys=(),
            files=(),
            looked_with=looked_with,
            requests=0,
            rate=str(spec.limits.rate),
            duration_s=None,
            exit_code=0,
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


class SeenKeys:
    """What KMS said of target keys, by any spelling of their ids."""

    def __init__(self, sightings: Sightings) -> None:
        self._found = {(one.project, plain_key(one.kms_key_id)): one for one in sightings.shown.described()}

    def judge(self, project: Scope, kms_key_id: str) -> KeyVerdict:
        """Whether a key can take secrets."""
        return self.both(project, kms_key_id)[1]

    def both(self, project: Scope, kms_key_id: str) -> tuple[SeenKey | None, KeyVerdict]:
        """What was seen, and what it comes to."""
        seen = self._found.get((project, plain_key(kms_key_id)))
        return seen, verdict_on(None if seen is None else facts_of(seen))


def described(key_ids: Iterable[str]) -> tuple[str, ...]:
    """Key ids as KMS takes them, each key once: hexadecimal digits alone get their dashes."""
    return tuple({plain_key(one): _dashed(one) for one in key_ids}.values())


def secrets_by_project(sightings: Sightings) -> dict[Scope, int]:
    """How many secrets each project was seen to have."""
    counted = sightings.shown.query(
        "SELECT p.endpoint, p.project_id, p.region, COUNT(*) FROM secret s JOIN project p ON p.id = s.project"
        " WHERE s.missing = 0 AND s.trouble IS NULL GROUP BY p.id"
    )
    return {Scope(endpoint=endpoint, project_id=one, region=region): count for endpoint, one, region, count in counted}


def _dashed(kms_key_id: str) -> str:
    digits = plain_key(kms_key_id)
    if "-" in kms_key_id or len(digits) != sum(_UUID_PARTS):
        return kms_key_id
    return "-".join(_cut(digits))


def _cut(digits: str) -> Iterator[str]:
    at = 0
    for length in _UUID_PARTS:
        yield digits[at : at + length]
        at += length
