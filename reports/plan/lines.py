"""The rows of a plan, each with what to do about it."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from jobs.ledger.asked import AskedRow
from jobs.manifest.key_map import target_of
from jobs.model import KeyMove, Scope, SecretUpdate
from jobs.plan.action import Absent, Action, Decision, Shown, Unseen, Wish, decide
from jobs.plan.target_key import KeyFacts, KeyVerdict
from jobs.sightings import Matched, SeenKey, SeenProject, SeenSecret

Judge = Callable[[Scope, str], KeyVerdict]
"""What KMS says of a target key in a project."""
_REFUSED = frozenset({"absent", "key", "rejected"})
"""The kinds of a refusal that is KMS's own word on the key, not on the login or on this moment."""


class PlanLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of the plan. `row` is its number in the source, None for a secret that cannot be made a row; without a
    `decision` it was not selected.
    """

    row: int | None
    scope: Scope | None
    update: SecretUpdate
    project_id: str
    region: str
    current_kms_key_id: str
    decision: Decision | None

    @property
    def runs(self) -> bool:
        """Whether a run of the plan takes it up."""
        return self.decision is not None and self.decision.action.runs


def lines_of_manifest(
    rows: Iterable[AskedRow], matched: Iterable[Matched], judge: Judge, projects: Iterable[SeenProject]
) -> Iterator[PlanLine]:
    """The rows of a manifest, in its order; both go in step."""
    troubles = {one.scope: trouble_of(one) for one in projects}
    for one, match in zip(rows, matched, strict=True):
        found = seen_of(match.secret, None if one.scope is None else troubles.get(one.scope))
        yield PlanLine(
            row=one.row,
            scope=one.scope,
            update=one.update,
            project_id=one.project_id,
            region=one.region,
            current_kms_key_id=found.kms_key_id if isinstance(found, Shown) else "",
            decision=None if one.left_out else _decision(one, found, judge),
        )


def lines_of_keys(
    secrets: Iterable[SeenSecret], moves: tuple[KeyMove, ...], selects: Callable[[str], bool], judge: Judge
) -> Iterator[PlanLine]:
    """A row for each secret that is on an old key, in the order of projects and names. Those that take no change are
    listed without a row: there is nothing about them that a run could do.
    """
    row = 0
    for one in secrets:
        place, found = one.project, seen_of(one)
        new = target_of(moves, kms_key_id=one.kms_key_id, project_id=place.project_id, region=place.region)
        if new is None or not isinstance(found, Shown) or not selects(one.name):
            continue
        decision = decide(Wish(kms_key_id=new), found, judge(place, new))
        is_row = decision.action is not Action.BLOCKED
        row += is_row
        yield PlanLine(
            row=row if is_row else None,
            scope=place,
            update=SecretUpdate(secret_name=one.name, kms_key_id=new),
            project_id=place.project_id,
            region=place.region or "",
            current_kms_key_id=one.kms_key_id,
            decision=decision,
        )


def _decision(one: AskedRow, found: Shown | Absent | Unseen, judge: Judge) -> Decision:
    update = one.update
    if one.scope is None or one.invalid is not None:
        return Decision(Action.INVALID, one.invalid or "")
    if update.description == "":
        # An empty cell of a text is no value, and the plan's rows are text.
        return Decision(Action.INVALID, "an empty description cannot stand in a plan; run the manifest itself")
    wish = Wish(
        kms_key_id=update.kms_key_id,
        expected_kms_key_id=update.expected_kms_key_id,
        description=update.description,
    )
    return decide(wish, found, judge(one.scope, update.kms_key_id))


def trouble_of(project: SeenProject) -> str | None:
    """What kept a project from being looked at as a whole."""
    return project.stopped or project.trouble or project.reads_trouble


def seen_of(secret: SeenSecret | None, trouble: str | None = None) -> Shown | Absent | Unseen:
    """What was seen of a secret, as far as it decides; where nothing was, `trouble` of its project says why."""
    if secret is None:
        return Unseen(trouble or "not looked at")
    if secret.missing:
        return Absent()
    if secret.trouble is not None:
        return Unseen(secret.trouble)
    standstill = "pending deletion" if secret.pending_deletion else "frozen" if secret.frozen else None
    return Shown(kms_key_id=secret.kms_key_id, description=secret.description, standstill=standstill)


def facts_of(key: SeenKey) -> KeyFacts:
    """What was seen of a key, as far as it decides."""
    return KeyFacts(state=key.state, spec=key.spec, usage=key.usage, trouble=key.trouble, refused=key.kind in _REFUSED)
