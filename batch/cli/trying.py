"""Tests a login on projects by one read each: a page with one secret, and IAM's list where it is forbidden."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from batch.cli.places import listed_projects
from batch.csms.access import Access
from batch.csms.auth import CredentialError, Login
from batch.csms.client import CsmsClient, SecretPage
from batch.csms.faults import Fault, FaultKind
from batch.process.version import version
from jobs.model import Scope
from jobs.spec import JobSpec
from reports import Exit

if TYPE_CHECKING:
    from batch.csms.messages import Wire

_TIMEOUT_S = 30.0


class Verdict(StrEnum):
    """What a project says to the login."""

    WORKS = "works"
    MAY_NOT_LIST = "may not list"
    NOT_YOURS = "not yours"
    REFUSED = "login refused"
    FAILED = "failed"


_ENDS = {
    Verdict.WORKS: Exit.DONE,
    Verdict.MAY_NOT_LIST: Exit.DONE,
    Verdict.FAILED: Exit.NOT_ALL_DONE,
    Verdict.NOT_YOURS: Exit.STOPPED_EARLY,
    Verdict.REFUSED: Exit.STOPPED_EARLY,
}
_OF_A_PROJECT = frozenset({"KMS.0305", "KMS.0321"})
"""The project in the path is none that this credential is for."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One project, and what came of the read; `code` and `message` are what the service said against it."""

    endpoint: str
    project_id: str
    region: str | None
    account: str | None
    login: str
    verdict: Verdict
    code: str | None = None
    message: str | None = None

    @property
    def exit_code(self) -> Exit:
        """What a command with this project alone ends with."""
        return _ENDS[self.verdict]


def exit_code_of(tried: Iterable[Tried]) -> Exit:
    """Of several projects: a login that is wrong for one weighs more than a read that failed."""
    return max((one.exit_code for one in tried), default=Exit.DONE)


async def tried(places: Iterable[Scope], spec: JobSpec, access: Access) -> list[Tried]:
    """Every project once, one after the other: a wrong signature in many at once would lock the access key."""
    return [one async for one in _tried(places, spec, access)]


async def _tried(places: Iterable[Scope], spec: JobSpec, access: Access) -> AsyncIterator[Tried]:
    wires: dict[str, Wire] = {}
    projects = dict[Login, _OwnProjects]()
    async with AsyncExitStack() as stack:
        for place in places:
            endpoint, project_id = place.endpoint, place.project_id
            if endpoint not in wires:
                wires[endpoint] = await stack.enter_async_context(access.network.wire(endpoint, timeout_s=_TIMEOUT_S))
            login = access.login_of(place)
            if login not in projects:
                projects[login] = _OwnProjects(spec, access, login)
            credential = login.for_scope(endpoint, project_id)
            client = CsmsClient(wires[endpoint], credential, project_id, user_agent=f"csms-rekey/{version()}")
            answer = await client.list_secrets(limit=1)
            fault = answer if isinstance(answer, Fault) else None
            yield Tried(
                endpoint=endpoint,
                project_id=project_id,
                region=place.region,
                account=place.account,
                login=login.describe().line,
                verdict=await _verdict(answer, project_id, projects[login]),
                code=None if fault is None else fault.code,
                message=None if fault is None else fault.message,
            )


async def _verdict(answer: SecretPage | Fault, project_id: str, projects: "_OwnProjects") -> Verdict:
    if not isinstance(answer, Fault):
        return Verdict.WORKS
    match answer.kind:
        case FaultKind.FORBIDDEN:
            return Verdict.NOT_YOURS if await projects.lack(project_id) else Verdict.MAY_NOT_LIST
        case FaultKind.MISCONFIGURED if answer.code in _OF_A_PROJECT:
            return Verdict.NOT_YOURS
        case FaultKind.CREDENTIAL | FaultKind.SIGNATURE:
            return Verdict.REFUSED
        case _:
            return Verdict.FAILED


class _OwnProjects:
    """The projects that IAM lists for the login; asked once, and only where IAM is known to be that of the login."""

    def __init__(self, spec: JobSpec, access: Access, login: Login) -> None:
        self._spec = spec
        self._access = access
        self._login = login
        self._listed: frozenset[str] | None = None

    async def lack(self, project_id: str) -> bool:
        """Whether IAM has a list, and the project is not on it."""
        if self._listed is None:
            try:
                self._listed = frozenset(one.id for one in await listed_projects(self._spec, self._access, self._login))
            except CredentialError:
                self._listed = frozenset()
        return bool(self._listed) and project_id not in self._listed
