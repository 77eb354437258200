"""The vendor's own clients work against the sandbox as they do against the service."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batch.sandbox import faults
from batch.sandbox.server import SandboxServer
from tests.kit.records import records_of
from tests.kit.scripts import Numbers
from tests.unit.sandbox.asking import Desk, small_sandbox

# The SDK leaves a file in the home directory as soon as it is imported.
with tempfile.TemporaryDirectory() as _home, pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("HOME", _home)
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, ServerResponseException
    from huaweicloudsdkcore.region.region import Region
    from huaweicloudsdkcsms.v1 import (
        CreateSecretVersionRequest,
        CreateSecretVersionRequestBody,
        CsmsClient,
        ListSecretsRequest,
        ListSecretVersionsRequest,
        ShowSecretRequest,
        UpdateSecretRequest,
        UpdateSecretRequestBody,
    )
    from huaweicloudsdkkms.v2 import (
        KmsClient,
        ListKeyDetailRequest,
        ListKeysRequest,
        ListKeysRequestBody,
        OperateKeyRequestBody,
    )


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would find credentials in the real one."""
    monkeypatch.setenv("HOME", str(tmp_path))


def with_server(desk: Desk, work: Callable[[str], None]) -> None:
    """Runs blocking work in a thread while the sandbox serves at the URL it is given."""

    async def main() -> None:
        async with SandboxServer(desk.sandbox.exchange) as server:
            await asyncio.to_thread(work, server.url)

    asyncio.run(main())


def client(kind: Any, desk: Desk, url: str, *, ak: str | None = None) -> Any:
    key = desk.sandbox.directory.access_key
    credentials = BasicCredentials(ak or key.ak, key.sk, desk.project.id)
    return kind.new_builder().with_credentials(credentials).with_endpoint(url).build()


def update(name: str, key_id: str) -> UpdateSecretRequest:
    return UpdateSecretRequest(
        secret_name=name, body=UpdateSecretRequestBody(kms_key_id=key_id, description="moved h\u00e9re")
    )


def test_a_secret_is_updated_and_shown(desk: Desk) -> None:
    def work(url: str) -> None:
        csms = client(CsmsClient, desk, url)
        secret = csms.update_secret(update(desk.name, desk.keys.new)).secret
        assert (secret.name, secret.kms_key_id, secret.state) == (desk.name, desk.keys.new, "ENABLED")
        shown = csms.show_secret(ShowSecretRequest(secret_name=desk.name)).secret
        assert shown.to_dict() == secret.to_dict()
        assert shown.description == "moved h\u00e9re"
        assert shown.update_time > shown.create_time

    with_server(desk, work)
    assert desk.key_of() == desk.keys.new
    assert [record.applied for record in records_of(desk.sandbox.journal)] == [True, False]


def test_secrets_are_listed_page_by_page(desk: Desk) -> None:
    def work(url: str) -> None:
        csms = client(CsmsClient, desk, url)
        names: list[str] = []
        marker = None
        for count in (4, 4, 2):
            page = csms.list_secrets(ListSecretsRequest(limit="4", marker=marker))
            assert page.page_info.current_count == count
            names += [secret.name for secret in page.secrets]
            marker = page.page_info.next_marker
        assert marker is None
        assert names == desk.project.names

    with_server(desk, work)


def test_versions_are_listed_with_the_keys_they_were_made_with(desk: Desk) -> None:
    def work(url: str) -> None:
        csms = client(CsmsClient, desk, url)
        csms.update_secret(update(desk.name, desk.keys.new))
        listed = csms.list_secret_versions(ListSecretVersionsRequest(secret_name=desk.name, limit=50))
        assert [one.id for one in listed.version_metadatas] == [one.id for one in desk.project.versions[desk.name]]
        assert {one.kms_key_id for one in listed.version_metadatas} == {desk.keys.old}
        assert listed.version_metadatas[-1].version_stages == ["SYSCURRENT"]

    with_server(desk, work)


