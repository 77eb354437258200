"""A plan in words, for the screen and the page."""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import assert_never

from jobs.plan.action import Action
from jobs.plan.document import PAGE, PREVIEW, UNCOVERED, Plan, PlanKey
from jobs.printable import counted, printable
from reports.screen.amounts import span

NOT_WHOLE = (
    "make the plan again once these projects can be read, or without them: it may lack rows, so it cannot be run"
)
_SHOWN_KEYS = 5


def part_words(plan: Plan) -> str:
    """What to do with a plan that is a shard."""
    return f"this is shard {plan.shard} of a plan: `merge` puts all of them together, and only the whole can be run"


def verdict(plan: Plan) -> str:
    """What it comes to, in one sentence."""
    change, undone = plan.rows_of(Action.CHANGE), plan.undone
    if plan.exit_code == _COULD_NOT_LOOK:
        return f"Not everything could be read: {counted(change, 'row')} would be changed as far as known"
    if undone:
        return f"{counted(undone, 'row')} cannot be done; {counted(change, 'row')} would be changed"
    if not change:
        return "Nothing has to be changed"
    return f"Everything can be done: {counted(change, 'row')} would be changed"


_COULD_NOT_LOOK = 3


def action_words(action: Action) -> str:
    """What an action means for a row."""
    match action:
        case Action.CHANGE:
            return "will get the new key"
        case Action.UNCHANGED:
            return "already have the new key"
        case Action.DRIFTED:
            return "are on another key than expected"
        case Action.MISSING:
            return "name a secret that does not exist"
        case Action.BLOCKED:
            return "are pending deletion or frozen"
        case Action.KEY_UNUSABLE:
            return "ask for a key that cannot be used"
        case Action.INVALID:
            return "cannot be used"
        case Action.UNREAD:
            return "could not be read"
        case _:
            assert_never(action)


def key_words(key: PlanKey) -> str:
    """Whether a target key can take secrets, in words."""
    if key.usable is None:
        return f"not checked: {key.reason}"
    return "enabled, can be used" if key.usable else f"cannot be used: it {key.reason}"


def duration_words(plan: Plan) -> str:
    """How long a run of it takes."""
    if plan.duration_s is None:
        return f"not known at --rate {plan.rate}"
    return f"about {span(plan.duration_s)} at {plan.rate} per project, if nothing fails"


def run_command(folder: Path, sha256: str, options: Iterable[str]) -> str:
    """The command that runs this very plan, with the options that a plan leaves to its run."""
    return shlex.join(map(printable, ("csms-rekey", "run", str(folder), "--plan-sha256", sha256, *options)))


def plan_lines(plan: Plan, sha256: str, command: str) -> Iterator[str]:
    """One fact in each line, none of them printable yet; `command` runs the plan."""
    yield f"{verdict(plan)}."
    yield from _row_lines(plan)
    yield from _key_lines(plan)
    if uncovered := sum(project.uncovered for project in plan.projects):
        yield f"{'not covered':<13} {counted(uncovered, 'secret')} on an old key and in no usable row, see {UNCOVERED}"
    for project in plan.projects:
        if project.trouble is not None:
            yield f"{'trouble':<13} project {project.project_id}: {project.trouble}"
    if plan.requests:
        yield f"{'requests':<13} {plan.requests:,}, {duration_words(plan)}"
    if plan.shard is None and plan.to_run and not plan.not_whole:
        yield f"{'SHA-256':<13} {sha256}"
    if then := _next_words(plan, command):
        yield f"{'next':<13} {then}"


def _row_lines(plan: Plan) -> Iterator[str]:
    for count in plan.counts:
        yield f"{count.action:<13} {counted(count.rows, 'row')}: {action_words(count.action)}"
    if plan.undone:
        yield f"{'':<13} {PREVIEW} says of each row why it cannot be done"
    if plan.left_out:
        yield f"{'not selected':<13} {counted(plan.left_out, 'row')}"
    if plan.blocked:
        yield f"{'left out':<13} {counted(plan.blocked, 'secret')} pending deletion or frozen, see {PREVIEW}"


def _next_words(plan: Plan, command: str) -> str:
    if plan.shard is not None:
        return part_words(plan)
    if plan.not_whole:
        return NOT_WHOLE
    return command if plan.to_run else ""


def _key_lines(plan: Plan) -> Iterator[str]:
    many = len(plan.projects) > 1
    for key in plan.keys[:_SHOWN_KEYS]:
        where = f" in project {key.project_id}" if many else ""
        yield f"{'new key':<13} {key.kms_key_id}{where}: {key_words(key)}; {counted(key.rows, 'row')}"
    if len(plan.keys) > _SHOWN_KEYS:
        yield f"{'':<13} and {len(plan.keys) - _SHOWN_KEYS} more, see {PAGE}"
