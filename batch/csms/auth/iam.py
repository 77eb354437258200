"""What IAM is asked for: a token by password, and the project of a region by its name.

Paths and bodies: the vendor's IAM API reference, KeystoneCreateUserTokenByPassword and KeystoneListProjects.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

import msgspec

from batch.csms.auth.clouds import other_cloud
from batch.csms.auth.credential import (
    Connect,
    Credential,
    CredentialError,
    LoginRefusedError,
    NotAuthorizedError,
)
from batch.csms.auth.variables import IAM_ENDPOINT_VARIABLE
from batch.csms.errors import UNREADABLE, classify, words_of
from batch.csms.faults import PASSING, Fault, FaultKind, bounded
from batch.csms.messages import Wire, WireAnswer, WireRequest
from batch.redaction.masked import Masked
from jobs.endpoint import parse_endpoint
from jobs.regions import endpoint_for

V = TypeVar("V")
TOKEN_TEXT = re.compile(r"[\x21-\x7e]+")
"""What goes into a header unchanged."""
PROJECT_VARIABLE, PROJECT_NAME_VARIABLE = "HUAWEICLOUD_SDK_PROJECT_ID", "OS_PROJECT_NAME"
IAM, STS = (IAM_ENDPOINT_VARIABLE, "iam"), ("HUAWEICLOUD_SDK_STS_ENDPOINT", "sts")
"""The variable that says where a service is, and the name of its host beside the region's KMS."""
SECURITY_TOKENS = "/v3.0/OS-CREDENTIAL/securitytokens"
"""Where temporary keys are."""
_REFUSALS = frozenset({FaultKind.CREDENTIAL, FaultKind.SIGNATURE})
_RETRY_S = (1.0, 2.0, 4.0)
HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "csms-rekey",
    "X-Language": "en-us",
}


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An IAM token, and what came with it."""

    value: Masked
    expires_s: float | None = None
    project_id: str | None = None

    @property
    def secrets(self) -> tuple[Masked, ...]:
        """The token itself."""
        return (self.value,)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An IAM user of an account (called domain by IAM), which goes by its name, or by its id where it has none."""

    domain: str
    user: str
    password: Masked
    domain_by: str = "name"


class _Named(msgspec.Struct):
    id: str


class _Issued(msgspec.Struct):
    expires_at: str
    project: _Named | None = None


class _Answered(msgspec.Struct):
    token: _Issued


class _Projects(msgspec.Struct):
    projects: list[_Named]


def iam_endpoint(region: str, environment: Mapping[str, str]) -> str:
    """Where IAM is: as the environment says, or next to the region's KMS.

    Raises:
        CredentialError: the environment names no endpoint, or the region is unknown.
    """
    return service_endpoint(IAM, region, environment)


def service_endpoint(service: tuple[str, str], region: str | None, environment: Mapping[str, str]) -> str:
    """Where a service is: as the environment says, or next to the region's KMS.

    Raises:
        CredentialError: the environment names no endpoint, or the region is unknown or not given.
    """
    variable, host = service
    given = environment.get(variable) or _in_other_cloud(host, region, environment)
    if not given and region is None:
        raise CredentialError(f"where is {host.upper()}? give --region, or set {variable}")
    try:
        return parse_endpoint(given) if given else endpoint_for(region or "").replace("://kms.", f"://{host}.", 1)
    except ValueError as error:
        raise CredentialError(f"{variable}: {error}" if given else str(error)) from error


def _in_other_cloud(host: str, region: str | None, environment: Mapping[str, str]) -> str | None:
    cloud = other_cloud(environment)
    return f"https://{host}.{region}.{cloud}" if cloud and region else None


