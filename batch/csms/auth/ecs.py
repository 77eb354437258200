"""Temporary access keys of the agency of a cloud server, from the metadata service only that server can reach.

Source: the vendor's ECS user guide and the metadata accessor of its Python SDK.
"""

import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlsplit

from batch.csms.auth.credential import Connect, CredentialError, Description
from batch.csms.auth.given_keys import keys_in
from batch.csms.auth.keys import AccessKeys, KeyLogin
from batch.csms.errors import classify
from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import Wire, WireAnswer, WireRequest
from batch.redaction.masked import Masked
from jobs.endpoint import is_loopback
from jobs.spec import Auth

URL_VARIABLE = "CSMS_REKEY_METADATA_URL"
_URL = "http://169.254.169.254"
_PROBE_TIMEOUT_S = 1.0
_TTL_S = 6 * 3600
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "csms-rekey"}
_TOKENLESS = frozenset({404, 405, 503})
"""Answers to the request for a metadata token that mean: there are none here, ask without."""


class Metadata:
    """Reads the agency's keys."""

    def __init__(self, url: str, connect: Connect) -> None:
        self._url = url
        self._connect = connect

    async def fetch(self) -> AccessKeys | Fault:
        """The keys as the service gives them now; a metadata token is fetched with them, so none can be too old."""
        async with self._connect(self._url) as wire:
            token = await self._token(wire)
            if isinstance(token, Fault):
                return token
            headers = {**_HEADERS, "X-Metadata-Token": token.reveal()} if token else _HEADERS
            answer = await wire.send(WireRequest(method="GET", target="/openstack/latest/securitykey", headers=headers))
        return _keys_of(answer, self._url)

    async def _token(self, wire: Wire) -> Masked | Fault | None:
        headers = {**_HEADERS, "X-Metadata-Token-Ttl-Seconds": str(_TTL_S)}
        answer = await wire.send(WireRequest(method="PUT", target="/meta-data/latest/api/token", headers=headers))
        if isinstance(answer, Fault):
            return answer
        if answer.status in _TOKENLESS:
            return None
        text = answer.body.decode("ascii", "replace").strip()
        if answer.status != HTTPStatus.OK or not text.isprintable() or not text:
            return _refused(answer, "the metadata service gave no token")
        return Masked(text)


def find_ecs(
    environment: Mapping[str, str], connect: Connect, utc: Callable[[], float], *, probe: bool
) -> KeyLogin | None:
    """The agency of the server this runs on; with `probe`, None where no metadata service answers within a second.

    Raises:
        CredentialError: the variable that moves the metadata service names another machine.
    """
    url = environment.get(URL_VARIABLE) or _URL
    host, port = _place(url)
    if url != _URL and not is_loopback(host):
        raise CredentialError(f"{URL_VARIABLE}: only a loopback address is taken, for tests")
    if probe and not _answers(host, port):
        return None
    metadata = Metadata(url.rstrip("/"), connect)
    description = Description(kind=Auth.ECS, provider="ECS agency", source=url, ends=True, renewable=True, fetched=True)
    return KeyLogin(metadata.fetch, description, connect=connect, environment=environment, utc=utc)


def _place(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        raise CredentialError(f"{URL_VARIABLE}: not a URL") from None
    if parts.scheme != "http" or not host:
        raise CredentialError(f"{URL_VARIABLE}: write http://HOST:PORT")
    return host, port


def _answers(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=_PROBE_TIMEOUT_S):
        return True
    return False


def _keys_of(answer: WireAnswer | Fault, url: str) -> AccessKeys | Fault:
    if isinstance(answer, Fault):
        return answer
    if answer.status != HTTPStatus.OK:
        return _refused(answer, "the metadata service gave no keys; does the server have an agency?")
    return keys_in(answer.body, url) or _refused(answer, "the metadata service answered, but not with keys")


def _refused(answer: WireAnswer, what: str) -> Fault:
    # Its body is not shown: with a 200 it may hold half a key.
    fault = classify(answer)
    passing = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or fault.kind is FaultKind.THROTTLED
    return Fault(
        kind=FaultKind.UNAVAILABLE if passing else FaultKind.CREDENTIAL,
        code=f"metadata.{answer.status}",
        message=what,
        maybe_applied=False,
        http_status=answer.status,
    )
