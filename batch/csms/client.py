"""The service's calls that this tool makes, typed: change a secret's key, read a secret, list secrets.

Paths and fields: the vendor's DEW API reference, UpdateSecret, ShowSecret and ListSecrets. Only metadata ever passes
here; no call that returns a secret's value is made.
"""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, urlencode

import msgspec

from batch.csms.auth import Credential, NotAuthorizedError
from batch.csms.errors import UNREADABLE, classify, garbled, mismatch
from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import UNWATCHED, Departure, HeldBackError, Wire, WireAnswer, WireRequest
from jobs.model import SecretUpdate


class SecretView(msgspec.Struct, frozen=True, kw_only=True):
    """A secret as the service shows it; `kms_key_id` is empty where it shows none."""

    name: str
    kms_key_id: str
    http_status: int = HTTPStatus.OK
    request_id: str | None = None


Answer = SecretView | Fault
"""What became of one request about one secret."""


class SecretPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some secrets of a project; `next_marker` None says there are no more."""

    secrets: tuple[SecretView, ...]
    next_marker: str | None


class _Secret(msgspec.Struct):
    name: str
    kms_key_id: str | None = None

    def view(self, request_id: str | None = None) -> SecretView:
        return SecretView(name=self.name, kms_key_id=self.kms_key_id or "", request_id=request_id)


class _One(msgspec.Struct):
    secret: _Secret


class _PageInfo(msgspec.Struct):
    next_marker: str | None = None


class _Many(msgspec.Struct):
    secrets: list[_Secret]
    page_info: _PageInfo | None = None


class _Change(msgspec.Struct, omit_defaults=True):
    kms_key_id: str
    description: str | None = None


_UNHEARD = Fault(kind=FaultKind.LOST, code="cancelled", message="nobody waited for the answer", maybe_applied=True)
_STOPPED = Fault(
    kind=FaultKind.UNREACHABLE, code="stopped", message="the run was stopped", maybe_applied=False, withheld=True
)
HELD_BACK = msgspec.structs.replace(_STOPPED, code="paused", message="the run is paused")
"""It did not leave, and says nothing about its row or the service."""
_ENCODE = msgspec.json.Encoder().encode
_DECODE_ONE = msgspec.json.Decoder(_One).decode
_DECODE_MANY = msgspec.json.Decoder(_Many).decode


def same_key(one: str, other: str) -> bool:
    """Whether two key ids name the same key: they are hexadecimal, so neither case nor dashes say anything."""
    return one == other or one.replace("-", "").lower() == other.replace("-", "").lower()


def secret_target(project_id: str, secret_name: str) -> str:
    """The encoded path of one secret.

    Raises:
        ValueError: the name would reach another resource than this secret.
    """
    if secret_name in {"", ".", ".."}:
        raise ValueError(f"{secret_name!r} is not the name of a secret")
    return f"{secrets_target(project_id)}/{quote(secret_name, safe='')}"


def secrets_target(project_id: str) -> str:
    """The encoded path of a project's secrets."""
    return f"/v1/{quote(project_id, safe='')}/secrets"


class CsmsClient:
    """Makes the calls to one project with one credential."""

    def __init__(self, wire: Wire, credential: Credential, project_id: str, *, user_agent: str) -> None:
        self._wire = wire
        self.credential = credential
        self._project_id = project_id
        self._headers = {
            "Accept": "application/json",
            # A compressed answer could unpack to any size.
            "Accept-Encoding": "identity",
            "User-Agent": user_agent,
            "X-Language": "en-us",
        }
        self._headers_with_body = {**self._headers, "Content-Type": "application/json"}

    async def update_secret(self, update: SecretUpdate, departure: Departure = UNWATCHED) -> Answer:
        """Points a secret at a key; a view comes back only if a 200 named this secret and this key."""
        body = _ENCODE(_Change(kms_key_id=update.kms_key_id, description=update.description))
        target = secret_target(self._project_id, update.secret_name)
        answer = await self._send("PUT", target, self._headers_with_body, body, departure=departure)
        shown = _one_secret(answer, update.secret_name)
        if (
            isinstance(shown, SecretView)
            and isinstance(answer, WireAnswer)
            and not same_key(shown.kms_key_id, update.kms_key_id)
        ):
            return mismatch(answer, f"it shows the key {shown.kms_key_id}" if shown.kms_key_id else "it shows no key")
        return shown

    async def show_secret(self, secret_name: str, departure: Departure = UNWATCHED) -> Answer:
        """Reads a secret's metadata: the key that its next version will use."""
        target = secret_target(self._project_id, secret_name)
        return _one_secret(await self._send("GET", target, self._headers, departure=departure), secret_name)

    async def list_secrets(self, *, limit: int, marker: str | None = None) -> SecretPage | Fault:
        """Reads one page of a project's secrets; the marker is the service's own and opaque."""
        query = {"limit": str(limit)} | ({"marker": marker} if marker is not None else {})
        target = f"{secrets_target(self._project_id)}?{urlencode(query, quote_via=quote, safe='')}"
        answer = await self._send("GET", target, self._headers)
        if isinstance(answer, Fault):
            return answer
        if answer.status != HTTPStatus.OK:
            return classify(answer)
        try:
            page = _DECODE_MANY(answer.body)
        except UNREADABLE:
            return mismatch(answer, "it is not a list of secrets")
        return SecretPage(
            secrets=tuple(secret.view() for secret in page.secrets),
            next_marker=(page.page_info.next_marker or None) if page.page_info else None,
        )

    async def _send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        departure: Departure = UNWATCHED,
    ) -> WireAnswer | Fault:
        request = WireRequest(method=method, target=target, headers=headers, body=body)
        try:
            authorized = await self.credential.authorize(request)
        except NotAuthorizedError as error:
            return error.fault
        generation = self.credential.generation
        answer: WireAnswer | Fault = _STOPPED
        try:
            if departure.may_leave():
                answer = _UNHEARD
                answer = await self._wire.send(authorized, departure.leaving)
        except HeldBackError:
            answer = HELD_BACK
        finally:
            self.credential.observe(answer, generation)
        return answer


def _one_secret(answer: WireAnswer | Fault, secret_name: str) -> Answer:
    if isinstance(answer, Fault):
        return answer
    if answer.status != HTTPStatus.OK:
        return classify(answer)
    try:
        secret = _DECODE_ONE(answer.body).secret
    except UNREADABLE:
        return garbled(answer, "it does not show a secret")
    if secret.name != secret_name:
        return garbled(answer, "it shows another secret")
    return secret.view(answer.request_id)
