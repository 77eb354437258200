"""The vendor's SDK and our client send the same signed request for the same call."""

import asyncio
import contextlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from batch.csms.auth import find_login
from batch.csms.client import CsmsClient as OurClient
from batch.csms.keys_and_versions import KeysAndVersions
from batch.csms.network import Network
from batch.csms.tls import client_context
from batch.sandbox.assembly import Sandbox, build_sandbox
from batch.sandbox.server import SandboxServer
from batch.sandbox.wire import Arrival, Request
from batch.sandbox.world import build_world
from jobs.model import SecretUpdate
from jobs.spec import Auth
from tests.unit.csms.auth.vendor import (
    BasicCredentials,
    CsmsClient,
    KmsClient,
    ListKeyDetailRequest,
    ListKeysRequest,
    ListKeysRequestBody,
    ListSecretsRequest,
    ListSecretVersionsRequest,
    OperateKeyRequestBody,
    ShowSecretRequest,
    UpdateSecretRequest,
    UpdateSecretRequestBody,
    vendor_headers,
)

NETWORK = Network(client_context())
KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
SIGNATURE = re.compile(r"SDK-HMAC-SHA256 Access=(?P<ak>\S+), SignedHeaders=(?P<names>\S+), Signature=[0-9a-f]{64}")


class Tape:
    """Keeps every request as it came in."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def decide(self, arrival: Arrival) -> None:
        self.requests.append(arrival.request)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would find credentials in the real one."""
    monkeypatch.setenv("HOME", str(tmp_path))


async def _ours(sandbox: Sandbox, url: str, call: str, name: str, token: str | None) -> None:
    key, project_id = sandbox.directory.access_key, next(iter(sandbox.world.projects))
    environment = {"HUAWEICLOUD_SDK_AK": key.ak, "HUAWEICLOUD_SDK_SK": key.sk}
    environment |= {} if token is None else {"HUAWEICLOUD_SDK_SECURITY_TOKEN": token}
    login = find_login(Auth.AKSK, None, connect=NETWORK.login_wire, environment=environment)
    async with NETWORK.wire(url, timeout_s=5.0) as wire:
        client = OurClient(wire, login.for_scope(url, project_id), project_id, user_agent="test")
        look = KeysAndVersions(wire, login.for_scope(url, project_id), project_id, user_agent="test")
        match call:
            case "update":
                await client.update_secret(SecretUpdate(secret_name=name, kms_key_id=KEY, description="h\u00e9llo"))
            case "show":
                await client.show_secret(name)
            case "versions":
                await look.list_versions(name, limit=2, marker="v1")
            case "key":
                await look.describe_key(KEY)
            case "keys":
                await look.list_keys(limit=2, marker="4")
            case _:
                await client.list_secrets(limit=2, marker=name)


def _theirs(sandbox: Sandbox, url: str, call: str, name: str, token: str | None) -> None:
    key, project_id = sandbox.directory.access_key, next(iter(sandbox.world.projects))
    credentials = BasicCredentials(key.ak, key.sk, project_id)
    if token is not None:
        credentials.with_security_token(token)
    client = CsmsClient.new_builder().with_credentials(credentials).with_endpoint(url).build()
    kms = KmsClient.new_builder().with_credentials(credentials).with_endpoint(url).build()
    calls: dict[str, Any] = {
        "update": lambda: client.update_secret(
            UpdateSecretRequest(
                secret_name=name, body=UpdateSecretRequestBody(kms_key_id=KEY, description="h\u00e9llo")
            )
        ),
        "show": lambda: client.show_secret(ShowSecretRequest(secret_name=name)),
        "versions": lambda: client.list_secret_versions(
            ListSecretVersionsRequest(secret_name=name, limit=2, marker="v1")
        ),
        "key": lambda: kms.list_key_detail(ListKeyDetailRequest(body=OperateKeyRequestBody(key_id=KEY))),
        "keys": lambda: kms.list_keys(ListKeysRequest(body=ListKeysRequestBody(limit="2", marker="4", key_spec="ALL"))),
        "list": lambda: client.list_secrets(ListSecretsRequest(limit="2", marker=name)),
    }
    # Whether the secret is there makes no difference to what is sent.
    with contextlib.suppress(Exception):
        calls[call]()


@pytest.mark.parametrize("token", [None, "STOKEN"])
@pytest.mark.parametrize("name", ["my-secret_1", "a.b", "~odd name/\u4e2d"])
@pytest.mark.parametrize("call", ["update", "show", "list", "versions", "key", "keys"])
def test_field_by_field(call: str, name: str, token: str | None) -> None:
    tape = Tape()
    sandbox = build_sandbox(build_world(seed=7, secrets=3), seed=7, epoch_s=0.0, faults=tape)

    async def main() -> None:
        async with SandboxServer(sandbox.exchange) as server:
            await _ours(sandbox, server.url, call, name, token)
            await asyncio.to_thread(_theirs, sandbox, server.url, call, name, token)

    asyncio.run(main())
    ours, theirs = tape.requests
    assert (ours.method, ours.target) == (theirs.method, theirs.target)
    for header in ("Host", "X-Project-Id", "X-Security-Token"):
        assert ours.headers.get(header) == theirs.headers.get(header), header
    assert (ours.body and json.loads(ours.body)) == (theirs.body and json.loads(theirs.body))
    media = [one.headers.get("Content-Type", "").partition(";")[0] for one in (ours, theirs)]
    # The SDK names a type without a body too.
    assert media[0] == (media[1] if ours.body else "")
    _same_signature(ours, theirs, sandbox.directory.access_key.sk)


def _same_signature(ours: Request, theirs: Request, sk: str) -> None:
    said = [SIGNATURE.fullmatch(one.headers["Authorization"]) for one in (ours, theirs)]
    assert said[0] is not None
    assert said[1] is not None
    assert said[0]["ak"] == said[1]["ak"]
    names = [set(one["names"].split(";")) for one in said if one is not None]
    # Theirs signs User-Agent and the type of no body too, which a proxy may change; the rest is the same.
    assert names[0] == names[1] - {"user-agent"} - (set() if ours.body else {"content-type"})
    assert re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", ours.headers["X-Sdk-Date"])
    # And what either of us says of our request is the very same header.
    path, _, query = ours.target.partition("?")
    expected = vendor_headers(
        ak=said[0]["ak"],
        sk=sk,
        method=ours.method,
        host=ours.headers["Host"],
        path=path,
        query=[] if not query else [("limit", "2"), ("marker", _marker(query))],
        headers={name: ours.headers[name] for name in _signed_spelling(names[0])},
        body=ours.body,
    )
    assert ours.headers["Authorization"] == expected["Authorization"]


def _signed_spelling(names: set[str]) -> list[str]:
    return ["-".join(part.capitalize() for part in name.split("-")) for name in names]


def _marker(query: str) -> str:
    return parse_qs(query)["marker"][0]
