"""Whether an old key may be retired, in sentences for people."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from jobs.printable import counted
from jobs.retirement import Gap, GapKind, KeyFacts, Uses, Verdict, unknown
from reports.retirement.document import DOCUMENT, KeyResult, Retirement

NO_KEY_THERE = "not found here"
_MOST_LINES = 20
_BOTH = 2


def key_sentence(
    kms_key_id: str, verdict: Verdict, uses: Uses, *, facts: Sequence[KeyFacts], projects: int, gaps: int, secrets: int
) -> str:
    """The verdict on one key. Of the projects that were looked at, `gaps` were not read whole."""
    match verdict:
        case Verdict.FREE:
            where = "the project" if projects == 1 else f"the {projects:,} projects"
            return (
                f"Key {kms_key_id} is free: no secret points at it, and no version was made with it, in {where} looked"
                f" at, with {counted(secrets, 'secret')}."
            )
        case Verdict.NEEDED:
            more = f" {_not_whole(gaps)}, so there may be more." if gaps else ""
            return f"Key {kms_key_id} is still needed: {uses_words(uses)}; {_freed_by(uses)}.{more}"
        case Verdict.INCOMPLETE:
            return f"It is not yet known whether key {kms_key_id} is free: {_why_not(facts, projects, gaps)}"
        case _:
            assert_never(verdict)


def sentence(keys: Sequence[KeyResult]) -> str:
    """All of them in one."""
    if len(keys) == 1:
        return keys[0].sentence
    named = ((Verdict.NEEDED, "still needed"), (Verdict.INCOMPLETE, "not decided"), (Verdict.FREE, "free"))
    counts = ((sum(key.verdict is verdict for key in keys), words) for verdict, words in named)
    parts = [f"{count} {'is' if count == 1 else 'are'} {words}" for count, words in counts if count]
    if len(parts) == 1:
        all_of_them = "Both" if len(keys) == _BOTH else f"All {len(keys)}"
        return f"{all_of_them} old keys are {parts[0].partition(' are ')[2]}."
    return f"Of {len(keys)} old keys {_listed(parts)}."


def lines(document: Retirement) -> Iterator[str]:
    """The answer as plain lines: the sentence, each key where there are several, what was not read, what to do."""
    yield document.sentence
    for told in (_key_lines, _state_lines, _gap_lines, _todo_lines):
        found = list(told(document))
        yield from found[:_MOST_LINES]
        if len(found) > _MOST_LINES:
            yield f"and {len(found) - _MOST_LINES:,} more, in {DOCUMENT}"
    yield f"not seen: {'; '.join(document.not_seen)}"


def uses_words(uses: Uses) -> str:
    """12 secrets point at it, 40 current, 3 previous and 5 other versions were made with it."""
    parts = []
    if uses.pointer:
        parts.append(f"{counted(uses.pointer, 'secret')} {'points' if uses.pointer == 1 else 'point'} at it")
    kinds = ((uses.current, "current"), (uses.previous, "previous"), (uses.other, "other"))
    if made := [f"{count:,} {kind}" for count, kind in kinds if count]:
        one = uses.versions == 1
        parts.append(f"{_listed(made)} version{'' if one else 's'} {'was' if one else 'were'} made with it")
    return ", ".join(parts)


def gap_words(gap: Gap) -> str:
    """What was not seen, and why."""
    reason = f": {gap.reason}" if gap.reason else ""
    secrets, one = counted(gap.secrets, "secret"), gap.secrets == 1
    match gap.kind:
        case GapKind.PROJECT:
            return f"nothing more could be asked of it{reason}"
        case GapKind.LIST:
            return f"its list of secrets was not read to its end{reason}"
        case GapKind.HIDDEN:
            return f"its list does not show {secrets} that {'exists' if one else 'exist'}, so it may hide more"
        case GapKind.SECRET:
            return f"{secrets} could not be read{reason}"
        case GapKind.VERSIONS:
            return f"the versions of {secrets} were not read{reason}"
        case GapKind.NO_KEY:
            return f"{secrets} {'shows' if one else 'show'} no key, or none for a version"
        case _:
            assert_never(gap.kind)


def state_words(facts: KeyFacts) -> str:
    """What KMS says of a key in one project."""
    if facts.absent:
        return NO_KEY_THERE
    return f"not checked: {facts.trouble}" if facts.trouble is not None else facts.state


def _key_lines(document: Retirement) -> Iterator[str]:
    if len(document.keys) > 1:
        yield from (key.sentence for key in document.keys)


def _state_lines(document: Retirement) -> Iterator[str]:
    for key in document.keys:
        there = [one for one in key.states if one.state != NO_KEY_THERE]
        yield from (f"key {key.kms_key_id} in project {one.project_id}: {one.state}" for one in there)


def _gap_lines(document: Retirement) -> Iterator[str]:
    for project in document.projects:
        for gap in project.not_read:
            some = f" ({', '.join(gap.samples)})" if gap.samples else ""
            yield f"project {project.project_id}: {gap.words}{some}"


def _todo_lines(document: Retirement) -> Iterator[str]:
    for owner in document.owners:
        whose = f"{document.owner_column} {owner.owner or 'not named'}: " if document.owner_column else ""
        yield from (f"{whose}{counted(todo.secrets, 'secret')}: {todo.todo.value}" for todo in owner.todos)


def _freed_by(uses: Uses) -> str:
    moved = f"the {'secret is' if uses.pointer == 1 else 'secrets are'} on another key" if uses.pointer else ""
    pushed = "newer versions have pushed the old ones out" if uses.versions else ""
    return f"it is free once {_listed(list(filter(None, (moved, pushed))))}"


def _why_not(facts: Sequence[KeyFacts], projects: int, gaps: int) -> str:
    if not projects:
        return "there is no project to look at."
    if unknown(facts, projects=projects):
        where = "the project" if projects == 1 else f"any of the {projects:,} projects"
        return f"no use of it was seen, but KMS does not know such a key in {where}. Is its id right?"
    return f"no use of it was seen, but {_not_whole(gaps) if gaps else 'not everything was looked at'}."


def _not_whole(gaps: int) -> str:
    return f"{counted(gaps, 'project')} {'was' if gaps == 1 else 'were'} not read completely"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""
