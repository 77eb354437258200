"""The vendor's SDK and our logins ask for temporary keys with the same requests, and find the same in the answers."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from batch.csms.auth import find_login
from batch.csms.auth.iam import IAM, STS, service_endpoint
from batch.csms.messages import WireRequest
from batch.csms.network import Network
from batch.csms.tls import client_context
from batch.sandbox.assembly import Sandbox, build_sandbox
from batch.sandbox.platform import TRUST
from batch.sandbox.server import SandboxServer
from batch.sandbox.wire import Request
from batch.sandbox.world import build_world
from jobs.regions import known_regions
from jobs.spec import Auth
from tests.unit.csms.auth.test_vendor_requests import Tape
from tests.unit.csms.auth.vendor import (
    CsmsClient,
    EnvCredentialProvider,
    ListSecretsRequest,
    OidcStsCredentialProvider,
    PodIdentityCredentialProvider,
    iam_endpoint_of,
    sts_endpoint_of,
)

NETWORK = Network(client_context())
PROVIDERS: dict[Auth, Callable[[], object]] = {
    Auth.POD: PodIdentityCredentialProvider.get_basic,
    Auth.OIDC: OidcStsCredentialProvider.get_basic,
    Auth.FEDERATED: EnvCredentialProvider.get_basic,
}


def environment(auth: Auth, url: str, file: Path) -> dict[str, str]:
    match auth:
        case Auth.POD:
            given = {
                "HC_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/v1/credentials",
                "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file),
            }
        case Auth.OIDC:
            given = {
                "HUAWEICLOUD_OIDC_PROVIDER_URN": TRUST.provider_urn,
                "HUAWEICLOUD_OIDC_AGENCY_URN": TRUST.agency_urn,
                "HUAWEICLOUD_OIDC_TOKEN_FILE": str(file),
                "HUAWEICLOUD_OIDC_POLICY_IDS": "a, b",
            }
        case _:
            given = {"HUAWEICLOUD_SDK_IDP_ID": TRUST.idp_id, "HUAWEICLOUD_SDK_ID_TOKEN_FILE": str(file)}
    return given | {"HUAWEICLOUD_SDK_IAM_ENDPOINT": url, "HUAWEICLOUD_SDK_STS_ENDPOINT": url}


@pytest.mark.parametrize("auth", PROVIDERS)
def test_field_by_field(auth: Auth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tape = Tape()
    sandbox = build_sandbox(build_world(seed=7, secrets=1), seed=7, epoch_s=time.time(), faults=tape)
    file = tmp_path / "token"
    file.write_text(f"{sandbox.directory.platform.token}\n", encoding="ascii")
    file.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))

    async def ours(given: dict[str, str]) -> set[str]:
        login = find_login(auth, None, connect=NETWORK.login_wire, environment=given)
        await login.for_scope("http://x", "p").authorize(WireRequest(method="GET", target="/", headers={}))
        return {secret.reveal() for secret in login.secrets()}

    def theirs(url: str) -> set[str]:
        credentials = PROVIDERS[auth]().get_credentials()  # type: ignore[attr-defined] # the SDK has no types
        client = CsmsClient.new_builder().with_credentials(credentials.with_project_id("p")).with_endpoint(url).build()
        # It is for another project than the keys open; they are asked for first.
        with contextlib.suppress(Exception):
            client.list_secrets(ListSecretsRequest())
        return {credentials.ak, credentials.sk, credentials.security_token}

    async def main() -> None:
        async with SandboxServer(sandbox.exchange) as server:
            given = environment(auth, server.url, file)
            for name, text in given.items():
                monkeypatch.setenv(name, text)
            known = await ours(given)
            half = len(tape.requests)
            assert _given_out(sandbox) <= known
            assert await asyncio.to_thread(theirs, server.url) <= _given_out(sandbox)
            for mine, other in zip(tape.requests[:half], tape.requests[half:-1], strict=True):
                _same(mine, other)

    asyncio.run(main())


def _given_out(sandbox: Sandbox) -> set[str]:
    temporary = [key for key in sandbox.directory._keys.values() if key.security_token]
    return {text for key in temporary for text in (key.ak, key.sk, key.security_token or "")}


def _same(ours: Request, theirs: Request) -> None:
    assert (ours.method, ours.target) == (theirs.method, theirs.target)
    for header in ("Host", "Authorization", "X-Idp-Id"):
        assert ours.headers.get(header) == theirs.headers.get(header), header
    media = [one.headers.get("Content-Type", "").partition(";")[0] for one in (ours, theirs)]
    assert media[0] == media[1] == "application/json"
    bodies = [json.loads(one.body) for one in (ours, theirs)]
    if "OS-CREDENTIAL" in ours.target:
        # The token in between is another each time.
        bodies = [{**body, "auth": {"identity": {**body["auth"]["identity"], "token": "one"}}} for body in bodies]
    assert bodies[0] == bodies[1]


def test_iam_and_sts_of_a_region_are_where_the_sdk_looks_for_them() -> None:
    theirs = {
        region: (iam_endpoint_of(region) or "none there", sts_endpoint_of(region) or "none there")
        for region in known_regions()
    }
    for region, (iam, sts) in theirs.items():
        assert iam in {service_endpoint(IAM, region, {}), "none there"}, region
        assert sts in {service_endpoint(STS, region, {}), "none there"}, region