def test_a_new_version_is_made_with_the_key_of_its_secret(desk: Desk) -> None:
    def work(url: str) -> None:
        csms = client(CsmsClient, desk, url)
        csms.update_secret(update(desk.name, desk.keys.new))
        body = CreateSecretVersionRequestBody(secret_string="x", version_stages=["SYSCURRENT"])
        made = csms.create_secret_version(CreateSecretVersionRequest(secret_name=desk.name, body=body))
        assert made.version_metadata.kms_key_id == desk.keys.new
        first = csms.list_secret_versions(ListSecretVersionsRequest(secret_name=desk.name, limit=1))
        assert (first.version_metadatas[0].kms_key_id, first.page_info.next_marker) == (desk.keys.old, "v1")
        rest = csms.list_secret_versions(ListSecretVersionsRequest(secret_name=desk.name, marker="v1"))
        assert rest.version_metadatas[-1].to_dict() == made.version_metadata.to_dict()

    with_server(desk, work)


def test_keys_are_described_and_listed(desk: Desk) -> None:
    def work(url: str) -> None:
        kms = client(KmsClient, desk, url)
        asked = ListKeyDetailRequest(body=OperateKeyRequestBody(key_id=desk.keys.disabled))
        info = kms.list_key_detail(asked).key_info
        assert (info.key_id, info.key_state, info.key_spec) == (desk.keys.disabled, "3", "AES_256")
        listed = kms.list_keys(ListKeysRequest(body=ListKeysRequestBody(limit="4", marker="0", key_spec="ALL")))
        assert (listed.keys, listed.truncated, listed.next_marker) == (list(desk.project.keys)[:4], "true", "4")
        assert listed.key_details[0].key_alias == "secrets-2024"

    with_server(desk, work)


def test_refusals_arrive_with_their_codes_whatever_form_they_have(desk: Desk) -> None:
    def work(url: str) -> None:
        csms, kms = client(CsmsClient, desk, url), client(KmsClient, desk, url)
        stranger = client(CsmsClient, desk, url, ak="HPUANOBODY")
        unknown_key = ListKeyDetailRequest(body=OperateKeyRequestBody(key_id="00000000-0000-4000-8000-000000000000"))
        for call, argument, status, code in (
            (csms.update_secret, update("no-such", desk.keys.new), 400, "CSMS.0106"),
            (csms.update_secret, update(desk.name, desk.keys.disabled), 400, "CSMS.0401"),
            (csms.update_secret, update("..", desk.keys.new), 404, "APIGW.0101"),
            (kms.list_key_detail, unknown_key, 404, "KMS.0207"),
            (stranger.update_secret, update(desk.name, desk.keys.new), 401, "APIGW.0301"),
        ):
            with pytest.raises(ClientRequestException) as caught:
                call(argument)
            assert (caught.value.status_code, caught.value.error_code) == (status, code)
            assert caught.value.request_id == records_of(desk.sandbox.journal)[-1].request_id

    with_server(desk, work)


def test_a_proxys_page_is_no_json_to_the_sdk_either() -> None:
    desk = Desk(small_sandbox(faults=Numbers({1: faults.page(502)})))

    def work(url: str) -> None:
        with pytest.raises(ServerResponseException) as caught:
            client(CsmsClient, desk, url).update_secret(update(desk.name, desk.keys.new))
        assert (caught.value.status_code, caught.value.error_code) == (502, "502")

    with_server(desk, work)


def test_the_project_is_found_by_the_name_of_its_region(desk: Desk) -> None:
    """Without a project id the SDK asks IAM for the project named like the region."""

    def work(url: str) -> None:
        key = desk.sandbox.directory.access_key
        credentials = BasicCredentials(key.ak, key.sk).with_iam_endpoint(url)
        builder = CsmsClient.new_builder().with_credentials(credentials).with_region(Region("cn-north-4", url))
        secret = builder.build().show_secret(ShowSecretRequest(secret_name=desk.name)).secret
        assert secret.name == desk.name

    with_server(desk, work)
    targets = [record.target for record in records_of(desk.sandbox.journal)]
    assert targets == ["/v3/projects?name=cn-north-4", f"/v1/{desk.project.id}/secrets/{desk.name}"]
