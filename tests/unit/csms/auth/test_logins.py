"""Every login against the sandbox on real sockets, which verifies tokens, signatures and their ends for real."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batch.csms.auth import CredentialError, Login, find_login
from batch.csms.client import CsmsClient, SecretPage, SecretView
from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import WireRequest
from batch.csms.network import Network
from batch.csms.tls import client_context
from batch.sandbox.assembly import Sandbox, sandbox_of
from batch.sandbox.checks import AuthMode, StrictCheck
from batch.sandbox.metadata import MetadataMode
from batch.sandbox.options import SandboxOptions
from batch.sandbox.platform import TRUST
from batch.sandbox.server import SandboxServer
from batch.sandbox.world import Project
from jobs.model import SecretUpdate
from jobs.spec import Auth
from tests.kit.faults import canned
from tests.kit.records import records_of
from tests.kit.scripts import Numbers

NETWORK = Network(client_context())


@dataclass(frozen=True)
class Stage:
    """A sandbox that serves, and logins and clients for it."""

    sandbox: Sandbox
    url: str
    token_file: Path

    @property
    def project(self) -> Project:
        return next(iter(self.sandbox.world.projects.values()))

    def environment(self, auth: Auth) -> dict[str, str]:
        key, user = self.sandbox.directory.access_key, self.sandbox.directory.user
        match auth:
            case Auth.AKSK:
                given = {"HUAWEICLOUD_SDK_AK": key.ak, "HUAWEICLOUD_SDK_SK": key.sk}
            case Auth.IAM:
                given = {"OS_USERNAME": user.name, "OS_PASSWORD": user.password, "OS_USER_DOMAIN_NAME": user.domain}
            case Auth.ECS:
                given = {"CSMS_REKEY_METADATA_URL": self.url}
            case Auth.POD | Auth.OIDC | Auth.FEDERATED:
                given = self.identity(auth)
            case _:
                given = {"CSMS_REKEY_TOKEN": self.sandbox.token}
        return {"HUAWEICLOUD_SDK_IAM_ENDPOINT": self.url, "OS_AUTH_URL": f"{self.url}/v3", "HOME": "/nowhere", **given}

    def identity(self, auth: Auth) -> dict[str, str]:
        """What a pod or a CI job has."""
        match auth:
            case Auth.POD:
                return {
                    "HC_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/v1/credentials",
                    "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(self.token_file),
                }
            case Auth.OIDC:
                return {
                    "HUAWEICLOUD_OIDC_PROVIDER_URN": TRUST.provider_urn,
                    "HUAWEICLOUD_OIDC_AGENCY_URN": TRUST.agency_urn,
                    "HUAWEICLOUD_OIDC_TOKEN_FILE": str(self.token_file),
                    "HUAWEICLOUD_SDK_STS_ENDPOINT": self.url,
                }
            case _:
                return {
                    "HUAWEICLOUD_SDK_IDP_ID": TRUST.idp_id,
                    "HUAWEICLOUD_SDK_ID_TOKEN_FILE": str(self.token_file),
                }

    def login(self, auth: Auth, *, utc: Callable[[], float] = time.time, **more: str) -> Login:
        environment = self.environment(auth) | more
        return find_login(auth, None, connect=NETWORK.login_wire, environment=environment, utc=utc)

    async def move(
        self, login: Login, *, project: Project | None = None, name: str | None = None
    ) -> SecretView | Fault:
        one = project or self.project
        async with NETWORK.wire(self.url, timeout_s=5.0) as wire:
            client = CsmsClient(wire, login.for_scope(self.url, one.id), one.id, user_agent="test")
            return await client.update_secret(
                SecretUpdate(secret_name=name or one.names[0], kms_key_id=one.key_ids.new)
            )

    @property
    def targets(self) -> list[str]:
        return [f"{one.method} {one.target}" for one in records_of(self.sandbox.journal)]

    @property
    def wrong_signatures(self) -> int:
        check = self.sandbox.exchange.service.auth
        assert isinstance(check, StrictCheck)
        return check.wrong_signatures


def play(
    scenario: Callable[[Stage], Coroutine[Any, Any, None]],
    *,
    clock: Callable[[], float] = time.monotonic,
    **options: Any,
) -> None:
    sandbox = sandbox_of(SandboxOptions(secrets=6, **{"projects": 2} | options), epoch_s=time.time(), keep=True)

    async def main() -> None:
        async with SandboxServer(sandbox.exchange, clock=clock) as server:
            await scenario(Stage(sandbox, server.url, token_file))

    with tempfile.NamedTemporaryFile("w", suffix=".jwt") as file:
        token_file = Path(file.name)
        token_file.write_text(f"{sandbox.directory.platform.token}\n", encoding="ascii")
        asyncio.run(main())


IDENTITIES = [Auth.POD, Auth.OIDC, Auth.FEDERATED]
EVERY = pytest.mark.parametrize("auth", [Auth.TOKEN, Auth.AKSK, Auth.IAM, Auth.ECS, *IDENTITIES])


@EVERY
def test_each_login_moves_a_secret_in_each_project(auth: Auth) -> None:
    async def scenario(stage: Stage) -> None:
        login = stage.login(auth)
        for project in stage.sandbox.world.projects.values():
            answer = await stage.move(login, project=project)
            assert isinstance(answer, SecretView), answer
            assert login.for_scope(stage.url, project.id).proven
        assert stage.wrong_signatures == 0

    play(scenario, auth=AuthMode.TOKEN if auth in {Auth.TOKEN, Auth.IAM} else AuthMode.SIGNED)


@EVERY
def test_the_project_of_a_region_is_looked_up_by_its_name(auth: Auth) -> None:
    async def scenario(stage: Stage) -> None:
        login = stage.login(auth)
        first, second = stage.sandbox.world.projects.values()
        assert await login.project_id("cn-north-4") == first.id
        assert await login.project_id(second.name) == second.id
        with pytest.raises(CredentialError, match="mars-1"):
            await login.project_id("mars-1")

    play(scenario)


def test_a_password_login_knows_its_own_project_by_id_or_by_name() -> None:
    async def scenario(stage: Stage) -> None:
        second = list(stage.sandbox.world.projects.values())[1]
        assert await stage.login(Auth.IAM, OS_PROJECT_ID="abc").project_id("cn-north-4") == "abc"
        login = stage.login(Auth.IAM, OS_PROJECT_NAME=second.name)
        assert await login.project_id("cn-north-4") == second.id
        assert isinstance(await stage.move(login, project=second), SecretView)
        assert sum("/v3/auth/tokens" in target for target in stage.targets) == 1, "the token of the look-up is used"

    play(scenario)


@pytest.mark.parametrize("mode", [MetadataMode.TOKEN, MetadataMode.TOKENLESS])
def test_the_metadata_service_is_asked_with_a_token_where_it_wants_one(mode: MetadataMode) -> None:
    async def scenario(stage: Stage) -> None:
        login = stage.login(Auth.ECS)
        assert isinstance(await stage.move(login), SecretView)
        shown = login.describe()
        assert shown.expires_s is not None
        assert shown.expires_s == pytest.approx(time.time() + 86_400, abs=60)

    play(scenario, metadata=mode)


def test_a_server_without_an_agency_says_so() -> None:
    async def scenario(stage: Stage) -> None:
        answer = await stage.move(stage.login(Auth.ECS))
        assert isinstance(answer, Fault)
        assert (answer.kind, answer.maybe_applied) == (FaultKind.CREDENTIAL, False)
        assert "agency" in answer.message

    play(scenario, metadata=MetadataMode.NO_AGENCY)


@pytest.mark.parametrize("auth", [Auth.IAM, Auth.ECS, *IDENTITIES])
def test_what_was_given_for_a_time_is_renewed_before_it_ends(auth: Auth) -> None:
    """Lives of 100 s, and a request in every second: none is refused."""
    now_s = 0.0
    epoch_s = time.time()

    async def scenario(stage: Stage) -> None:
        nonlocal now_s
        login = stage.login(auth, utc=lambda: epoch_s + now_s)
        for second in range(400):
            now_s = float(second)
            answer = await stage.move(login)
            assert isinstance(answer, SecretView), answer
        assert login.for_scope(stage.url, stage.project.id).generation >= 4

    play(scenario, clock=lambda: now_s, token_life_s=100.0, key_life_s=100.0)


def test_a_token_that_ends_by_use_is_renewed_after_the_refusal() -> None:
    async def scenario(stage: Stage) -> None:
        login = stage.login(Auth.IAM)
        credential = login.for_scope(stage.url, stage.project.id)
        answers = []
        for _ in range(7):
            answer = await stage.move(login)
            if isinstance(answer, Fault):
                assert answer.kind is FaultKind.CREDENTIAL
                assert await credential.renew(credential.generation)
            answers.append(isinstance(answer, SecretView))
        assert answers == [True, True, True, False, True, True, True]

    play(scenario, token_uses=3)


@EVERY
def test_revoked_with_no_way_back_is_the_end_after_a_handful_of_requests(auth: Auth) -> None:
    async def scenario(stage: Stage) -> None:
        login = stage.login(auth)
        credential = login.for_scope(stage.url, stage.project.id)
        assert isinstance(await stage.move(login), SecretView)
        stage.sandbox.directory.revoke()
        generation = credential.generation
        answer = await stage.move(login)
        assert isinstance(answer, Fault)
        assert answer.kind in {FaultKind.CREDENTIAL, FaultKind.SIGNATURE}
        before = len(stage.targets)
        assert await asyncio.gather(*(credential.renew(generation) for _ in range(20))) == [False] * 20
        assert len(stage.targets) - before <= 2
        assert stage.wrong_signatures <= 1

    play(scenario)


def test_after_one_wrong_signature_no_other_leaves_in_any_project() -> None:
    async def scenario(stage: Stage) -> None:
        login = stage.login(Auth.AKSK, HUAWEICLOUD_SDK_SK="wrong")
        projects = list(stage.sandbox.world.projects.values())
        assert all(login.for_scope(stage.url, project.id).locks for project in projects)
        answers = [await stage.move(login, project=projects[n % 2]) for n in range(10)]
        assert {answer.kind for answer in answers if isinstance(answer, Fault)} == {FaultKind.SIGNATURE}
        assert stage.wrong_signatures == 1
        assert isinstance(await stage.move(stage.login(Auth.AKSK)), SecretView)

    play(scenario)


@pytest.mark.parametrize(
    ("auth", "locks"),
    [(Auth.TOKEN, False), (Auth.AKSK, True), (Auth.IAM, False), *((auth, True) for auth in [Auth.ECS, *IDENTITIES])],
)
def test_refusals_count_against_access_keys_and_against_no_token(auth: Auth, *, locks: bool) -> None:
    async def scenario(stage: Stage) -> None:
        credential = stage.login(auth).for_scope(stage.url, stage.project.id)
        assert credential.locks is locks

    play(scenario)


def test_a_wrong_password_is_sent_once_for_all_projects() -> None:
    async def scenario(stage: Stage) -> None:
        login = stage.login(Auth.IAM, OS_PASSWORD="canary-wrong")
        projects = list(stage.sandbox.world.projects.values())
        answers = await asyncio.gather(*(stage.move(login, project=projects[n % 2]) for n in range(40)))
        assert {answer.kind for answer in answers if isinstance(answer, Fault)} == {FaultKind.CREDENTIAL}
        assert stage.targets == ["POST /v3/auth/tokens?nocatalog=true"]

    play(scenario)


def test_a_token_longer_than_any_usual_header_comes_in() -> None:
    async def scenario(stage: Stage) -> None:
        long = "M" * 30_000
        body = b'{"token":{"expires_at":"2099-01-01T00:00:00.000000Z","issued_at":"2026-01-01T00:00:00.000000Z"}}'
        fault = canned(201, body, headers=(("X-Subject-Token", long),))
        stage.sandbox.exchange._faults = Numbers({1: fault})
        credential = stage.login(Auth.IAM).for_scope(stage.url, stage.project.id)
        request = await credential.authorize(WireRequest(method="GET", target="/v1/p/secrets", headers={}))
        assert request.headers["X-Auth-Token"] == long

    play(scenario)


def test_the_ecs_probe_of_auto_finds_a_metadata_service(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        environment = {"HOME": str(tmp_path), "CSMS_REKEY_METADATA_URL": stage.url}
        login = await asyncio.to_thread(
            lambda: find_login(Auth.AUTO, None, connect=NETWORK.login_wire, environment=environment)
        )
        assert login.describe().provider == "ECS agency"

    play(scenario)


def test_secrets_lists_everything_that_must_not_be_shown() -> None:
    async def scenario(stage: Stage) -> None:
        for auth in (Auth.TOKEN, Auth.AKSK, Auth.IAM, Auth.ECS, *IDENTITIES):
            login = stage.login(auth)
            await stage.move(login)
            known = {secret.reveal() for secret in login.secrets()}
            given = {
                value for name, value in stage.environment(auth).items() if name.endswith(("_AK", "_SK", "PASSWORD"))
            }
            assert given <= known
            # An access key, its secret key, a token; what a platform gave for them, and what IAM gave in between.
            counts = {Auth.TOKEN: 1, Auth.AKSK: 2, Auth.IAM: 2, Auth.ECS: 3, Auth.POD: 4, Auth.OIDC: 4}
            assert len(known) == counts.get(auth, 5)
            assert auth not in IDENTITIES or stage.sandbox.directory.platform.token in known

    play(scenario)


def test_pages_are_listed_with_a_signature_over_the_query() -> None:
    async def scenario(stage: Stage) -> None:
        async with NETWORK.wire(stage.url, timeout_s=5.0) as wire:
            credential = stage.login(Auth.AKSK).for_scope(stage.url, stage.project.id)
            client = CsmsClient(wire, credential, stage.project.id, user_agent="test")
            page = await client.list_secrets(limit=2)
            assert isinstance(page, SecretPage)
            second = await client.list_secrets(limit=2, marker=page.next_marker)
            assert isinstance(second, SecretPage)
            assert page.secrets != second.secrets

    play(scenario)
