"""`plan.json`: a plan as one value. Its bytes are what an approval names, so it holds the sums of what it stands on."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from jobs.model import Count, Duration, KeyMove, Moment
from jobs.plan.action import Action
from jobs.spec import JobSpec

SCHEMA = "csms-rekey/plan/2"
"""Any change of what follows raises its number."""
_FORMAT = 1
"""The number before there were names; such a plan is read as it was approved."""
_OLD_NAMES = (("format", "schema"), ("release", "version"), ("looked_from", "started_at"))
_MOMENTS = ("started_at", "made_at")
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
    rows of a plan that was made from keys. `requests` are those of a run. A `shard` is a part, which cannot be run
    before all of them are merged.
    """

    schema: Literal["csms-rekey/plan/2"] = "csms-rekey/plan/2"
    version: str
    started_at: Moment
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
    shard: str | None = None

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


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as its file has it: moments are UTC, ISO 8601."""
    document: dict[str, Any] = msgspec.to_builtins(plan)
    return document | {name: _text(document[name]) for name in _MOMENTS}


def plan_json(plan: Plan) -> bytes:
    """The bytes of `plan.json`."""
    return (json.dumps(plan_document(plan), indent=2) + "\n").encode()


class _Head(msgspec.Struct):
    schema: str = ""
    format: int | None = None


def plan_of(data: bytes) -> Plan:
    """Reads them back, also those of an earlier release.

    Raises:
        ValueError: it is none, or one that this release can make nothing of.
    """
    head = msgspec.json.decode(data, type=_Head)
    document: dict[str, Any] = msgspec.json.decode(data)
    if head.format == _FORMAT:
        document = {dict(_OLD_NAMES).get(name, name): value for name, value in document.items()} | {"schema": SCHEMA}
    elif head.schema != SCHEMA:
        found = head.schema or f"format {head.format}"
        raise ValueError(f"a plan of {found}, this release reads {SCHEMA}")
    else:
        document |= {name: _seconds(document[name]) for name in _MOMENTS if name in document}
    return msgspec.convert(document, Plan)


def _text(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _seconds(text: object) -> float:
    return datetime.fromisoformat(str(text)).timestamp()
