"""Temporary access keys of a virtual user whom IAM's identity provider vouches for, from a token of that provider.

Source: the federal accessor of the vendor's Python SDK: a token without a project first, then keys for that.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Self

import msgspec

from batch.csms.auth.credential import Connect, CredentialError, Description, valid_text
from batch.csms.auth.given_keys import given_keys
from batch.csms.auth.iam import HEADERS, IAM, SECURITY_TOKENS, TOKEN_TEXT, refusal, service_endpoint, unusable_answer
from batch.csms.auth.identity_token import IdentityToken, LatelyUsed, token_in_file
from batch.csms.auth.keys import AccessKeys, KeyLogin
from batch.csms.faults import Fault
from batch.csms.messages import Wire, WireAnswer, WireRequest
from batch.redaction.masked import Masked
from jobs.spec import Auth

_IDP, _FILE = "HUAWEICLOUD_SDK_IDP_ID", "HUAWEICLOUD_SDK_ID_TOKEN_FILE"
_PROJECT = "HUAWEICLOUD_SDK_PROJECT_ID"
_DURATION_S = 6 * 3600
_HEADERS = {**HEADERS, "Content-Type": "application/json;charset=UTF-8"}


class Federation(msgspec.Struct, frozen=True, kw_only=True):
    """The identity provider as IAM calls it, the file of its token, and the source of both."""

    idp_id: str
    token_file: Path
    source: str
    project_id: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self | None:
        """What the variables of the vendor's SDK name; None where they name nothing.

        Raises:
            CredentialError: one of the two is missing.
        """
        return cls._of(environment, (_IDP, _FILE, _PROJECT), "the environment")

    @classmethod
    def from_profile(cls, profile: Mapping[str, str], source: str) -> Self | None:
        """What a section of the credentials file names; None where it names nothing.

        Raises:
            CredentialError: one of the two is missing.
        """
        return cls._of(profile, ("idp_id", "id_token_file", "project_id"), source)

    @classmethod
    def _of(cls, given: Mapping[str, str], names: tuple[str, str, str], source: str) -> Self | None:
        idp, file = given.get(names[0]), given.get(names[1])
        if not idp and not file:
            return None
        if not idp or not file:
            there, absent = names[:2] if idp else names[1::-1]
            raise CredentialError(f"{source}: {there} is set, but {absent} is not")
        project_id = given.get(names[2]) or None
        return cls(idp_id=valid_text(names[0], idp), token_file=Path(file), source=source, project_id=project_id)

    async def keys(self, token: IdentityToken, used: LatelyUsed, endpoint: str, connect: Connect) -> AccessKeys | Fault:
        """The keys that IAM gives for the token, by way of another token."""
        shown = await token.get()
        if isinstance(shown, Fault):
            return shown
        async with connect(endpoint) as wire:
            unscoped = await self._unscoped(wire, shown)
            if isinstance(unscoped, Fault):
                return unscoped
            by_token = {"id": used.note(unscoped).reveal(), "duration_seconds": _DURATION_S}
            identity = {"methods": ["token"], "token": by_token}
            return given_keys(await _post(wire, SECURITY_TOKENS, {"auth": {"identity": identity}}), "IAM")

    async def _unscoped(self, wire: Wire, token: Masked) -> Masked | Fault:
        body = {"auth": {"id_token": {"id": token.reveal()}}}
        answer = await _post(wire, "/v3.0/OS-AUTH/id-token/tokens", body, {"X-Idp-Id": self.idp_id})
        if isinstance(answer, Fault):
            return answer
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            return refusal(answer)
        if answer.subject_token is None or not TOKEN_TEXT.fullmatch(answer.subject_token.reveal()):
            return unusable_answer("IAM's answer holds no token", answer)
        return answer.subject_token


def federated_login(
    federation: Federation,
    environment: Mapping[str, str],
    connect: Connect,
    utc: Callable[[], float],
    region: str | None,
) -> KeyLogin:
    """The login that a federation describes.

    Raises:
        CredentialError: nothing says where IAM is, or the file of the token cannot be used.
    """
    endpoint = service_endpoint(IAM, region, environment)
    used = LatelyUsed()
    token = token_in_file(federation.token_file, used)

    async def fetch() -> AccessKeys | Fault:
        return await federation.keys(token, used, endpoint, connect)

    description = Description(
        kind=Auth.FEDERATED,
        provider="federated identity",
        source=f"{token.source} at {endpoint}, as {federation.source} says",
        project_id=federation.project_id,
        ends=True,
        renewable=True,
        fetched=True,
        name=f"identity provider {federation.idp_id}",
    )
    return KeyLogin(fetch, description, connect=connect, environment=environment, utc=utc, used=used.secrets)


def find_federated(
    environment: Mapping[str, str], connect: Connect, utc: Callable[[], float], region: str | None
) -> KeyLogin | None:
    """The identity provider that the environment names; None where it names none.

    Raises:
        CredentialError: what is given cannot be used.
    """
    federation = Federation.from_environment(environment)
    return None if federation is None else federated_login(federation, environment, connect, utc, region)


async def _post(
    wire: Wire, target: str, body: object, more: Mapping[str, str] = MappingProxyType({})
) -> WireAnswer | Fault:
    request = WireRequest(method="POST", target=target, headers={**_HEADERS, **more}, body=msgspec.json.encode(body))
    return await wire.send(request)
