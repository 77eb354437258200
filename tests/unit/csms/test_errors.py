"""The table of answers and what each one is taken for."""

import msgspec
import pytest

from batch.csms.errors import classify, words_of
from batch.csms.faults import Fault, FaultKind, Quota
from batch.csms.messages import WireAnswer
from batch.csms.wire import _bounded_id
from batch.redaction.masked import CUT, Masked
from batch.redaction.redactor import Redactor

K = FaultKind
THROTTLE = "The throttling threshold has been reached: policy user over ratelimit,limit:20,time:1 second"


def flat(code: str, message: str = "m") -> bytes:
    return msgspec.json.encode({"error_code": code, "error_msg": message})


def of(status: int, body: bytes = b"") -> Fault:
    return classify(WireAnswer(status=status, body=body, request_id="r" * 32))


@pytest.mark.parametrize(
    ("status", "code", "kind", "maybe_applied"),
    [
        (400, "CSMS.0002", K.REJECTED, False),
        (400, "CSMS.0005", K.ABSENT, False),
        (404, "CSMS.0005", K.ABSENT, False),
        (400, "CSMS.0106", K.ABSENT, False),
        (404, "CSMS.9999", K.ABSENT, False),
        (400, "CSMS.9999", K.REJECTED, False),
        (404, "CSMS.0103", K.REJECTED, False),
        (400, "CSMS.0103", K.REJECTED, False),
        (403, "CSMS.0109", K.REJECTED, False),
        (400, "DEW.00000005", K.REJECTED, False),
        (403, "PAP5.0001", K.FORBIDDEN, False),
        (409, "CSMS.9999", K.REJECTED, False),
        (413, "APIG.0201", K.REJECTED, False),
        (400, "CSMS.0301", K.CREDENTIAL, False),
        (401, "APIGW.0301", K.CREDENTIAL, False),
        (401, "APIG.0307", K.CREDENTIAL, False),
        (401, "IAM.0061", K.CREDENTIAL, False),
        (403, "KMS.0303", K.CREDENTIAL, False),
        (401, "APIG.0303", K.SIGNATURE, False),
        (400, "CSMS.0401", K.KEY, False),
        (404, "KMS.0207", K.KEY, False),
        (400, "KMS.0209", K.KEY, False),
        (403, "CSMS.0302", K.FORBIDDEN, False),
        (403, "APIGW.0302", K.FORBIDDEN, False),
        (403, "KMS.0307", K.FORBIDDEN, False),
        (404, "APIGW.0101", K.MISCONFIGURED, False),
        (403, "APIG.0802", K.MISCONFIGURED, False),
        (403, "KMS.0305", K.MISCONFIGURED, False),
        (429, "APIGW.0308", K.THROTTLED, False),
        (503, "APIG.0308", K.THROTTLED, False),
        (504, "APIG.0308", K.THROTTLED, True),
        (502, "APIGW.0308", K.THROTTLED, True),
        (408, "CSMS.0103", K.UNAVAILABLE, True),
        (425, "APIG.0308", K.UNAVAILABLE, True),
        (499, "APIG.0201", K.UNAVAILABLE, True),
        (500, "CSMS.9999", K.UNAVAILABLE, True),
        (500, "APIG.0601", K.UNAVAILABLE, True),
        (502, "APIG.0201", K.UNAVAILABLE, True),
        (504, "APIG.0201", K.UNAVAILABLE, True),
        (500, "CSMS.0103", K.REJECTED, True),
        (500, "CSMS.0106", K.ABSENT, True),
        (504, "APIGW.0307", K.CREDENTIAL, True),
    ],
)
def test_the_services_own_answer_is_classified_by_its_code_first_and_its_status_second(
    status: int, code: str, kind: FaultKind, *, maybe_applied: bool
) -> None:
    fault = of(status, flat(code))
    assert (fault.kind, fault.code, fault.maybe_applied) == (kind, code, maybe_applied)
    assert (fault.http_status, fault.request_id, fault.message) == (status, "r" * 32, "m")


@pytest.mark.parametrize(("status", "code"), [(400, "HTTP.400"), (403, "Squid.403"), (404, "Proxy.404")])
def test_a_code_that_only_repeats_the_status_is_not_the_services(status: int, code: str) -> None:
    fault = of(status, flat(code))
    assert (fault.kind, fault.code, fault.maybe_applied) == (K.FOREIGN, f"HTTP.{status}", True)


_BARE = [
    b"",
    b"<html><h1>Forbidden</h1></html>",
    b'{"code":404}',
    b'{"error":{"code":403,"message":"You are not authorized","title":"Forbidden"}}',
    b'{"error_code":"403","error_msg":"no"}',
    b'{"error":"no"}',
    b'{"error_code":"ForbiddenByFilter"}',
    b'{"error_code":"CSMS.","error_msg":".0302"}',
    b'{"error_code":"blocked: CSMS.0302"}',
    b'["CSMS.0302"]',
    b"\xff\xfe",
]


