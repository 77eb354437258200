"""What the calls that only look make of the service, on real sockets, with every login and page by page."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import pytest
from msgspec.structs import replace

from batch.csms.auth import Login, find_login
from batch.csms.client import CsmsClient
from batch.csms.faults import Fault, FaultKind
from batch.csms.keys_and_versions import KeysAndVersions
from batch.csms.network import Network
from batch.csms.paging import ListEnd, Page, Paging, turn
from batch.csms.projects import ProjectsClient
from batch.csms.tls import client_context
from batch.csms.views import KeyState
from batch.sandbox.assembly import Sandbox, sandbox_of
from batch.sandbox.lists import ListStyle, Markers
from batch.sandbox.options import SandboxOptions
from batch.sandbox.rights import parse_rights
from batch.sandbox.server import SandboxServer
from batch.sandbox.versions import add_version
from jobs.spec import Auth
from tests.kit.records import records_of
from tests.unit.sandbox.asking import Desk, small_sandbox

NETWORK = Network(client_context())
P = TypeVar("P", bound=Page)


@dataclass(frozen=True)
class Looker:
    """Clients of the sandbox's first project, all over one wire."""

    desk: Desk
    secrets: CsmsClient
    look: KeysAndVersions
    projects: ProjectsClient


def environment_of(sandbox: Sandbox, url: str, auth: Auth) -> dict[str, str]:
    user, key = sandbox.directory.user, sandbox.directory.access_key
    iam = {"HUAWEICLOUD_SDK_IAM_ENDPOINT": url}
    match auth:
        case Auth.TOKEN:
            return {**iam, "CSMS_REKEY_TOKEN": sandbox.token}
        case Auth.IAM:
            names = {"OS_USERNAME": user.name, "OS_PASSWORD": user.password, "OS_USER_DOMAIN_NAME": user.domain}
            return {**names, "OS_AUTH_URL": url}
        case _:
            return {**iam, "HUAWEICLOUD_SDK_AK": key.ak, "HUAWEICLOUD_SDK_SK": key.sk}


def login_to(sandbox: Sandbox, url: str, auth: Auth) -> Login:
    environment = environment_of(sandbox, url, auth)
    return find_login(auth, None, connect=NETWORK.login_wire, environment=environment)


@contextlib.asynccontextmanager
async def looker(desk: Desk, auth: Auth = Auth.TOKEN) -> AsyncIterator[Looker]:
    async with SandboxServer(desk.sandbox.exchange) as server:
        login = login_to(desk.sandbox, server.url, auth)
        place, iam = await login.for_iam("cn-north-4")
        credential = login.for_scope(server.url, desk.project.id)
        async with NETWORK.wire(server.url, timeout_s=5.0) as wire, NETWORK.wire(place, timeout_s=5.0) as iam_wire:
            yield Looker(
                desk,
                CsmsClient(wire, credential, desk.project.id, user_agent="test"),
                KeysAndVersions(wire, credential, desk.project.id, user_agent="test"),
                ProjectsClient(iam_wire, iam, user_agent="test"),
            )


async def whole(read: Callable[[str | None], Awaitable[P | Fault]]) -> list[P]:
    """Every page, as the decision on markers has them read."""
    paging, pages = Paging(), []
    while True:
        page = await read(paging.marker)
        assert not isinstance(page, Fault), page
        pages.append(page)
        then = turn(paging, page).then
        if not isinstance(then, Paging):
            assert then == ListEnd()
            return pages
        paging = then


@pytest.mark.parametrize("auth", [Auth.TOKEN, Auth.AKSK, Auth.IAM])
def test_every_login_can_look_at_everything(auth: Auth) -> None:
    desk = Desk(sandbox_of(SandboxOptions(secrets=7, projects=3), epoch_s=time.time(), keep=True))

    async def main() -> None:
        async with looker(desk, auth) as at:
            name = desk.name
            secrets = await whole(lambda m: at.secrets.list_secrets(limit=1, marker=m))
            versions = await whole(lambda m: at.look.list_versions(name, limit=1, marker=m))
            keys = await whole(lambda m: at.look.list_keys(limit=2, marker=m))
            projects = await whole(lambda m: at.projects.list_projects(limit=2, marker=m))
            assert [one.name for page in secrets for one in page.secrets] == desk.project.names
            shown = [(one.id, one.kms_key_id, one.stages) for page in versions for one in page.versions]
            assert shown == [(v.id, v.kms_key_id, v.version_stages) for v in desk.project.versions[name]]
            assert [one.id for page in keys for one in page.keys] == list(desk.project.keys)
            assert [one.id for page in projects for one in page.projects] == list(desk.sandbox.world.projects)
            assert {one.region for page in projects for one in page.projects} == {"cn-north-4"}

    asyncio.run(main())
    assert {record.status for record in records_of(desk.sandbox.journal)} <= {200, 201}


