"""The calls that only look, typed: which key each version of a secret was made with, and what KMS says of a key.

Paths and fields: the vendor's DEW API reference, ListSecretVersions of CSMS, ListKeyDetail and ListKeys of KMS v1.0, on
the same host. The metadata of versions is all that is asked for: the call for one version answers with its value, and
is not made.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from batch.csms.auth import Credential
from batch.csms.calls import PAGE_LIMIT, Calls
from batch.csms.client import same_key
from batch.csms.errors import UNREADABLE, classify, mismatch
from batch.csms.faults import Fault
from batch.csms.messages import UNWATCHED, Departure, Wire, WireAnswer
from batch.csms.paths import page_query, versions_target
from batch.csms.shown import Id, PageInfo, flag_of, seconds_of, text_of, texts_of
from batch.csms.views import KeyPage, KeyState, KeyView, VersionPage, VersionView

V = TypeVar("V")


_STATES = {
    "1": KeyState.PENDING_ACTIVATION,
    "2": KeyState.ENABLED,
    "3": KeyState.DISABLED,
    "4": KeyState.PENDING_DELETION,
    "5": KeyState.PENDING_IMPORT,
    "7": KeyState.FROZEN,
}


class _Version(msgspec.Struct):
    id: Id
    kms_key_id: str | None = None
    secret_name: str | None = None
    version_stages: Any = None
    create_time: Any = None

    def view(self) -> VersionView:
        return VersionView(
            id=self.id,
            kms_key_id=self.kms_key_id or "",
            stages=texts_of(self.version_stages),
            created_s=seconds_of(self.create_time),
        )


class _Versions(msgspec.Struct):
    version_metadatas: list[_Version]
    page_info: PageInfo | None = None


class _Key(msgspec.Struct):
    key_id: Id
    key_state: Any = None
    key_alias: Any = None
    key_spec: Any = None
    key_usage: Any = None
    default_key_flag: Any = None
    sys_enterprise_project_id: Any = None
    scheduled_deletion_date: Any = None

    def view(self) -> KeyView:
        return KeyView(
            id=self.key_id,
            state=_STATES.get(str(self.key_state), KeyState.UNKNOWN),
            alias=text_of(self.key_alias) or "",
            spec=text_of(self.key_spec) or "",
            usage=text_of(self.key_usage) or "",
            default=flag_of(self.default_key_flag) or False,
            enterprise_project_id=text_of(self.sys_enterprise_project_id),
            deleted_from_s=seconds_of(self.scheduled_deletion_date),
        )


class _OneKey(msgspec.Struct):
    key_info: _Key


class _Keys(msgspec.Struct):
    key_details: list[_Key]
    next_marker: str | None = None
    truncated: str | bool | None = None


_ENCODE = msgspec.json.Encoder().encode
_DECODE_VERSIONS = msgspec.json.Decoder(_Versions).decode
_DECODE_KEY = msgspec.json.Decoder(_OneKey).decode
_DECODE_KEYS = msgspec.json.Decoder(_Keys).decode


class KeysAndVersions:
    """Looks at one project with one credential; no call of it changes anything."""

    def __init__(self, wire: Wire, credential: Credential, project_id: str, *, user_agent: str) -> None:
        self._calls = Calls(wire, credential, user_agent=user_agent)
        self.credential = credential
        self._project_id = project_id

    async def list_versions(
        self, secret_name: str, *, limit: int, marker: str | None = None, departure: Departure = UNWATCHED
    ) -> VersionPage | Fault:
        """Reads one page of the metadata of a secret's versions, of at most `limit`, which is at most 1000."""
        target = f"{versions_target(self._project_id, secret_name)}?{page_query(limit, marker)}"
        answer = await self._calls.get(target, departure, answer_limit=PAGE_LIMIT)
        page = _decoded(answer, _DECODE_VERSIONS, "it is not a list of versions")
        if isinstance(page, Fault):
            return page
        if any(one.secret_name not in {None, secret_name} for one in page.version_metadatas):
            return _no(answer, "it shows versions of another secret")
        return VersionPage(
            versions=tuple(one.view() for one in page.version_metadatas),
            next_marker=(page.page_info.next_marker or None) if page.page_info else None,
            marked=page.page_info is not None,
        )

    async def describe_key(self, key_id: str, departure: Departure = UNWATCHED) -> KeyView | Fault:
        """Asks KMS what one key is."""
        answer = await self._calls.post(self._kms("describe-key"), _ENCODE({"key_id": key_id}), departure)
        shown = _decoded(answer, _DECODE_KEY, "it does not show a key")
        if isinstance(shown, Fault):
            return shown
        if not same_key(shown.key_info.key_id, key_id):
            return _no(answer, "it shows another key")
        return shown.key_info.view()

    async def list_keys(
        self, *, limit: int, marker: str | None = None, departure: Departure = UNWATCHED
    ) -> KeyPage | Fault:
        """Reads one page of a project's keys of every kind, of at most `limit`, which is at most 1000."""
        asked = {"limit": str(limit), "key_spec": "ALL"} | ({"marker": marker} if marker is not None else {})
        answer = await self._calls.post(self._kms("list-keys"), _ENCODE(asked), departure, answer_limit=PAGE_LIMIT)
        page = _decoded(answer, _DECODE_KEYS, "it is not a list of keys")
        if isinstance(page, Fault):
            return page
        said = str(page.truncated).lower()
        return KeyPage(
            keys=tuple(one.view() for one in page.key_details),
            next_marker=(page.next_marker or None) if said != "false" else None,
            marked=said != "true" or bool(page.next_marker),
        )

    def _kms(self, action: str) -> str:
        return f"/v1.0/{quote(self._project_id, safe='')}/kms/{action}"


def _decoded(answer: WireAnswer | Fault, decode: Callable[[bytes], V], otherwise: str) -> V | Fault:
    if isinstance(answer, Fault):
        return answer
    if answer.status != HTTPStatus.OK:
        return classify(answer)
    try:
        return decode(answer.body)
    except UNREADABLE:
        return mismatch(answer, otherwise)


def _no(answer: WireAnswer | Fault, what: str) -> Fault:
    return answer if isinstance(answer, Fault) else mismatch(answer, what)