@pytest.mark.parametrize("body", _BARE)
@pytest.mark.parametrize(
    ("status", "kind", "maybe_applied"),
    [
        (100, K.UNAVAILABLE, True),
        (202, K.LOST, True),
        (203, K.LOST, True),
        (204, K.LOST, True),
        (301, K.MISCONFIGURED, True),
        (307, K.MISCONFIGURED, True),
        (400, K.FOREIGN, True),
        (401, K.CREDENTIAL, True),
        (403, K.FOREIGN, True),
        (404, K.FOREIGN, True),
        (405, K.FOREIGN, True),
        (407, K.FOREIGN, True),
        (408, K.UNAVAILABLE, True),
        (409, K.FOREIGN, True),
        (413, K.FOREIGN, True),
        (418, K.FOREIGN, True),
        (425, K.UNAVAILABLE, True),
        (429, K.THROTTLED, False),
        (431, K.FOREIGN, True),
        (451, K.FOREIGN, True),
        (494, K.FOREIGN, True),
        (499, K.UNAVAILABLE, True),
        (500, K.UNAVAILABLE, True),
        (502, K.UNAVAILABLE, True),
        (503, K.UNAVAILABLE, True),
        (504, K.UNAVAILABLE, True),
    ],
)
def test_an_answer_without_a_code_of_the_service_says_what_its_status_says_and_a_refusal_is_foreign(
    status: int, body: bytes, kind: FaultKind, *, maybe_applied: bool
) -> None:
    fault = of(status, body)
    assert (fault.kind, fault.code, fault.maybe_applied) == (kind, f"HTTP.{status}", maybe_applied)


def test_a_foreign_answer_is_explained_and_what_it_says_is_kept() -> None:
    plain = "answered 403 without the service's own error body: a proxy, filter or gateway before the service?"
    assert of(403, b"<html>").message == plain
    assert of(403, b'{"code":403,"message":"blocked"}').message == f"{plain} It says: blocked"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b'{"error":{"code":401,"message":"The password is wrong.","title":"Unauthorized"}}',
            "401: The password is wrong.",
        ),
        (b'{"error_code":"IAM.0062","error_msg":"no"}', "IAM.0062: no"),
        (b"<html>", "HTTP.401: no error body"),
    ],
)
def test_a_refusal_by_iam_is_told_in_its_own_words(body: bytes, words: str) -> None:
    assert words_of(WireAnswer(status=401, body=body)) == words


@pytest.mark.parametrize(
    "message",
    [
        "Incorrect IAM authentication information: verify aksk signature fail",
        "Incorrect IAM authentication information: AK access failed to reach the limit, forbidden",
        "Incorrect IAM authentication information: Get secretKey failed",
    ],
)
def test_a_refused_signature_is_told_from_a_refused_token_by_its_words(message: str) -> None:
    assert of(401, flat("APIGW.0301", message)).kind is K.SIGNATURE
    assert of(401, flat("APIGW.0301", "decrypt token fail")).kind is K.CREDENTIAL


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"error_code":"CSMS.0106","error_msg":"no"}', "CSMS.0106", "no"),
        (b'{"error":{"error_code":"KMS.0205","error_msg":"no"}}', "KMS.0205", "no"),
        (b'{"error_msg":"no","error_code":"APIGW.0101","request_id":"x"}\n', "APIGW.0101", "no"),
        (b'{"errorCode":"A.1","errorMsg":"no"}', "A.1", "no"),
        (b'{"code":"A.1","message":"no"}', "A.1", "no"),
        (b'"error"', "HTTP.400", ""),
        (b'{"error_code":true,"error_msg":null}', "HTTP.400", ""),
        (b"[" * 100_000, "HTTP.400", ""),
    ],
)
def test_every_error_body_the_vendor_is_known_to_send_is_read(body: bytes, code: str, message: str) -> None:
    fault = of(400, body)
    assert fault.code == code
    if message:
        assert fault.message == message


@pytest.mark.parametrize(
    ("message", "quota"),
    [
        (THROTTLE, Quota(20, 1.0)),
        ("policy user over ratelimit,limit:200,time:5 minute", Quota(200, 300.0)),
        ("policy ip over ratelimit,limit:5,time:1 second", Quota(5, 1.0)),
        ("limit:XX,time:1 second", None),
        ("limit:0,time:1 second", None),
        ("slow down", None),
    ],
)
def test_a_quota_named_in_a_refusal_is_read(message: str, quota: Quota | None) -> None:
    assert of(429, flat("APIG.0308", message)).quota == quota


def test_a_code_that_is_longer_than_any_is_none() -> None:
    assert of(400, flat("C" * 60 + ".0002")).code == "HTTP.400"


def test_a_message_is_cut_and_can_always_be_stored() -> None:
    fault = of(400, msgspec.json.encode({"error_code": "CSMS.0002", "error_msg": "x" * 5_000}))
    assert len(fault.message) == 500
    fault.message.encode()


@pytest.mark.parametrize("place", ["error_msg", "error_code"])
def test_a_credential_that_the_service_echoes_is_found_in_what_is_kept_of_an_answer(place: str) -> None:
    token = "canary-" + "t" * 3_000
    redactor = Redactor()
    redactor.watch(lambda: (Masked(token),))
    fault = of(400, msgspec.json.encode({"error_code": "CSMS.0002", "error_msg": "m", place: "x" * 55 + token}))
    assert "can" not in redactor.clean(fault.message + fault.code)


def test_a_request_id_that_is_longer_than_any_is_cut_like_every_text() -> None:
    assert _bounded_id("0123456789abcdef0123456789abcdef") == "0123456789abcdef0123456789abcdef"
    assert _bounded_id("r" * 65) == "r" * 59 + CUT
