"""The projects of an account, as IAM lists them for a login.

Path and fields: the vendor's IAM API reference, KeystoneListProjects.
"""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import msgspec

from batch.csms.auth import Credential
from batch.csms.calls import PAGE_LIMIT, Calls
from batch.csms.errors import UNREADABLE, classify, mismatch, words_of
from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import UNWATCHED, Departure, Wire, WireAnswer
from batch.csms.shown import Id


class ProjectView(msgspec.Struct, frozen=True, kw_only=True):
    """A project of an account. The main one of a region is named like it, another has `_` and more behind that."""

    id: str
    name: str
    enabled: bool = True

    @property
    def region(self) -> str:
        """The region it is in, by its name; a project that belongs to no region has a name that no region has."""
        return self.name.partition("_")[0]


class ProjectPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some projects; IAM counts its pages, and the marker is the number of the next."""

    projects: tuple[ProjectView, ...]
    next_marker: str | None
    marked: bool = True

    @property
    def ids(self) -> tuple[str, ...]:
        """What its items are known by."""
        return tuple(one.id for one in self.projects)


class _Project(msgspec.Struct):
    id: Id
    name: str
    enabled: Any = True

    def view(self) -> ProjectView:
        return ProjectView(id=self.id, name=self.name, enabled=self.enabled is not False)


class _Links(msgspec.Struct):
    next: Any = None


class _Projects(msgspec.Struct):
    projects: list[_Project]
    links: _Links | None = None


_DECODE = msgspec.json.Decoder(_Projects).decode
_DECODE_ERROR = msgspec.json.Decoder(dict[str, dict[str, Any]]).decode


class ProjectsClient:
    """Asks the IAM that a wire leads to."""

    def __init__(self, wire: Wire, credential: Credential, *, user_agent: str) -> None:
        self._calls = Calls(wire, credential, user_agent=user_agent)
        self.credential = credential

    async def list_projects(
        self, *, limit: int, marker: str | None = None, departure: Departure = UNWATCHED
    ) -> ProjectPage | Fault:
        """Reads one page of the projects of the login's account, of at most `limit`, which is at most 5000."""
        page = 1 if marker is None else int(marker)
        target = f"/v3/projects?{urlencode({'page': page, 'per_page': limit})}"
        answer = await self._calls.get(target, departure, answer_limit=PAGE_LIMIT)
        if isinstance(answer, Fault):
            return answer
        if answer.status != HTTPStatus.OK:
            return _refusal(answer)
        try:
            shown = _DECODE(answer.body)
        except UNREADABLE:
            return mismatch(answer, "it is not a list of projects")
        # One that shows more than it was asked for does not count pages: it has shown everything.
        linked = shown.links is not None and bool(shown.links.next)
        more = len(shown.projects) == limit or (linked and len(shown.projects) < limit)
        return ProjectPage(
            projects=tuple(one.view() for one in shown.projects), next_marker=str(page + 1) if more else None
        )


def _refusal(answer: WireAnswer) -> Fault:
    """IAM's own errors have no code but the status, by which they would be taken for those of something between."""
    fault = classify(answer)
    if fault.kind is not FaultKind.FOREIGN or not _is_iams(answer):
        return fault
    kind = FaultKind.FORBIDDEN if answer.status == HTTPStatus.FORBIDDEN else FaultKind.REJECTED
    return msgspec.structs.replace(fault, kind=kind, code=f"IAM.{answer.status}", message=words_of(answer))


def _is_iams(answer: WireAnswer) -> bool:
    try:
        error = _DECODE_ERROR(answer.body).get("error", {})
    except UNREADABLE:
        return False
    return error.get("code") == answer.status and "title" in error
