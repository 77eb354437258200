"""Verifies a signed request the way the gateway does: from the request as it stood on the wire and the secret key.

Written from the vendor's signing guide alone, and shares nothing with the code that signs: it is there to catch it out.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from batch.sandbox.wire import Request

_FORM = re.compile(
    r"SDK-HMAC-SHA256 Access=(?P<ak>[^,\s]+), ?SignedHeaders=(?P<headers>[^,\s]+), ?Signature=(?P<hex>[0-9a-f]{64})"
)
_TOLERANCE = timedelta(minutes=15)


def access_key_of(authorization: str) -> str | None:
    """The access key a signature says it was made with; None where it is not a signature."""
    found = _FORM.fullmatch(authorization)
    return None if found is None else found["ak"]


def fault_in_signature(request: Request, sk: str, now_unix_s: float) -> str | None:
    """What is wrong with a request's signature, or None."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    found = _FORM.fullmatch(headers.get("authorization", ""))
    if found is None:
        return "no signature"
    signed = found["headers"].split(";")
    date = headers.get("x-sdk-date")
    if date is None or "x-sdk-date" not in signed or signed != sorted(signed):
        return "X-Sdk-Date is not signed"
    if not set(signed) <= set(headers):
        return "a signed header is missing"
    try:
        made = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "X-Sdk-Date is not a date"
    if abs(datetime.fromtimestamp(now_unix_s, UTC) - made) > _TOLERANCE:
        return "X-Sdk-Date is more than 15 minutes off"
    digest = hashlib.sha256(_canonical(request, headers, signed)).hexdigest()
    to_sign = f"SDK-HMAC-SHA256\n{date}\n{digest}"
    expected = hmac.digest(sk.encode(), to_sign.encode(), "sha256").hex()
    return None if hmac.compare_digest(expected, found["hex"]) else "verify aksk signature fail"


def _canonical(request: Request, headers: Mapping[str, str], signed: list[str]) -> bytes:
    path, _, query = request.target.partition("?")
    segments = [_escaped(segment) for segment in unquote_to_bytes(path).split(b"/")]
    if segments[-1]:
        segments.append("")
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    lines = [
        request.method,
        "/".join(segments),
        "&".join(f"{_escaped(name.encode())}={_escaped(value.encode())}" for name, value in pairs),
        *(f"{name}:{headers[name].strip()}" for name in signed),
        "",
        ";".join(signed),
        headers.get("x-sdk-content-sha256") or hashlib.sha256(request.body).hexdigest(),
    ]
    return "\n".join(lines).encode()


def _escaped(raw: bytes) -> str:
    return quote(raw, safe="-._~")
