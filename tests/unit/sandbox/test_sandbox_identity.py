"""The sandbox's logins by identity: what each endpoint checks, and that what it gives out opens the service."""

from typing import Any

import pytest

from batch.csms.auth.given_keys import keys_in
from batch.sandbox.platform import TRUST
from tests.unit.sandbox.asking import EPOCH_S, Desk, json_of, small_sandbox

JSON = {"Content-Type": "application/json"}
POD = "POST /v1/credentials"
STS = "POST /v5/agencies/assume-with-oidc"
ID_TOKEN = "POST /v3.0/OS-AUTH/id-token/tokens"  # noqa: S105 - a path
KEYS = "POST /v3.0/OS-CREDENTIAL/securitytokens"
CI = "GET /ci/token?audience=x"


def of_sts(token: str, **more: Any) -> dict[str, Any]:
    usual = {"provider_urn": TRUST.provider_urn, "agency_urn": TRUST.agency_urn, "agency_session_name": "nightly"}
    return usual | {"id_token": token} | more


def of_agency(**more: Any) -> dict[str, Any]:
    asked = {"agency_name": TRUST.agency, "domain_name": TRUST.agency_domain} | more
    return {"auth": {"identity": {"methods": ["assume_role"], "assume_role": asked}}}


def of_token(token: str) -> dict[str, Any]:
    return {"auth": {"identity": {"methods": ["token"], "token": {"id": token, "duration_seconds": 900}}}}


def test_each_gives_temporary_keys_that_end_when_it_says() -> None:
    desk = Desk(small_sandbox(key_life_s=86_400.0))
    token = desk.sandbox.directory.platform.token
    by_pod = desk.ask(POD, b"{}", headers=JSON | {"Authorization": token})
    by_sts = desk.ask(STS, of_sts(token, duration_seconds=1_200), headers=JSON)
    issued = desk.ask(ID_TOKEN, {"auth": {"id_token": {"id": token}}}, headers=JSON | {"X-Idp-Id": TRUST.idp_id})
    unscoped = dict(issued.headers)["X-Subject-Token"]
    by_token = desk.ask(KEYS, of_token(unscoped), headers=JSON)
    by_agency = desk.ask(KEYS, of_agency())
    lives = []
    for answer in (by_pod, by_sts, by_token, by_agency):
        keys = keys_in(answer.body, "the sandbox")
        assert keys is not None, answer.body
        assert desk.sandbox.directory.find_key(keys.ak.reveal()) is not None
        lives.append(None if keys.expires_s is None else keys.expires_s - EPOCH_S)
    assert lives == [86_400.0, 1_200.0, 900.0, 900.0]


def test_the_token_in_between_opens_no_project(desk: Desk) -> None:
    body = {"auth": {"id_token": {"id": desk.sandbox.directory.platform.token}}}
    issued = desk.ask(ID_TOKEN, body, headers=JSON | {"X-Idp-Id": TRUST.idp_id})
    headers = {"X-Auth-Token": dict(issued.headers)["X-Subject-Token"]}
    assert desk.ask("GET /v1/{p}/secrets", headers=headers).status == 403


def test_a_token_of_the_platform_ends(desk: Desk) -> None:
    platform = desk.sandbox.directory.platform
    given = json_of(desk.ask(CI, headers={"Authorization": f"Bearer {platform.request_token}"}, now_s=10.0))["value"]
    for now_s, status in ((11.0, 200), (309.0, 200), (310.0, 401)):
        assert desk.ask(STS, of_sts(given), headers=JSON, now_s=now_s).status == status
        assert desk.ask(POD, b"{}", headers={"Authorization": given}, now_s=now_s).status == status


@pytest.mark.parametrize(
    ("line", "body", "headers", "status"),
    [
        (POD, b"{}", {}, 401),
        (POD, b"{}", {"Authorization": "Bearer TOKEN"}, 401),
        (POD, b"", {"Authorization": "TOKEN"}, 400),
        (STS, of_sts("other"), JSON, 401),
        (STS, of_sts("TOKEN", agency_urn="iam::sandbox:agency:other"), JSON, 403),
        (STS, of_sts("TOKEN", provider_urn="other"), JSON, 403),
        (STS, of_sts("TOKEN", duration_seconds=899), JSON, 400),
        (STS, of_sts("TOKEN", duration_seconds=43_201), JSON, 400),
        (STS, of_sts("TOKEN", agency_session_name="x"), JSON, 400),
        (STS, of_sts("TOKEN", surplus=1), JSON, 400),
        (STS, of_sts("TOKEN"), {}, 400),
        (ID_TOKEN, {"auth": {"id_token": {"id": "TOKEN"}}}, JSON | {"X-Idp-Id": "other"}, 401),
        (ID_TOKEN, {"auth": {"id_token": {"id": "other"}}}, JSON | {"X-Idp-Id": TRUST.idp_id}, 401),
        (ID_TOKEN, {"auth": {}}, JSON | {"X-Idp-Id": TRUST.idp_id}, 400),
        (KEYS, of_token("other"), JSON, 401),
        (KEYS, of_agency(), JSON, 401),
        (KEYS, of_agency(agency_name="other"), None, 403),
        (KEYS, of_agency(domain_name="other"), None, 403),
        (KEYS, of_agency(duration_seconds=86_401), None, 400),
        (KEYS, {"auth": {"identity": {"methods": ["hope"]}}}, None, 400),
        (CI, None, {"Authorization": "Bearer TOKEN"}, 401),
    ],
)
def test_what_is_not_right_is_refused(
    desk: Desk, line: str, body: object, headers: dict[str, str] | None, status: int
) -> None:
    token = desk.sandbox.directory.platform.token
    if isinstance(body, dict) and body.get("id_token") == "TOKEN":
        body = body | {"id_token": token}
    if isinstance(body, dict) and "id_token" in body.get("auth", {}):
        body = {"auth": {"id_token": {"id": body["auth"]["id_token"]["id"].replace("TOKEN", token)}}}
    given = None if headers is None else {name: text.replace("TOKEN", token) for name, text in headers.items()}
    assert desk.ask(line, body, headers=given).status == status


@pytest.mark.parametrize("line", [POD, STS, ID_TOKEN, KEYS])
def test_what_was_revoked_is_given_out_no_more(desk: Desk, line: str) -> None:
    token = desk.sandbox.directory.platform.token
    desk.sandbox.directory.revoke()
    bodies: dict[str, object] = {
        POD: b"{}",
        STS: of_sts(token),
        ID_TOKEN: {"auth": {"id_token": {"id": token}}},
        KEYS: of_token(desk.sandbox.token),
    }
    headers = JSON | {"Authorization": token, "X-Idp-Id": TRUST.idp_id}
    assert desk.ask(line, bodies[line], headers=headers).status == 401
