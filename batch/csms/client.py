"""The calls about secrets that this tool makes, typed: change a secret's key, read a secret, list secrets.

Paths and fields: the vendor's DEW API reference, UpdateSecret, ShowSecret and ListSecrets. Only metadata ever passes
here; no call that returns a secret's value is made.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from batch.csms.auth import Credential
from batch.csms.calls import PAGE_LIMIT, Calls
from batch.csms.errors import UNREADABLE, classify, garbled, mismatch
from batch.csms.faults import Fault
from batch.csms.messages import UNWATCHED, Departure, Wire, WireAnswer
from batch.csms.paths import page_query, require_name, secret_target, secrets_target
from batch.csms.shown import PageInfo, flag_of, seconds_of, text_of
from jobs.model import SecretUpdate


class SecretView(msgspec.Struct, frozen=True, kw_only=True):
    """A secret as the service shows it; `kms_key_id` is empty where it shows none, and all else may be missing.

    `state` is the service's own word. Times are UTC seconds since 1970.
    """

    name: str
    kms_key_id: str
    http_status: int = HTTPStatus.OK
    request_id: str | None = None
    state: str = ""
    description: str | None = None
    secret_type: str = ""
    auto_rotation: bool | None = None
    enterprise_project_id: str | None = None
    created_s: int | None = None
    updated_s: int | None = None
    deleted_from_s: int | None = None
    """When a secret that is pending deletion goes."""

    @property
    def pending_deletion(self) -> bool:
        """Whether it is going to be deleted; it takes no change meanwhile."""
        return self.state == "PENDING_DELETE"

    @property
    def frozen(self) -> bool:
        """Whether the service has frozen it, as over a bill that was not paid."""
        return self.state == "FROZEN"


Answer = SecretView | Fault
"""What became of one request about one secret."""


class SecretPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some secrets of a project; `next_marker` None says there are no more, if the page is `marked`: only then does it
    say where in its list it stands.
    """

    secrets: tuple[SecretView, ...]
    next_marker: str | None
    marked: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """What its items are known by."""
        return tuple(one.name for one in self.secrets)


class _Secret(msgspec.Struct):
    name: str
    kms_key_id: str | None = None
    state: Any = None
    description: Any = None
    secret_type: Any = None
    auto_rotation: Any = None
    enterprise_project_id: Any = None
    create_time: Any = None
    update_time: Any = None
    scheduled_delete_time: Any = None

    def view(self, request_id: str | None = None) -> SecretView:
        return SecretView(
            name=self.name,
            kms_key_id=self.kms_key_id or "",
            request_id=request_id,
            state=text_of(self.state) or "",
            description=text_of(self.description),
            secret_type=text_of(self.secret_type) or "",
            auto_rotation=flag_of(self.auto_rotation),
            enterprise_project_id=text_of(self.enterprise_project_id),
            created_s=seconds_of(self.create_time),
            updated_s=seconds_of(self.update_time),
            deleted_from_s=seconds_of(self.scheduled_delete_time),
        )


class _Brief(msgspec.Struct):
    """What a list is asked for where only keys matter."""

    name: str
    kms_key_id: str | None = None
    description: Any = None

    def view(self) -> SecretView:
        return SecretView(name=self.name, kms_key_id=self.kms_key_id or "", description=text_of(self.description))


class _Named(msgspec.Struct):
    """All that is looked at in the answer to a change."""

    name: str
    kms_key_id: str | None = None

    def view(self, request_id: str | None = None) -> SecretView:
        return SecretView(name=self.name, kms_key_id=self.kms_key_id or "", request_id=request_id)


class _One(msgspec.Struct):
    secret: _Secret


class _Changed(msgspec.Struct):
    secret: _Named


class _Many(msgspec.Struct):
    secrets: list[_Secret]
    page_info: PageInfo | None = None


class _ManyBrief(msgspec.Struct):
    secrets: list[_Brief]
    page_info: PageInfo | None = None


class _Change(msgspec.Struct, omit_defaults=True):
    kms_key_id: str
    description: str | None = None


_ENCODE = msgspec.json.Encoder().encode
_DECODE_ONE = msgspec.json.Decoder(_One).decode
_DECODE_CHANGED = msgspec.json.Decoder(_Changed).decode
_DECODE_MANY = msgspec.json.Decoder(_Many).decode
_DECODE_BRIEF = msgspec.json.Decoder(_ManyBrief).decode


def same_key(one: str, other: str) -> bool:
    """Whether two key ids name the same key: they are hexadecimal, so neither case nor dashes say anything."""
    return one == other or one.replace("-", "").lower() == other.replace("-", "").lower()


class CsmsClient:
    """Makes the calls to one project with one credential."""

    def __init__(self, wire: Wire, credential: Credential, project_id: str, *, user_agent: str) -> None:
        self._calls = Calls(wire, credential, user_agent=user_agent)
        self.credential = credential
        self._project_id = project_id

    async def update_secret(self, update: SecretUpdate, departure: Departure = UNWATCHED) -> Answer:
        """Points a secret at a key; a view comes back only if a 200 named this secret and this key."""
        body = _ENCODE(_Change(kms_key_id=update.kms_key_id, description=update.description))
        target = secret_target(self._project_id, update.secret_name)
        answer = await self._calls.put(target, body, departure)
        shown = _one_secret(answer, update.secret_name, _DECODE_CHANGED)
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
        return _one_secret(await self._calls.get(target, departure), secret_name)

    async def list_secrets(
        self, *, limit: int, marker: str | None = None, departure: Departure = UNWATCHED, brief: bool = False
    ) -> SecretPage | Fault:
        """Reads one page of a project's secrets, of at most `limit`, which is at most 1000. In `brief` only name, key
        and description are taken of each.
        """
        target = f"{secrets_target(self._project_id)}?{page_query(limit, marker)}"
        answer = await self._calls.get(target, departure, answer_limit=PAGE_LIMIT)
        if isinstance(answer, Fault):
            return answer
        if answer.status != HTTPStatus.OK:
            return classify(answer)
        try:
            page = _DECODE_BRIEF(answer.body) if brief else _DECODE_MANY(answer.body)
            for one in page.secrets:
                require_name(one.name)
        except (*UNREADABLE, ValueError):
            return mismatch(answer, "it is not a list of secrets")
        return SecretPage(
            secrets=tuple(secret.view() for secret in page.secrets),
            next_marker=(page.page_info.next_marker or None) if page.page_info else None,
            marked=page.page_info is not None,
        )


def _one_secret(
    answer: WireAnswer | Fault, secret_name: str, decode: Callable[[bytes], _One | _Changed] = _DECODE_ONE
) -> Answer:
    if isinstance(answer, Fault):
        return answer
    if answer.status != HTTPStatus.OK:
        return classify(answer)
    try:
        secret = decode(answer.body).secret
    except UNREADABLE:
        return garbled(answer, "it does not show a secret")
    if secret.name != secret_name:
        return garbled(answer, "it shows another secret")
    return secret.view(answer.request_id)
