"""Logins without a stored credential: keys for a token of the platform, and keys of an agency for another login."""

from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from batch.sandbox.auth import AccessKey, Caller, Directory
from batch.sandbox.checks import Authenticator
from batch.sandbox.platform import TRUST
from batch.sandbox.refusals import refused
from batch.sandbox.result import Result
from batch.sandbox.wire import Request

V = TypeVar("V")
_LEAST_S, _MOST_OF_STS_S, _MOST_OF_IAM_S = 900, 43_200, 86_400
_OF_CI_S = 300.0
_LEAST_SESSION, _MOST_SESSION = 2, 64


class _Assume(msgspec.Struct, forbid_unknown_fields=True):
    provider_urn: str
    agency_urn: str
    agency_session_name: str
    id_token: str
    duration_seconds: int = 3600
    policy: str | None = None
    policy_ids: list[str] | None = None


class _Id(msgspec.Struct):
    id: str


class _ByIdToken(msgspec.Struct):
    id_token: _Id


class _AskedToken(msgspec.Struct):
    auth: _ByIdToken


class _ByToken(msgspec.Struct):
    id: str
    duration_seconds: int = _LEAST_S


class _ByAgency(msgspec.Struct):
    agency_name: str
    domain_name: str
    duration_seconds: int = _LEAST_S


class _Identity(msgspec.Struct):
    methods: list[str]
    token: _ByToken | None = None
    assume_role: _ByAgency | None = None


class _Auth(msgspec.Struct):
    identity: _Identity


class _AskedKeys(msgspec.Struct):
    auth: _Auth


class IdentityService:
    """What IAM, STS, the agent of a node and a CI system do for who has no key; each answers in its own words."""

    def __init__(self, directory: Directory, auth: Authenticator, *, epoch_s: float) -> None:
        self._directory = directory
        self._auth = auth
        self._epoch_s = epoch_s

    def keys_for_pod(self, request: Request, now_s: float) -> Result:
        """The agent's: the token of the pod's service account stands in a header, and nothing in the body."""
        self._require_vouched(request.headers.get("Authorization", ""), now_s, "POD.0401")
        if request.body != b"{}":
            raise refused("POD.0400")
        key = self._directory.issue_keys(now_s)
        shown = {
            "accessKeyId": key.ak,
            "secretAccessKey": key.sk,
            "securityToken": key.security_token,
            "expiration": self._end_of(key),
        }
        return Result(body=msgspec.json.encode({"credentials": shown}))

    def vouch(self, request: Request, now_s: float) -> Result:
        """A CI system's: a token for a job that shows that it may have one."""
        platform = self._directory.platform
        if request.headers.get("Authorization") != f"Bearer {platform.request_token}":
            raise refused("CI.0401")
        return Result(body=msgspec.json.encode({"value": platform.vouch(now_s, life_s=_OF_CI_S)}))

    def assume_with_oidc(self, request: Request, now_s: float) -> Result:
        """STS's: nothing is signed, the token in the body says it all."""
        asked = _decoded(request, _Assume, "STS.0400")
        if not _LEAST_S <= asked.duration_seconds <= _MOST_OF_STS_S:
            raise refused("STS.0400", "duration_seconds")
        if not _LEAST_SESSION <= len(asked.agency_session_name) <= _MOST_SESSION:
            raise refused("STS.0400", "agency_session_name")
        if (asked.provider_urn, asked.agency_urn) != (TRUST.provider_urn, TRUST.agency_urn):
            raise refused("STS.0403")
        self._require_vouched(asked.id_token, now_s, "STS.0401")
        key = self._directory.issue_keys(now_s, asked.duration_seconds)
        shown = {
            "access_key_id": key.ak,
            "secret_access_key": key.sk,
            "security_token": key.security_token,
            "expiration": self._end_of(key),
        }
        return Result(body=msgspec.json.encode({"credentials": shown}))

    def token_for_id_token(self, request: Request, now_s: float) -> Result:
        """IAM's: a token that opens no project, for the token of an identity provider."""
        asked = _decoded(request, _AskedToken, "IAM.0007")
        if request.headers.get("X-Idp-Id") != TRUST.idp_id:
            raise refused("IAM.0001")
        self._require_vouched(asked.auth.id_token.id, now_s, "IAM.0001")
        token = self._directory.issue(Caller(project_ids=frozenset()), now_s)
        shown = {"token": {"expires_at": _stamp(self._epoch_s + token.expires_s), "methods": ["mapped"]}}
        return Result(status=201, body=msgspec.json.encode(shown), headers=(("X-Subject-Token", token.value),))

    def create_keys(self, request: Request, now_s: float) -> Result:
        """IAM's: keys for a token in the body, or those of an agency for the author of the request."""
        identity = _decoded(request, _AskedKeys, "IAM.0007").auth.identity
        match identity:
            case _Identity(methods=["token"], token=_ByToken() as given):
                token = self._directory.find_token(given.id)
                if token is None or self._directory.revoked or not self._directory.use(token, now_s):
                    raise refused("IAM.0001")
            case _Identity(methods=["assume_role"], assume_role=_ByAgency() as given):
                self._auth.check(request, now_s)
                if (given.agency_name, given.domain_name) != (TRUST.agency, TRUST.agency_domain):
                    raise refused("IAM.0002")
            case _:
                raise refused("IAM.0007", "methods")
        if not _LEAST_S <= given.duration_seconds <= _MOST_OF_IAM_S:
            raise refused("IAM.0007", "duration_seconds")
        key = self._directory.issue_keys(now_s, given.duration_seconds)
        shown = {
            "access": key.ak,
            "secret": key.sk,
            "securitytoken": key.security_token,
            "expires_at": self._end_of(key),
        }
        return Result(status=201, body=msgspec.json.encode({"credential": shown}))

    def _require_vouched(self, token: str, now_s: float, code: str) -> None:
        if self._directory.revoked or not self._directory.platform.vouches_for(token, now_s):
            raise refused(code)

    def _end_of(self, key: AccessKey) -> str:
        return _stamp(self._epoch_s + (key.expires_s or 0.0))


def _stamp(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _decoded(request: Request, kind: type[V], code: str) -> V:
    if not request.is_json:
        raise refused(code, "Content-Type")
    try:
        return msgspec.json.decode(request.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refused(code, str(error)) from error
