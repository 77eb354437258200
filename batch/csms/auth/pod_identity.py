"""Temporary access keys of the agency that a pod's service account is bound to, from the agent on the pod's node.

Source: the pod identity accessor of the vendor's Python SDK.

The agent is asked at an address that the cluster puts into the pod. Over plain http it has to be an address of this
machine or a link-local one (169.254.0.0/16, RFC 3927; fe80::/10): no router forwards a packet to those, so the token
stays between the pod and its node, as it does with the metadata service. To any other address https is needed.
"""

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, urlsplit

import msgspec

from batch.csms.auth.credential import Connect, CredentialError, Description
from batch.csms.auth.given_keys import given_keys
from batch.csms.auth.iam import HEADERS
from batch.csms.auth.identity_token import IdentityToken, LatelyUsed, token_in_file
from batch.csms.auth.keys import AccessKeys, KeyLogin
from batch.csms.errors import UNREADABLE
from batch.csms.faults import Fault
from batch.csms.messages import WireRequest
from batch.redaction.masked import Masked
from jobs.endpoint import is_loopback
from jobs.spec import Auth

_URI, _FILE = "HC_CONTAINER_CREDENTIALS_FULL_URI", "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE"
_PROJECT = "HUAWEICLOUD_SDK_PROJECT_ID"


# Names as Kubernetes has them: nothing else of a token is ever shown.
_SUBJECT = re.compile(r"system:serviceaccount:(?P<namespace>[a-z0-9-]{1,63}):(?P<name>[a-z0-9.-]{1,253})")


class _Claims(msgspec.Struct):
    sub: str


class PodIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Where the agent is, what to ask it for, and the file of the service account's token."""

    origin: str
    target: str
    token_file: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self | None:
        """What the cluster has put into the pod; None where it has put in nothing.

        Raises:
            CredentialError: one of the two variables is missing, or the address is none that the token may go to.
        """
        uri, file = environment.get(_URI), environment.get(_FILE)
        if not uri and not file:
            return None
        if not uri or not file:
            raise CredentialError(f"{_URI if uri else _FILE} is set, but {_FILE if uri else _URI} is not")
        parts = _parts(uri)
        query = f"?{parts.query}" if parts.query else ""
        return cls(origin=f"{parts.scheme}://{parts.netloc}", target=(parts.path or "/") + query, token_file=Path(file))

    async def keys(self, token: IdentityToken, connect: Connect) -> AccessKeys | Fault:
        """The keys that the agent gives for the token."""
        shown = await token.get()
        if isinstance(shown, Fault):
            return shown
        headers = {**HEADERS, "Content-Type": "application/json", "Authorization": shown.reveal()}
        request = WireRequest(method="POST", target=self.target, headers=headers, body=b"{}")
        async with connect(self.origin) as wire:
            return given_keys(await wire.send(request), "the pod identity agent")


def find_pod_identity(environment: Mapping[str, str], connect: Connect, utc: Callable[[], float]) -> KeyLogin | None:
    """The agency of the pod this runs in; None where it has none.

    Raises:
        CredentialError: what is given cannot be used.
    """
    pod = PodIdentity.from_environment(environment)
    if pod is None:
        return None
    used = LatelyUsed()
    token = token_in_file(pod.token_file, used)

    async def fetch() -> AccessKeys | Fault:
        return await pod.keys(token, connect)

    description = Description(
        kind=Auth.POD,
        provider="pod identity",
        source=f"{pod.origin} with {pod.token_file}",
        project_id=environment.get(_PROJECT) or None,
        ends=True,
        renewable=True,
        fetched=True,
        name=service_account(*used.secrets()),
    )
    return KeyLogin(fetch, description, connect=connect, environment=environment, utc=utc, used=used.secrets)


def service_account(token: Masked) -> str | None:
    """Whose token it is, as it says itself; None where it is not one of a service account."""
    try:
        claims = token.reveal().split(".")[1]
        subject = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)), type=_Claims).sub
    except (*UNREADABLE, ValueError, IndexError):
        return None
    found = _SUBJECT.fullmatch(subject)
    return f"service account {found['name']} of {found['namespace']}" if found else None


def _parts(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise CredentialError(f"{_URI}: not a URL") from None
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or parts.fragment:
        raise CredentialError(f"{_URI}: write http://HOST:PORT/PATH")
    if parts.scheme == "http" and not _stays_here(host):
        raise CredentialError(
            f"{_URI}: plain http would show the token to the network: only a loopback or link-local address"
            f" (169.254.0.0/16) is taken, or https://{host}"
        )
    return parts


def _stays_here(host: str) -> bool:
    if is_loopback(host):
        return True
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False
