"""Our signatures are the vendor's: by its published vectors, by its signer, and by a verifier that shares no code."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.csms.messages import WireRequest
from batch.csms.signing import Signer
from batch.redaction.masked import Masked
from batch.sandbox.signatures import fault_in_signature
from batch.sandbox.wire import Request
from tests.unit.csms.auth.vendor import vendor_headers

HOST = "kms.cn-north-4.myhuaweicloud.com"
PROJECT = "0123456789abcdef0123456789abcdef"
AT_S = 1_767_323_045.0
"""2026-01-02 03:04:05 UTC."""
DATE = "20260102T030405Z"
KEY_BODY = b'{"kms_key_id": "0d0466b0-e727-4d9c-b35d-f84bb474a37f"}'
JSON = {"Content-Type": "application/json"}


def signer(token: str | None = None, *, ak: str = "AKTEST", sk: str = "SKTEST") -> Signer:
    return Signer(Masked(ak), Masked(sk), None if token is None else Masked(token))


def authorization(
    method: str, target: str, body: bytes = b"", *, project_id: str = PROJECT, token: str | None = None
) -> str:
    request = WireRequest(method=method, target=target, headers=JSON if body else {}, body=body)
    return signer(token).sign(request, host=HOST, project_id=project_id, at_s=AT_S).headers["Authorization"]


@pytest.mark.parametrize(
    ("made", "signed", "signature"),
    [
        (
            authorization("PUT", f"/v1/{PROJECT}/secrets/my-secret_1", KEY_BODY),
            "content-type;host;x-project-id;x-sdk-date",
            "2110f248dd9b3cb55511f44183a01b7c82b45e2b785538fdc55fe746e030454b",
        ),
        (
            authorization("PUT", f"/v1/{PROJECT}/secrets/my-secret_1", KEY_BODY, token="STOKEN"),
            "content-type;host;x-project-id;x-sdk-date;x-security-token",
            "44d91636e5967f32c4814f4a3189a2103f943246d98983a8a564d631438706a5",
        ),
        (
            authorization("GET", "/v1/p/secrets?limit=50&marker=a%20b%2F%E4%B8%AD", project_id="p"),
            "host;x-project-id;x-sdk-date",
            "bb7a13de63bf318f0cb0e01c362492642b94cf32d5a8a864f67f630f757a4eb1",
        ),
    ],
)
def test_the_vectors_computed_with_the_vendors_signer(made: str, signed: str, signature: str) -> None:
    assert made == f"SDK-HMAC-SHA256 Access=AKTEST, SignedHeaders={signed}, Signature={signature}"


NAMES = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=64)
ODD_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="?"), min_size=1, max_size=20)
KEYS = st.text(string.ascii_letters + string.digits + "+/=", min_size=1, max_size=100)
QUERIES = st.lists(st.tuples(st.text(string.ascii_lowercase + "_ ", min_size=1, max_size=8), ODD_NAMES), max_size=3)


@pytest.mark.slow
@settings(max_examples=3_000, deadline=None)
@given(
    method=st.sampled_from(["GET", "PUT", "POST"]),
    name=NAMES | ODD_NAMES,
    query=QUERIES,
    body=st.binary(max_size=200),
    sk=KEYS,
    token=st.none() | KEYS,
    at_s=st.integers(1_700_000_000, 1_900_000_000),
)
def test_every_request_is_signed_as_the_vendors_signer_does(
    *, method: str, name: str, query: list[tuple[str, str]], body: bytes, sk: str, token: str | None, at_s: int
) -> None:
    path = f"/v1/{PROJECT}/secrets/{quote(name, safe='')}"
    encoded = "&".join(f"{quote(one, safe='')}={quote(value, safe='')}" for one, value in query)
    request = WireRequest(
        method=method, target=f"{path}?{encoded}" if encoded else path, headers=JSON if body else {}, body=body
    )
    ours = signer(token, sk=sk).sign(request, host=HOST, project_id=PROJECT, at_s=at_s)
    given_headers = {name: value for name, value in ours.headers.items() if name != "Authorization"}
    theirs = vendor_headers(
        ak="AKTEST", sk=sk, method=method, host=HOST, path=path, query=query, headers=given_headers, body=body
    )
    assert ours.headers == theirs
    received = Request(method=method, target=ours.target, headers=ours.headers, body=body)
    assert fault_in_signature(received, sk, float(at_s)) is None


def test_a_key_longer_than_a_block_is_hashed_first_as_hmac_wants_it() -> None:
    sk = "k" * 65
    request = WireRequest(method="GET", target="/v1/p/secrets", headers={})
    ours = signer(sk=sk).sign(request, host=HOST, project_id="p", at_s=AT_S).headers
    given_headers = {name: value for name, value in ours.items() if name != "Authorization"}
    theirs = vendor_headers(
        ak="AKTEST", sk=sk, method="GET", host=HOST, path="/v1/p/secrets", query=[], headers=given_headers, body=b""
    )
    assert ours == theirs


def test_another_second_gives_another_date_and_another_signature() -> None:
    one = signer()
    request = WireRequest(method="GET", target="/v1/p/secrets", headers={})
    first, same, later = (
        one.sign(request, host=HOST, project_id="p", at_s=at_s) for at_s in (AT_S, AT_S + 0.9, AT_S + 1)
    )
    assert first == same
    assert first.headers["X-Sdk-Date"] == DATE
    assert later.headers["X-Sdk-Date"] == "20260102T030406Z"
    assert first.headers["Authorization"] != later.headers["Authorization"]


def test_other_headers_go_out_unsigned_and_as_they_are() -> None:
    request = WireRequest(
        method="GET", target="/v1/p/secrets", headers={"User-Agent": "x", "Accept-Encoding": "identity"}
    )
    headers = signer().sign(request, host=HOST, project_id=None, at_s=AT_S).headers
    assert (headers["User-Agent"], headers["Accept-Encoding"]) == ("x", "identity")
    assert "SignedHeaders=host;x-sdk-date," in headers["Authorization"]
    assert "X-Project-Id" not in headers


@pytest.mark.parametrize(
    ("change", "at_s", "fault"),
    [
        ({}, AT_S + 899, None),
        ({}, AT_S + 901, "X-Sdk-Date is more than 15 minutes off"),
        ({}, AT_S - 901, "X-Sdk-Date is more than 15 minutes off"),
        ({"target": "/v1/p/secrets/other"}, AT_S, "verify aksk signature fail"),
        ({"body": b"{}"}, AT_S, "verify aksk signature fail"),
        ({"method": "POST"}, AT_S, "verify aksk signature fail"),
    ],
)
def test_the_verifier_of_the_sandbox_sees_every_change(
    change: dict[str, object], at_s: float, fault: str | None
) -> None:
    request = WireRequest(method="PUT", target="/v1/p/secrets/a", headers=JSON, body=KEY_BODY)
    signed = signer().sign(request, host=HOST, project_id="p", at_s=AT_S)
    fields = {"method": signed.method, "target": signed.target, "headers": signed.headers, "body": signed.body} | change
    assert fault_in_signature(Request(**fields), "SKTEST", at_s) == fault  # type: ignore[arg-type] # a table of fields
    assert fault_in_signature(Request(**fields), "OTHER", at_s) is not None  # type: ignore[arg-type] # the same
