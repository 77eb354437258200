import re

import pytest

from batch.sandbox.quota import ProjectQuota, QuotaRate
from batch.sandbox.wire import Reply
from tests.unit.sandbox.asking import Desk, json_of, small_sandbox

SIGNATURE = "SDK-HMAC-SHA256 Access={ak}, SignedHeaders=host;x-sdk-date, Signature=" + "0" * 64


def gateway_error(answer: Reply) -> tuple[int, str, str]:
    body = json_of(answer)
    assert set(body) == {"error_msg", "error_code", "request_id"}
    assert answer.body.endswith(b"}\n")
    assert body["request_id"] == answer.request_id == dict(answer.headers)["X-Request-Id"]
    return answer.status, body["error_code"], body["error_msg"]


def test_every_answer_has_the_headers_the_service_sends(desk: Desk) -> None:
    answers = [desk.ask(line) for line in ("GET /v1/{p}/secrets", "GET /nowhere", "GET /v1/{p}/secrets/none")]
    for answer in answers:
        assert re.fullmatch(r"[0-9a-f]{32}", dict(answer.headers)["X-Request-Id"])
        cookies = [value.partition("=")[0] for name, value in answer.headers if name == "Set-Cookie"]
        assert cookies == ["HWWAFSESID", "HWWAFSESTIME"]
    assert [dict(answer.headers)["Server"] for answer in answers] == ["CloudWAF", "api-gateway", "CloudWAF"]
    assert len({answer.request_id for answer in answers}) == 3


def test_cookies_are_not_set_again_for_a_client_that_sends_them(desk: Desk) -> None:
    headers = {"X-Auth-Token": desk.sandbox.token, "Cookie": "HWWAFSESID=1; HWWAFSESTIME=2"}
    assert "Set-Cookie" not in dict(desk.ask("GET /v1/{p}/secrets", headers=headers).headers)


def test_a_path_that_is_not_served_is_unknown_to_the_gateway_with_any_login(desk: Desk) -> None:
    known, unknown = desk.ask("PUT /v1/{p}/secrets/"), desk.ask("PUT /v1/{p}/secrets/", headers={})
    assert gateway_error(known)[:2] == gateway_error(unknown)[:2] == (404, "APIGW.0101")


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "x-auth-token not found"),
        ({"X-Auth-Token": "MIImadeup"}, "decrypt token fail"),
        ({"Authorization": SIGNATURE.format(ak="HPUANOBODY")}, "verify aksk signature fail"),
        ({"Authorization": "SDK-HMAC-SHA256 Access=x"}, "verify aksk signature fail"),
        ({"Authorization": "Bearer x"}, "verify aksk signature fail"),
    ],
)
@pytest.mark.parametrize("line", ["GET /v1/{p}/secrets", "POST /v1.0/{p}/kms/list-keys", "GET /v3/projects"])
def test_an_unknown_caller_is_turned_away_by_the_gateway(
    desk: Desk, line: str, headers: dict[str, str], detail: str
) -> None:
    message = f"Incorrect IAM authentication information: {detail}"
    assert gateway_error(desk.ask(line, {}, headers=headers)) == (401, "APIGW.0301", message)


def test_a_signed_request_passes_when_its_access_key_is_known(desk: Desk) -> None:
    headers = {"Authorization": SIGNATURE.format(ak=desk.sandbox.directory.access_key.ak)}
    assert desk.ask("GET /v1/{p}/secrets", headers=headers).status == 200


def test_a_token_is_good_until_it_expires() -> None:
    desk = Desk(small_sandbox(token_life_s=100.0))
    assert desk.ask("GET /v1/{p}/secrets", now_s=99.9).status == 200
    assert gateway_error(desk.ask("GET /v1/{p}/secrets", now_s=100.0))[:2] == (401, "APIGW.0307")


def test_tokens_ended_early_are_refused_and_a_new_one_is_good(desk: Desk) -> None:
    directory = desk.sandbox.directory
    directory.expire_tokens(5.0)
    assert gateway_error(desk.ask("GET /v1/{p}/secrets", now_s=5.0))[1] == "APIGW.0307"
    fresh = directory.issue(directory.everywhere, 6.0)
    assert desk.ask("GET /v1/{p}/secrets", headers={"X-Auth-Token": fresh.value}, now_s=6.0).status == 200


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("GET /v1/{q}/secrets", 403, "CSMS.0302"),
        ("PUT /v1/{q}/secrets/a", 403, "CSMS.0302"),
        ("POST /v1.0/{q}/kms/list-keys", 403, "KMS.0321"),
    ],
)
def test_a_project_the_caller_is_not_let_into_is_refused_by_the_service(
    desk: Desk, line: str, status: int, code: str
) -> None:
    answer = desk.ask(line.replace("{q}", "0" * 32), {})
    assert (answer.status, code in answer.body.decode()) == (status, True)


def test_over_the_quota_of_its_project_a_request_is_throttled_in_the_services_words() -> None:
    desk = Desk(small_sandbox(projects=2, quota=ProjectQuota(QuotaRate(limit=2, window_s=1))))
    other = list(desk.sandbox.world.projects)[1]
    assert [desk.ask("GET /v1/{p}/secrets", now_s=at).status for at in (0.0, 0.1, 0.2, 0.99, 1.0)] == [
        *(200, 200, 429, 429, 200)
    ]
    answer = desk.ask("GET /v1/{p}/secrets", now_s=1.0)
    assert gateway_error(answer) == (
        429,
        "APIG.0308",
        "The throttling threshold has been reached: policy user over ratelimit,limit:2,time:1 second",
    )
    assert "Retry-After" not in dict(answer.headers)
    assert desk.ask(f"GET /v1/{other}/secrets", now_s=1.0).status == 200


def test_unknown_callers_and_logins_take_nothing_from_the_quota() -> None:
    desk = Desk(small_sandbox(quota=ProjectQuota(QuotaRate(limit=1, window_s=60))))
    for _ in range(3):
        assert desk.ask("GET /v1/{p}/secrets", headers={}).status == 401
        assert desk.ask("GET /v3/projects").status == 200
    assert desk.ask("GET /v1/{p}/secrets").status == 200