@pytest.mark.parametrize("markers", Markers)
def test_lists_are_read_whole_whatever_a_site_means_by_a_marker(markers: Markers) -> None:
    desk = Desk(small_sandbox(secrets=11, lists=ListStyle(markers=markers, page_size=3)))
    for _ in range(9):
        add_version(desk.project, desk.name, 0.0)

    async def main() -> None:
        async with looker(desk) as at:
            secrets = await whole(lambda m: at.secrets.list_secrets(limit=1000, marker=m))
            versions = await whole(lambda m: at.look.list_versions(desk.name, limit=1000, marker=m))
            assert list(dict.fromkeys(one for page in secrets for one in page.ids)) == desk.project.names
            kept = [one.id for one in desk.project.versions[desk.name]]
            assert list(dict.fromkeys(one for page in versions for one in page.ids)) == kept

    asyncio.run(main())


def test_a_login_without_the_right_to_look_is_refused_that_and_no_more() -> None:
    denied = parse_rights(["csms:secret:listVersion", "kms:cmk:get", "iam:projects:listProjects"])
    desk = Desk(small_sandbox(denied=denied))

    async def main() -> None:
        async with looker(desk, Auth.AKSK) as at:
            for answer in (
                await at.look.list_versions(desk.name, limit=10),
                await at.look.describe_key(desk.keys.new),
                await at.projects.list_projects(limit=10),
            ):
                assert isinstance(answer, Fault)
                assert answer.kind is FaultKind.FORBIDDEN
            assert not isinstance(await at.secrets.list_secrets(limit=10), Fault)

    asyncio.run(main())


def test_a_secret_shows_all_that_later_commands_ask_for(desk: Desk) -> None:
    async def main() -> None:
        async with looker(desk) as at:
            page = await at.secrets.list_secrets(limit=1)
            assert not isinstance(page, Fault)
            (one,) = page.secrets
            kept = desk.project.secrets[desk.name]
            assert (one.name, one.kms_key_id, one.description) == (kept.name, kept.kms_key_id, kept.description)
            assert (one.state, one.secret_type, one.auto_rotation) == ("ENABLED", "COMMON", False)
            assert (one.enterprise_project_id, one.pending_deletion, one.frozen) == ("0", False, False)
            assert (one.created_s, one.updated_s) == (kept.create_time // 1000, kept.update_time // 1000)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("part", "state"),
    [
        ("new", KeyState.ENABLED),
        ("disabled", KeyState.DISABLED),
        ("pending_deletion", KeyState.PENDING_DELETION),
        ("pending_import", KeyState.PENDING_IMPORT),
    ],
)
def test_a_key_is_described_in_words(desk: Desk, part: str, state: KeyState) -> None:
    async def main() -> None:
        async with looker(desk, Auth.AKSK) as at:
            key = await at.look.describe_key(getattr(desk.keys, part))
            assert not isinstance(key, Fault)
            assert (key.state, key.spec, key.usage, key.default) == (state, "AES_256", "ENCRYPT_DECRYPT", False)

    asyncio.run(main())


def test_refusals_are_told_apart_as_for_every_other_call(desk: Desk) -> None:
    async def main() -> None:
        async with looker(desk) as at:
            unknown = await at.look.describe_key("00000000-0000-4000-8000-000000000000")
            absent = await at.look.list_versions("no-such", limit=10)
            for answer, kind, code in ((unknown, FaultKind.KEY, "KMS.0207"), (absent, FaultKind.ABSENT, "CSMS.0106")):
                assert isinstance(answer, Fault)
                assert (answer.kind, answer.code) == (kind, code)

    asyncio.run(main())


def test_a_page_of_a_thousand_secrets_with_long_descriptions_is_read_whole() -> None:
    desk = Desk(small_sandbox(secrets=1000))
    for secret in tuple(desk.project.secrets.values()):
        desk.project.put(replace(secret, description="d" * 2048))

    async def main() -> None:
        async with looker(desk) as at:
            page = await at.secrets.list_secrets(limit=1000)
            assert not isinstance(page, Fault), page
            assert len(page.secrets) == 1000

    asyncio.run(main())