async def create_token(wire: Wire, account: Account, project: Mapping[str, str]) -> Token | Fault:
    """A token for one project, given by its `id` or its `name`."""
    user = {"domain": {account.domain_by: account.domain}, "name": account.user, "password": account.password.reveal()}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = msgspec.json.encode({"auth": {"identity": identity, "scope": {"project": project}}})
    headers = {**HEADERS, "Content-Type": "application/json"}
    target = "/v3/auth/tokens?nocatalog=true"
    answer = await wire.send(WireRequest(method="POST", target=target, headers=headers, body=body))
    if isinstance(answer, Fault):
        return answer
    if answer.status != HTTPStatus.CREATED:
        return refusal(answer)
    issued = _decoded(answer.body, _Answered)
    if issued is None or answer.subject_token is None or not TOKEN_TEXT.fullmatch(answer.subject_token.reveal()):
        return unusable_answer("IAM's answer holds no token", answer)
    return Token(
        value=answer.subject_token,
        expires_s=utc_of(issued.token.expires_at),
        project_id=issued.token.project.id if issued.token.project else None,
    )


async def look_up_project(credential: Credential, name: str, *, endpoint: str, connect: Connect | None) -> str:
    """The id of the project with that name; the main project of a region is named like the region.

    Raises:
        CredentialError: there is none, or IAM does not tell.
    """
    if connect is None:
        raise CredentialError(f"the project of {name} is not known: give --project-id")
    request = WireRequest(method="GET", target=f"/v3/projects?name={quote(name, safe='')}", headers=HEADERS)
    async with connect(endpoint) as wire:
        answer = await authorized(wire, request, credential)
    if isinstance(answer, Fault) or answer.status != HTTPStatus.OK:
        words = f"{answer.code}: {answer.message}" if isinstance(answer, Fault) else words_of(answer)
        kind = LoginRefusedError if _kind(answer) in _REFUSALS else CredentialError
        raise kind(f"IAM does not tell the project of {name} ({words})")
    found = _decoded(answer.body, _Projects)
    if found is None or len(found.projects) != 1:
        raise CredentialError(f"IAM knows no project named {name}: give --project-id")
    return found.projects[0].id


async def authorized(wire: Wire, request: WireRequest, credential: Credential) -> WireAnswer | Fault:
    """The answer to one of its requests, tried once more where there is another token or key after a refusal, and
    some times where there is none.
    """
    renewed, pauses_s = False, iter(_RETRY_S)
    while True:
        try:
            answer, generation = await _answered(wire, request, credential)
        except NotAuthorizedError as error:
            return error.fault
        kind = _kind(answer)
        if kind is FaultKind.CREDENTIAL and not renewed and await credential.renew(generation):
            renewed = True
            continue
        pause_s = next(pauses_s, None) if kind in PASSING else None
        if pause_s is None:
            return answer
        await asyncio.sleep(pause_s)


async def _answered(wire: Wire, request: WireRequest, credential: Credential) -> tuple[WireAnswer | Fault, int]:
    authorized = await credential.authorize(request)
    generation = credential.generation
    answer = await wire.send(authorized)
    credential.observe(answer, generation)
    return answer, generation


def _kind(answer: WireAnswer | Fault) -> FaultKind | None:
    if isinstance(answer, Fault):
        return answer.kind
    return None if answer.status < HTTPStatus.MULTIPLE_CHOICES else classify(answer).kind


def utc_of(text: str) -> float | None:
    """UTC seconds since 1970 of IAM's kind of date; None where it is none."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def refusal(answer: WireAnswer, who: str = "IAM") -> Fault:
    """Why `who` gave out nothing: its no is one of the login, and what passes is only of the moment."""
    fault = classify(answer)
    if fault.kind in {FaultKind.UNAVAILABLE, FaultKind.THROTTLED, FaultKind.MISCONFIGURED}:
        return fault
    return unusable_answer(f"{who} refused the login: {words_of(answer)}", answer)


def unusable_answer(message: str, answer: WireAnswer) -> Fault:
    """There is nothing to log in with, for what was answered."""
    return Fault(
        kind=FaultKind.CREDENTIAL,
        code="login",
        message=bounded(message),
        maybe_applied=False,
        http_status=answer.status,
        request_id=answer.request_id,
    )


def _decoded(body: bytes, kind: type[V]) -> V | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE:
        return None
