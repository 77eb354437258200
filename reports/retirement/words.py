"""Whether an old key may be retired, in sentences for people."""

from collections.abc import Sequence
from typing import assert_never

from jobs.retirement import Gap, GapKind, KeyFacts, Uses, Verdict, unknown
from reports.retirement.document import KeyResult

NO_KEY_THERE = "not found here"


def key_sentence(  # noqa: PLR0913 # one parameter for each thing that the sentence speaks of
    kms_key_id: str, verdict: Verdict, uses: Uses, *, facts: Sequence[KeyFacts], projects: int, gaps: int, secrets: int
) -> str:
    """The verdict on one key. Of the projects that were looked at, `gaps` were not read whole."""
    match verdict:
        case Verdict.FREE:
            looked = f"{_count(projects, 'project')} looked at, with {_count(secrets, 'secret')}"
            return (
                f"Key {kms_key_id} is free: no secret points at it, and no version was made with it, in the {looked}."
            )
        case Verdict.NEEDED:
            more = f" {_not_whole(gaps)}, so there may be more." if gaps else ""
            return f"Key {kms_key_id} is still needed: {uses_words(uses)}; {_freed_by(uses)}.{more}"
        case Verdict.INCOMPLETE:
            return f"Nobody can say yet whether key {kms_key_id} is free: {_why_not(facts, projects, gaps)}."
        case _:
            assert_never(verdict)


def sentence(keys: Sequence[KeyResult]) -> str:
    """All of them in one."""
    if len(keys) == 1:
        return keys[0].sentence
    named = ((Verdict.NEEDED, "still needed"), (Verdict.INCOMPLETE, "not decided"), (Verdict.FREE, "free"))
    counts = ((sum(key.verdict is verdict for key in keys), words) for verdict, words in named)
    return f"Of {len(keys)} old keys {_listed([f'{count} {_are(count)} {words}' for count, words in counts if count])}."


def uses_words(uses: Uses) -> str:
    """12 secrets point at it, 40 current, 3 previous and 5 other versions were made with it."""
    parts = []
    if uses.pointer:
        parts.append(f"{_count(uses.pointer, 'secret')} {'points' if uses.pointer == 1 else 'point'} at it")
    kinds = ((uses.current, "current"), (uses.previous, "previous"), (uses.other, "other"))
    if made := [f"{count:,} {kind}" for count, kind in kinds if count]:
        one = uses.versions == 1
        parts.append(f"{_listed(made)} version{'' if one else 's'} {'was' if one else 'were'} made with it")
    return ", ".join(parts)


def gap_words(gap: Gap) -> str:
    """What was not seen, and why."""
    reason = f": {gap.reason}" if gap.reason else ""
    secrets = _count(gap.secrets, "secret")
    match gap.kind:
        case GapKind.PROJECT:
            return f"nothing more could be asked of it{reason}"
        case GapKind.LIST:
            return f"its list of secrets was not read to its end{reason}"
        case GapKind.HIDDEN:
            known = "there is" if gap.secrets == 1 else "there are"
            return f"the list does not show {secrets} that {known}, as of an enterprise project; it may hide more"
        case GapKind.SECRET:
            return f"{secrets} could not be read{reason}"
        case GapKind.VERSIONS:
            return f"the versions of {secrets} were not read{reason}"
        case GapKind.NO_KEY:
            return f"{secrets} {'shows' if gap.secrets == 1 else 'show'} no key for itself or for a version"
        case _:
            assert_never(gap.kind)


def state_words(facts: KeyFacts) -> str:
    """What KMS says of a key in one project."""
    if facts.absent:
        return NO_KEY_THERE
    return f"not checked: {facts.trouble}" if facts.trouble is not None else facts.state


def _freed_by(uses: Uses) -> str:
    if not uses.versions:
        return "moving them to another key frees it"
    first = "moving them to another key and " if uses.pointer else ""
    return f"{first}new versions of these secrets free it"


def _why_not(facts: Sequence[KeyFacts], projects: int, gaps: int) -> str:
    if not projects:
        return "there is no project to look at"
    if unknown(facts, projects=projects):
        where = "the project" if projects == 1 else f"any of the {projects:,} projects"
        return f"no secret uses it, but KMS does not know such a key in {where}; is its id right?"
    return f"no use of it was seen, but {_not_whole(gaps)[0].lower()}{_not_whole(gaps)[1:]}" if gaps else (
        "no use of it was seen, but not everything was looked at"
    )


def _not_whole(gaps: int) -> str:
    return f"{_count(gaps, 'project')} {'was' if gaps == 1 else 'were'} not read whole"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""
