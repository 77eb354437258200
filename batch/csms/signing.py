"""Signs requests with an access key: SDK-HMAC-SHA256 as the vendor's API gateway verifies it.

The canonical request is made of the very target and body that are sent: a path unquoted and quoted again with a slash
at its end (only there, never on the wire), the query sorted, the signed headers, and the SHA-256 of the body. It is
signed with the secret key itself. Source: the vendor's API signing guide and the signer of its Python SDK.
"""

import time
from hashlib import sha256
from urllib.parse import quote, unquote

from batch.csms.messages import WireRequest
from batch.redaction.masked import Masked

_ALGORITHM = "SDK-HMAC-SHA256"
_NO_BODY = sha256().hexdigest()
_BLOCK = sha256().block_size
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


class Signer:
    """Signs with one pair of keys, and with the token that belongs to a temporary pair.

    What is signed is what the service acts on: Content-Type, Host, X-Project-Id, X-Sdk-Date and X-Security-Token. Other
    headers are left out, so that a proxy on the way may change them. A body is taken to be JSON.
    """

    def __init__(self, ak: Masked, sk: Masked, security_token: Masked | None = None) -> None:
        self._ak = ak
        self._token = security_token
        key = sk.reveal().encode()
        key = (sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        # The two halves of HMAC (RFC 2104) with the key already in them: a signature only copies them.
        self._inner = sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in key))
        self._second = -1
        self._date = ""

    def sign(self, request: WireRequest, *, host: str, project_id: str | None, at_s: float) -> WireRequest:
        """The request with the headers that allow it; `at_s` is now in UTC seconds since 1970.

        A signature is valid for 15 minutes around that time, so every attempt gets a new one.
        """
        date = self._date_of(int(at_s))
        added = {"Host": host, "X-Sdk-Date": date}
        lines, names = f"host:{host}\n", "host"
        content_type = request.headers.get("Content-Type")
        if content_type is not None:
            lines, names = f"content-type:{content_type.strip()}\n{lines}", "content-type;host"
        if project_id is not None:
            added["X-Project-Id"] = project_id
            lines, names = f"{lines}x-project-id:{project_id}\n", f"{names};x-project-id"
        lines, names = f"{lines}x-sdk-date:{date}\n", f"{names};x-sdk-date"
        if self._token is not None:
            token = added["X-Security-Token"] = self._token.reveal()
            lines, names = f"{lines}x-security-token:{token}\n", f"{names};x-security-token"
        path, _, query = request.target.partition("?")
        payload = sha256(request.body).hexdigest() if request.body else _NO_BODY
        canonical = f"{request.method}\n{_path(path)}\n{query and _query(query)}\n{lines}\n{names}\n{payload}"
        signature = self._mac(f"{_ALGORITHM}\n{date}\n{sha256(canonical.encode()).hexdigest()}".encode())
        added["Authorization"] = (
            f"{_ALGORITHM} Access={self._ak.reveal()}, SignedHeaders={names}, Signature={signature}"
        )
        return WireRequest(
            method=request.method,
            target=request.target,
            headers={**request.headers, **added},
            body=request.body,
            answer_limit=request.answer_limit,
        )

    def _mac(self, message: bytes) -> str:
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()

    def _date_of(self, second: int) -> str:
        if second != self._second:
            self._date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
            self._second = second
        return self._date


def _path(path: str) -> str:
    canonical = path if _PLAIN.issuperset(path) else quote(unquote(path), safe="/~")
    return canonical if canonical.endswith("/") else canonical + "/"


def _query(query: str) -> str:
    parts = (part.partition("=") for part in query.split("&"))
    pairs = sorted((unquote(name), unquote(value)) for name, _, value in parts)
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)
