"""What a verification found, row by row: pure decisions on what was wanted and what the service showed."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from jobs.ledger import same_key
from jobs.sightings import Matched, SeenProject

MOST_LISTED = 100


class Result(StrEnum):
    """How a row stands: a closed set."""

    HOLDS = "holds"
    """The secret shows the key of the row."""
    MOVED = "moved"
    """It shows another key."""
    MISSING = "missing"
    """The service has no such secret."""
    UNREAD = "unread"
    """It could not be read."""
    NOT_ASKED = "not_asked"
    """The row is invalid or was not selected."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One row; `why` says why it was not read, or not asked for."""

    result: Result
    shown_kms_key_id: str = ""
    why: str = ""


class ProjectFound(msgspec.Struct, kw_only=True):
    """How the rows of a project stand. `listed` says that its list was read whole, `trouble` what was in the way."""

    endpoint: str
    project_id: str
    region: str | None
    listed: bool = False
    trouble: str | None = None
    holds: int = 0
    moved: int = 0
    missing: int = 0
    unread: int = 0


class Odd(msgspec.Struct, frozen=True, kw_only=True):
    """A row that does not hold, for example."""

    row: int
    secret_name: str
    project_id: str
    kms_key_id: str
    shown_kms_key_id: str
    result: Result
    why: str


def judge(one: Matched, project: SeenProject | None) -> Judged:
    """How a wanted row stands, by what was seen of its secret and its project."""
    wanted, secret = one.wanted, one.secret
    if wanted.project is None:
        return Judged(result=Result.NOT_ASKED, why=wanted.note or "")
    if secret is None or secret.trouble is not None:
        return Judged(result=Result.UNREAD, why=_why(one, project))
    if secret.missing:
        return Judged(result=Result.MISSING)
    holds = same_key(secret.kms_key_id) == same_key(wanted.kms_key_id)
    return Judged(result=Result.HOLDS if holds else Result.MOVED, shown_kms_key_id=secret.kms_key_id)


def _why(one: Matched, project: SeenProject | None) -> str:
    if one.secret is not None:
        return one.secret.trouble or ""
    if project is None:
        return ""
    return project.stopped or project.reads_trouble or project.trouble or "the look ended before"


class Count:
    """Counts rows by result, over all and by project, and keeps the first that do not hold."""

    def __init__(self, projects: Iterable[SeenProject]) -> None:
        self.results = dict.fromkeys(Result, 0)
        self.odd: list[Odd] = []
        self._seen = {(one.endpoint, one.project_id): one for one in projects}
        self._found: dict[tuple[str, str], ProjectFound] = {}

    def judge(self, one: Matched) -> Judged:
        """How a row stands; it counts."""
        place = None if one.wanted.project is None else (one.wanted.project.endpoint, one.wanted.project.project_id)
        seen = None if place is None else self._seen.get(place)
        judged = judge(one, seen)
        self.results[judged.result] += 1
        if place is not None:
            found = self._found.get(place) or self._add(place, seen, one)
            setattr(found, judged.result.value, getattr(found, judged.result.value) + 1)
        if judged.result not in {Result.HOLDS, Result.NOT_ASKED} and len(self.odd) < MOST_LISTED:
            self.odd.append(_odd(one, judged))
        return judged

    def projects(self) -> tuple[ProjectFound, ...]:
        """The projects with rows, in the order of their first ones."""
        return tuple(self._found.values())

    def _add(self, place: tuple[str, str], seen: SeenProject | None, one: Matched) -> ProjectFound:
        found = ProjectFound(endpoint=place[0], project_id=place[1], region=one.wanted.region or None)
        if seen is not None:
            found.listed = seen.listed
            found.trouble = seen.stopped or seen.reads_trouble or seen.trouble
        self._found[place] = found
        return found


def _odd(one: Matched, judged: Judged) -> Odd:
    wanted = one.wanted
    return Odd(
        row=wanted.row,
        secret_name=wanted.name,
        project_id=wanted.project_id,
        kms_key_id=wanted.kms_key_id,
        shown_kms_key_id=judged.shown_kms_key_id,
        result=judged.result,
        why=judged.why,
    )
