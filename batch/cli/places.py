"""The projects that a command looks at without a manifest: those that options name, the login's own, or all it has."""

import asyncio
from random import Random

from batch.cli.asked import asked
from batch.cli.options import ProjectsOptions
from batch.csms.access import Access, own_project
from batch.csms.auth import CredentialError, Login, LoginRefusedError
from batch.csms.faults import STOPS_SCOPE, Fault, FaultKind
from batch.csms.paging import ListLies, Paging, turn
from batch.csms.projects import ProjectPage, ProjectsClient, ProjectView
from batch.process.version import version
from jobs.model import Scope
from jobs.regions import endpoint_for, known_regions
from jobs.rules import project_fault
from jobs.spec import JobSpec, SpecError, UsageError

_TIMEOUT_S = 30.0
_PAGE = 1_000
_TRIES = 3


def chosen_places(options: ProjectsOptions, spec: JobSpec, access: Access, more: tuple[str, ...] = ()) -> list[Scope]:
    """The projects, each once; `more` are named elsewhere, as in a key map.

    Raises:
        UsageError: options contradict each other, or name no place.
        SpecError: a project id cannot be used.
        CredentialError: the login's projects cannot be listed.
        LoginRefusedError: the login was refused.
    """
    given = tuple(dict.fromkeys((*(options.project_id or ()), *more)))
    if options.all_projects:
        if options.project_id:
            raise UsageError("--all-projects: give it, or --project-id, not both")
        return _of_account(spec, asked(lambda: listed_projects(spec, access, access.login), access))
    for one in given:
        if reason := project_fault(spec.project_pattern, one):
            raise SpecError("project-id", reason)
    if not given:
        found = asked(lambda: own_project(spec, access), access)
        if found is None:
            raise UsageError("which projects? give --project-id or --all-projects")
        given = (found,)
    return [_place(spec, one, spec.region) for one in given]


def _place(spec: JobSpec, project_id: str, region: str | None) -> Scope:
    if spec.endpoint is not None:
        return Scope(endpoint=spec.endpoint, project_id=project_id, region=spec.region)
    if region is None:
        raise UsageError("no endpoint: give --region or --endpoint")
    return Scope(endpoint=endpoint_for(region), project_id=project_id, region=region)


def _of_account(spec: JobSpec, found: list[ProjectView]) -> list[Scope]:
    """Those that are enabled and belong to a region that is known, or to the one that was asked for."""
    regions = {spec.region} if spec.region is not None else set(known_regions())
    if spec.endpoint is not None and spec.region is None:
        # It serves one region, and it is not said which: all of them are asked for there.
        regions = {one.region for one in found}
    places = [_place(spec, one.id, one.region) for one in found if one.enabled and one.region in regions]
    if not places:
        raise UsageError(
            f"--all-projects: none of the projects that the login has, {len(found)} in all, is left to read"
        )
    return places


async def listed_projects(spec: JobSpec, access: Access, login: Login) -> list[ProjectView]:
    """Every project that IAM lists for the login.

    Raises:
        CredentialError: it lists none, cannot be asked, or its address is not known: a login for an `--endpoint` is
            not sent to the IAM of some region.
        LoginRefusedError: the login was refused.
    """
    if spec.endpoint is not None and not login.describe().iam_named:
        raise CredentialError("--all-projects: with --endpoint, name IAM too, in HUAWEICLOUD_SDK_IAM_ENDPOINT")
    region = spec.region or known_regions()[0]
    endpoint, credential = await login.for_iam(region)
    found, paging, rng = dict[str, ProjectView](), Paging(), Random()  # noqa: S311 - jitter, not a secret
    async with access.network.wire(endpoint, timeout_s=_TIMEOUT_S) as wire:
        client = ProjectsClient(wire, credential, user_agent=f"csms-rekey/{version()}")
        while True:
            page = await _page(client, paging, rng)
            found |= {one.id: one for one in page.projects}
            then = turn(paging, page).then
            if isinstance(then, ListLies):
                raise CredentialError(f"--all-projects: the list of IAM cannot be true: {then.reason}")
            if not isinstance(then, Paging):
                return list(found.values())
            paging = then


async def _page(client: ProjectsClient, paging: Paging, rng: Random) -> ProjectPage:
    tried = 0
    while True:
        tried += 1
        generation = client.credential.generation
        answer = await client.list_projects(limit=_PAGE, marker=paging.marker)
        if not isinstance(answer, Fault):
            return answer
        if answer.kind is FaultKind.CREDENTIAL and tried < _TRIES and await client.credential.renew(generation):
            continue
        if answer.kind in STOPS_SCOPE or answer.kind is FaultKind.FORBIDDEN or tried == _TRIES:
            raise _refused(answer)
        await asyncio.sleep(max(rng.uniform(0.0, tried), min(answer.retry_after_s or 0.0, _TIMEOUT_S)))


def _refused(fault: Fault) -> CredentialError | LoginRefusedError:
    words = f"--all-projects: IAM lists no projects: {fault.code}: {fault.message}"
    if fault.kind in {FaultKind.CREDENTIAL, FaultKind.SIGNATURE}:
        return LoginRefusedError(words)
    return CredentialError(words)
