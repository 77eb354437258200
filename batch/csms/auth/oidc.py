"""Temporary access keys of an agency that trusts an OpenID Connect provider, from STS: for pods and for CI systems.

Source: the OIDC accessor of the vendor's Python SDK, and the vendor's STS API reference, AssumeAgencyWithOIDC.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import msgspec

from batch.csms.auth import ci_token
from batch.csms.auth.credential import Connect, CredentialError, Description, valid_text
from batch.csms.auth.given_keys import given_keys
from batch.csms.auth.iam import HEADERS, STS, service_endpoint
from batch.csms.auth.identity_token import IdentityToken, LatelyUsed, token_in_file, token_in_variable
from batch.csms.auth.keys import AccessKeys, KeyLogin
from batch.csms.faults import Fault
from batch.csms.messages import WireRequest
from jobs.spec import Auth

_PROVIDER, _AGENCY = "HUAWEICLOUD_OIDC_PROVIDER_URN", "HUAWEICLOUD_OIDC_AGENCY_URN"
_TOKEN, _FILE = "HUAWEICLOUD_OIDC_ID_TOKEN", "HUAWEICLOUD_OIDC_TOKEN_FILE"
_SESSION, _DURATION = "HUAWEICLOUD_OIDC_SESSION_NAME", "HUAWEICLOUD_OIDC_DURATION_SECONDS"
_POLICY, _POLICY_IDS = "HUAWEICLOUD_OIDC_POLICY", "HUAWEICLOUD_OIDC_POLICY_IDS"
_PROJECT = "HUAWEICLOUD_SDK_PROJECT_ID"
_USUAL_SESSION = "oidc-sts-session"
_USUAL_DURATION_S, _LEAST_S, _MOST_S = 3600, 900, 43_200


class OidcSession(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose keys are asked for, and on which terms: all of the request but the token."""

    provider_urn: str
    agency_urn: str
    agency_session_name: str
    duration_seconds: int
    policy: str | None = None
    policy_ids: tuple[str, ...] | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self | None:
        """What the variables of the vendor's SDK ask for; None where none of them is set.

        Raises:
            CredentialError: some are missing, or one cannot be used.
        """
        given = {name: environment.get(name) for name in (_PROVIDER, _AGENCY, _TOKEN, _FILE)}
        if not any(given.values()):
            return None
        missing = [name for name in (_PROVIDER, _AGENCY) if not given[name]]
        if not given[_TOKEN] and not given[_FILE] and not environment.get(ci_token.URL):
            missing.append(f"{_TOKEN} or {_FILE}")
        github = missing and environment.get("GITHUB_ACTIONS")
        if missing:
            hint = "; a job in GitHub Actions only needs the permission id-token: write" if github else ""
            raise CredentialError(f"for a login by OpenID Connect, set {', '.join(missing)} too{hint}")
        ids = [one.strip() for one in environment.get(_POLICY_IDS, "").split(",")]
        return cls(
            provider_urn=valid_text(_PROVIDER, environment[_PROVIDER]),
            agency_urn=valid_text(_AGENCY, environment[_AGENCY]),
            agency_session_name=valid_text(_SESSION, environment.get(_SESSION) or _USUAL_SESSION),
            duration_seconds=_duration(environment.get(_DURATION) or str(_USUAL_DURATION_S)),
            policy=environment.get(_POLICY) or None,
            policy_ids=tuple(one for one in ids if one) or None,
        )

    @property
    def name(self) -> str:
        """The agency as people know it: a URN has the account and the name in it."""
        match self.agency_urn.split(":", 4):
            case ["iam", _, account, "agency", agency]:
                return f"agency {agency} of {account}"
            case _:
                return f"agency {self.agency_urn}"

    async def keys(self, token: IdentityToken, endpoint: str, connect: Connect) -> AccessKeys | Fault:
        """The keys that STS gives for the token."""
        shown = await token.get()
        if isinstance(shown, Fault):
            return shown
        body = msgspec.json.encode({**msgspec.to_builtins(self), "id_token": shown.reveal()})
        headers = {**HEADERS, "Content-Type": "application/json;charset=UTF-8"}
        request = WireRequest(method="POST", target="/v5/agencies/assume-with-oidc", headers=headers, body=body)
        async with connect(endpoint) as wire:
            return given_keys(await wire.send(request), "STS")


def find_oidc(
    environment: Mapping[str, str], connect: Connect, utc: Callable[[], float], region: str | None
) -> KeyLogin | None:
    """The agency that the environment names; None where it names none.

    Raises:
        CredentialError: what is given cannot be used.
    """
    session = OidcSession.from_environment(environment)
    if session is None:
        return None
    endpoint = service_endpoint(STS, region, environment)
    used = LatelyUsed()
    token = _token(environment, connect, used)

    async def fetch() -> AccessKeys | Fault:
        return await session.keys(token, endpoint, connect)

    description = Description(
        kind=Auth.OIDC,
        provider="OpenID Connect",
        source=f"{token.source} at {endpoint}",
        project_id=environment.get(_PROJECT) or None,
        ends=True,
        renewable=True,
        fetched=True,
        name=session.name,
    )
    return KeyLogin(fetch, description, connect=connect, environment=environment, utc=utc, used=used.secrets)


def _token(environment: Mapping[str, str], connect: Connect, used: LatelyUsed) -> IdentityToken:
    """That of the variable or the file, where one of them is set, or else the one that the CI system gives."""
    text, file = environment.get(_TOKEN), environment.get(_FILE)
    if text and file:
        raise CredentialError(f"{_TOKEN} and {_FILE} are both set: leave one out")
    if text:
        return token_in_variable(_TOKEN, text, used)
    return token_in_file(Path(file), used) if file else ci_token.token_on_request(environment, connect, used)


def _duration(text: str) -> int:
    if not (text.isascii() and text.isdigit() and _LEAST_S <= int(text[:9]) <= _MOST_S):
        raise CredentialError(f"{_DURATION}: {text!a} is not a number of seconds from {_LEAST_S} to {_MOST_S}")
    return int(text)
