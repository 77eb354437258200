"""The two things IAM is asked for: a token by password, and the projects, all of them or by name."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs

import msgspec

from batch.sandbox.auth import Caller, Directory
from batch.sandbox.refusals import refused
from batch.sandbox.result import Result
from batch.sandbox.wire import Request, Route
from batch.sandbox.world import Project, World

_MAX_PAGE = 5000


class _Named(msgspec.Struct):
    name: str | None = None
    id: str | None = None


class _User(msgspec.Struct):
    name: str
    password: str
    domain: _Named


class _Password(msgspec.Struct):
    user: _User


class _Identity(msgspec.Struct):
    methods: list[str]
    password: _Password | None = None


class _Scope(msgspec.Struct):
    project: _Named | None = None


class _Auth(msgspec.Struct):
    identity: _Identity
    scope: _Scope = msgspec.field(default_factory=_Scope)


class _Asked(msgspec.Struct):
    auth: _Auth


class _ShownDomain(msgspec.Struct):
    id: str
    name: str


class _ShownUser(msgspec.Struct):
    name: str
    domain: _ShownDomain


class _ShownScope(msgspec.Struct):
    id: str
    name: str
    domain: _ShownDomain


class _ShownToken(msgspec.Struct, omit_defaults=True):
    expires_at: str
    issued_at: str
    methods: Sequence[str]
    user: _ShownUser
    project: _ShownScope | None = None


class _Issued(msgspec.Struct):
    token: _ShownToken


class _ShownProject(msgspec.Struct):
    id: str
    name: str
    domain_id: str
    parent_id: str
    description: str = ""
    enabled: bool = True
    is_domain: bool = False


class _Links(msgspec.Struct):
    self: str
    previous: str | None
    next: str | None


class _Listed(msgspec.Struct):
    projects: Sequence[_ShownProject]
    links: _Links


def create_token(world: World, directory: Directory, request: Request, *, now_s: float, epoch_s: float) -> Result:
    """A token for the project asked for; without a project in its scope it opens none, as DEW needs one."""
    try:
        asked = msgspec.json.decode(request.body, type=_Asked).auth
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refused("IAM.0007", str(error)) from error
    _check_password(asked.identity, directory)
    project = None if asked.scope.project is None else _find_project(world, asked.scope.project)
    token = directory.issue(Caller(project_ids=frozenset(() if project is None else (project.id,))), now_s)
    domain = _ShownDomain(world.domain_id, world.domain_name)
    shown = _ShownToken(
        expires_at=_stamp(epoch_s + token.expires_s),
        issued_at=_stamp(epoch_s + token.issued_s),
        methods=("password",),
        user=_ShownUser(directory.user.name, domain),
        project=None if project is None else _ShownScope(project.id, project.name, domain),
    )
    return Result(status=201, body=msgspec.json.encode(_Issued(shown)), headers=(("X-Subject-Token", token.value),))


def list_projects(world: World, route: Route) -> Result:
    """The account's projects, or the one of the name asked for; a page of them where pages are asked for."""
    query = {name: values[-1] for name, values in parse_qs(route.query).items()}
    found = [one for one in world.projects.values() if query.get("name") in {None, one.name}]
    page, size = _number(query, "page", 1), _number(query, "per_page", max(1, len(found)))
    start = (page - 1) * size
    links = _Links(
        self=f"/v3/projects?page={page}&per_page={size}",
        previous=f"/v3/projects?page={page - 1}&per_page={size}" if start else None,
        next=f"/v3/projects?page={page + 1}&per_page={size}" if start + size < len(found) else None,
    )
    shown = [
        _ShownProject(id=one.id, name=one.name, domain_id=world.domain_id, parent_id=world.domain_id)
        for one in found[start : start + size]
    ]
    return Result(body=msgspec.json.encode(_Listed(shown, links)))


def _number(query: dict[str, str], name: str, otherwise: int) -> int:
    text = query.get(name, str(otherwise))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= max(otherwise, _MAX_PAGE)):
        raise refused("IAM.0007", name)
    return int(text)


def _check_password(identity: _Identity, directory: Directory) -> None:
    if identity.methods != ["password"] or identity.password is None:
        raise refused("IAM.0001")
    given = identity.password.user
    user = directory.user
    known = (user.domain, user.name, user.password)
    if directory.revoked or (given.domain.name, given.name, given.password) != known:
        raise refused("IAM.0062")


def _find_project(world: World, wanted: _Named) -> Project:
    for project in world.projects.values():
        if project.id == wanted.id or (wanted.id is None and project.name == wanted.name):
            return project
    raise refused("IAM.0004", wanted.id or wanted.name or "")


def _stamp(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
