"""The table of answers and what each one is taken for."""

import msgspec
import pytest

from batch.csms.errors import classify, retry_after_s
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
        (400, "CSMS.0005", K.REJECTED, False),
        (404, "CSMS.0005", K.REJECTED, False),
        (400, "CSMS.0106", K.REJECTED, False),
        (400, "CSMS.0103", K.REJECTED, False),
        (403, "CSMS.0109", K.REJECTED, False),
        (404, "CSMS.9999", K.REJECTED, False),
        (400, "CSMS.0301", K.CREDENTIAL, False),
        (401, "APIGW.0301", K.CREDENTIAL, False),
        (401, "APIG.0307", K.CREDENTIAL, False),
        (403, "KMS.0303", K.CREDENTIAL, False),
        (401, "", K.CREDENTIAL, False),
        (401, "APIG.0303", K.SIGNATURE, False),
        (400, "CSMS.0401", K.KEY, False),
        (404, "KMS.0207", K.KEY, False),
        (400, "KMS.0209", K.KEY, False),
        (403, "CSMS.0302", K.FORBIDDEN, False),
        (403, "APIGW.0302", K.FORBIDDEN, False),
        (403, "KMS.0307", K.FORBIDDEN, False),
        (403, "", K.FORBIDDEN, False),
        (404, "APIGW.0101", K.MISCONFIGURED, False),
        (404, "", K.MISCONFIGURED, False),
        (403, "APIG.0802", K.MISCONFIGURED, False),
        (403, "KMS.0305", K.MISCONFIGURED, False),
        (301, "", K.MISCONFIGURED, True),
        (307, "", K.MISCONFIGURED, True),
        (429, "", K.THROTTLED, False),
        (429, "APIGW.0308", K.THROTTLED, False),
        (503, "APIG.0308", K.THROTTLED, False),
        (408, "", K.UNAVAILABLE, False),
        (425, "", K.UNAVAILABLE, False),
        (500, "", K.UNAVAILABLE, True),
        (500, "CSMS.9999", K.UNAVAILABLE, True),
        (500, "APIG.0601", K.UNAVAILABLE, True),
        (502, "APIG.0201", K.UNAVAILABLE, True),
        (504, "APIG.0201", K.UNAVAILABLE, True),
        (413, "APIG.0201", K.REJECTED, False),
        (503, "", K.UNAVAILABLE, True),
        (504, "", K.UNAVAILABLE, True),
        (500, "CSMS.0103", K.REJECTED, True),
        (204, "", K.MISMATCH, True),
        (409, "", K.REJECTED, False),
        (100, "", K.UNAVAILABLE, True),
    ],
)
def test_an_answer_is_classified_by_its_code_first_and_its_status_second(
    status: int, code: str, kind: FaultKind, *, maybe_applied: bool
) -> None:
    fault = of(status, flat(code) if code else b"<html>")
    assert (fault.kind, fault.maybe_applied) == (kind, maybe_applied)
    assert fault.code == (code or f"HTTP.{status}")
    assert (fault.http_status, fault.request_id) == (status, "r" * 32)


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
        (b'{"error":{"code":403,"message":"no","title":"Forbidden"}}', "403", "no"),
        (b'{"error_msg":"no","error_code":"APIGW.0101","request_id":"x"}\n', "APIGW.0101", "no"),
        (b'{"errorCode":"A.1","errorMsg":"no"}', "A.1", "no"),
        (b'{"code":"A.1","message":"no"}', "A.1", "no"),
        (b'{"error":"no"}', "HTTP.400", ""),
        (b'["error"]', "HTTP.400", ""),
        (b'"error"', "HTTP.400", ""),
        (b'{"error_code":true,"error_msg":null}', "HTTP.400", ""),
        (b"\xff\xfe", "HTTP.400", ""),
        (b"", "HTTP.400", ""),
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


@pytest.mark.parametrize(
    ("value", "date", "expected"),
    [
        (None, None, None),
        ("7", None, 7.0),
        ("0", None, 0.0),
        ("86400", None, 300.0),
        ("-1", None, None),
        ("1.5", None, None),
        ("１２", None, None),
        ("soon", None, None),
        ("Wed, 21 Oct 2026 07:28:10 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", 10.0),
        ("Wed, 21 Oct 2026 07:28:10 GMT", None, None),
        ("Wed Oct 21 07:28:10 2026", "Wed, 21 Oct 2026 07:28:00 GMT", 10.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 08:28:00 GMT", 0.0),
        ("Wed, 99 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 08:28:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_anything_else_is_nothing(
    value: str | None, date: str | None, expected: float | None
) -> None:
    assert retry_after_s(value, date) == expected


def test_a_message_is_cut_and_can_always_be_stored() -> None:
    fault = of(400, msgspec.json.encode({"error_code": "C" * 100, "error_msg": "x" * 5_000}))
    assert (len(fault.code), len(fault.message)) == (64, 500)
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
