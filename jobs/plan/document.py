"""`plan.json`: a plan as one value. Its bytes are what an approval names, so it holds the sums of what it stands on."""

import json
from typing import Annotated

import msgspec

from jobs.model import Count, Duration, KeyMove, Moment
from jobs.plan.action import Action
from jobs.spec import JobSpec

FORMAT = 1
"""Any change of what follows raises it."""
PLAN, ROWS, PREVIEW, UNCOVERED, PAGE = "plan.json", "manifest.csv", "preview.csv", "uncovered.csv", "plan.html"

Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class PlannedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file beside it, as it was written; `rows` without the header."""

    name: str
    sha256: Digest
    rows: Count


class PlanSource(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for: a manifest or a key map under its user's name, with its sum, or `keys` of options."""

    name: str | None = None
    sha256: Digest | None = None
    keys: tuple[KeyMove, ...] = ()
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class ActionCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows have an action."""

    action: Action
    rows: Count


class PlanProject(msgspec.Struct, frozen=True, kw_only=True):
    """One project: how its rows come out, how many secrets it was seen to have and how many pages they fill, and what
    could not be looked at.
    """

    endpoint: str
    project_id: str
    region: str | None
    secrets: Count
    pages: Count
    uncovered: Count
    counts: tuple[ActionCount, ...]
    trouble: str | None = None

    def rows_of(self, action: Action) -> int:
        """How many of its rows have an action."""
        return next((count.rows for count in self.counts if count.action is action), 0)


class PlanKey(msgspec.Struct, frozen=True, kw_only=True):
    """A target key in one project: whether it can take secrets, in words, and how many rows ask for it. `old_keys` are
    those that rows to change are on.
    """

    project_id: str
    kms_key_id: str
    state: str
    usable: bool | None
    """None: not checked."""
    reason: str
    alias: str
    rows: Count
    old_keys: tuple[str, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The whole. `rows` are those of the source, of which `left_out` were not selected; `blocked` secrets are not
    rows of a plan that was made from keys. `requests` are those of a run.
    """

    format: int = FORMAT
    release: str
    looked_from: Moment
    """When the service was first asked: the plan was made from what it showed from then on."""
    made_at: Moment
    made_by: str
    login: str
    source: PlanSource
    endpoint: str | None
    region: str | None
    key_pattern: str
    project_pattern: str
    rows: Count
    left_out: Count
    blocked: Count
    counts: tuple[ActionCount, ...]
    projects: tuple[PlanProject, ...]
    keys: tuple[PlanKey, ...]
    files: tuple[PlannedFile, ...]
    looked_with: Count
    """Requests that it took to make the plan."""
    requests: Count
    rate: str
    duration_s: Duration | None
    exit_code: Count
    unknown_keys: tuple[str, ...] = ()
    """Old keys that no secret is on and no project has: their ids are wrong."""

    def rows_of(self, action: Action) -> int:
        """How many rows have an action."""
        return next((count.rows for count in self.counts if count.action is action), 0)

    def job(self, run: JobSpec) -> JobSpec:
        """The job of a run of it: what is left to `run`, and what the plan decides."""
        return msgspec.structs.replace(
            run,
            endpoint=self.endpoint,
            region=self.region,
            project_id=None,
            project_found=False,
            encoding="utf-8",
            delimiter=None,
            only=(),
            exclude=(),
            strict=False,
            key_pattern=self.key_pattern,
            project_pattern=self.project_pattern,
        )

    @property
    def to_run(self) -> int:
        """Rows that a run takes up."""
        return sum(count.rows for count in self.counts if count.action.runs)

    @property
    def undone(self) -> int:
        """Rows that it cannot do."""
        return sum(count.rows for count in self.counts if not count.action.runs)

    @property
    def not_whole(self) -> tuple[PlanProject, ...]:
        """Projects that rows may be missing of: where the keys are the source, only listed secrets are rows."""
        return tuple(one for one in self.projects if one.trouble is not None) if self.source.keys else ()

    def file(self, name: str) -> PlannedFile | None:
        """One of the files."""
        return next((one for one in self.files if one.name == name), None)


def plan_json(plan: Plan) -> bytes:
    """The bytes of `plan.json`."""
    return (json.dumps(msgspec.to_builtins(plan), indent=2) + "\n").encode()


class _Format(msgspec.Struct):
    format: int


def plan_of(data: bytes) -> Plan:
    """Reads them back.

    Raises:
        ValueError: it is none, or one that this release can make nothing of.
    """
    found = msgspec.json.decode(data, type=_Format).format
    if found != FORMAT:
        raise ValueError(f"a plan of format {found}, this release reads {FORMAT}")
    return msgspec.json.decode(data, type=Plan)
