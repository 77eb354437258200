"""The secret operations of CSMS: update, show, list, a new version, and the metadata of versions."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar, assert_never

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from batch.sandbox.lists import Cut, ListStyle, Markers, PageInfo, cut, query_of
from batch.sandbox.model import Secret, SecretState, Version
from batch.sandbox.refusals import refused
from batch.sandbox.result import Result
from batch.sandbox.versions import add_version
from batch.sandbox.wire import Request, Route
from batch.sandbox.world import Project

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_VERSION_MARKER = re.compile(r"v[0-9]{1,10}|latest")
_MAX_DESCRIPTION_BYTES = 2048


class _Update(msgspec.Struct):
    kms_key_id: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    auto_rotation: bool | UnsetType = UNSET
    rotation_period: str | UnsetType = UNSET
    event_subscriptions: tuple[str, ...] | UnsetType = UNSET
    rotation_func_urn: str | UnsetType = UNSET


class _NewVersion(msgspec.Struct):
    secret_string: str | None = None
    secret_binary: str | None = None
    version_stages: tuple[str, ...] = ()
    expire_time: int | None = None


class _MadeVersion(msgspec.Struct):
    version_metadata: Version


class _One(msgspec.Struct):
    secret: Secret


class _Secrets(msgspec.Struct):
    secrets: Sequence[Secret]
    page_info: PageInfo | UnsetType = UNSET


class _Versions(msgspec.Struct):
    version_metadatas: Sequence[Version]
    page_info: PageInfo | UnsetType = UNSET


_encode = msgspec.json.Encoder().encode
_decode_update = msgspec.json.Decoder(_Update).decode
_decode_version = msgspec.json.Decoder(_NewVersion).decode
_Body = TypeVar("_Body")


def update_secret(project: Project, route: Route, request: Request, unix_s: float) -> Result:
    """Changes the fields that are in the body and leaves the others; versions keep the key they were made with.

    What no document settles is decided on the strict side, so that no client relies on it: a body with no field in it,
    and null for a field, are refused.
    """
    update = _read_update(request)
    secret = _changeable(project, route.secret_name)
    if update.kms_key_id is not UNSET:
        _check_key(project, update.kms_key_id)
    changes = {name: value for name in update.__struct_fields__ if (value := getattr(update, name)) is not UNSET}
    secret = replace(secret, **changes, update_time=int(unix_s) * 1000)
    project.put(secret)
    return Result(body=_encode(_One(secret)), applied=True)


def show_secret(project: Project, route: Route) -> Result:
    """The metadata of one secret, in whatever state it is."""
    return Result(body=_encode(_One(_find(project, route.secret_name))))


def list_secrets(project: Project, route: Route, style: ListStyle) -> Result:
    """A page of the project's secrets by name, without those of enterprise projects that the login sees nothing of:
    they are taken out of a page that was cut with them, so that one may be short or empty.
    """
    query = query_of(route)
    # No secret subscribes to an event here, so the service's one filter leaves none over.
    page = cut([] if "event_name" in query else project.names, query, style, order=str)
    shown = [project.secrets[name] for name in page.items if name not in project.hidden]
    return Result(body=_encode(_Secrets(shown, _page_info(page, len(shown), style))))


def list_versions(project: Project, route: Route, style: ListStyle) -> Result:
    """A page of the secret's versions, oldest first and never a value."""
    query = query_of(route)
    marker = query.get("marker", "")
    if marker and _VERSION_MARKER.fullmatch(marker) is None:
        raise refused("CSMS.0002", "marker")
    versions = {one.id: one for one in project.versions.get(_find(project, route.secret_name).name, ())}
    if marker == "latest":
        page = Cut(list(versions)[-1:], marker, None)
    else:
        page = cut(list(versions), query, style, order=lambda one: int(one[1:]))
    shown = [versions[one] for one in page.items]
    return Result(body=_encode(_Versions(shown, _page_info(page, len(shown), style))))


def create_version(project: Project, route: Route, request: Request, unix_s: float) -> Result:
    """A new version on the key that the secret is on now; the value is taken and forgotten."""
    asked = _read(request, _decode_version)
    secret = _changeable(project, route.secret_name)
    if secret.secret_type != "COMMON":  # noqa: S105 # the service's word for the kind of secret
        raise refused("CSMS.0003", "the service rotates this secret by itself")
    if (asked.secret_string is None) == (asked.secret_binary is None):
        raise refused("CSMS.0002", "secret_string or secret_binary")
    _check_key(project, secret.kms_key_id)
    made = add_version(project, secret.name, unix_s, stages=asked.version_stages, expire_time=asked.expire_time)
    return Result(body=_encode(_MadeVersion(made)))


def _read(request: Request, decode: Callable[[bytes], _Body]) -> _Body:
    if not request.is_json:
        raise refused("CSMS.0004", "the content type is not application/json")
    try:
        return decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refused("CSMS.0004", str(error)) from error


def _read_update(request: Request) -> _Update:
    update = _read(request, _decode_update)
    if update == _Update():
        raise refused("CSMS.0004", "nothing to update")
    if update.kms_key_id is not UNSET and not 2 <= len(update.kms_key_id) <= 64:  # noqa: PLR2004 # the API's own bounds
        raise refused("CSMS.0002", "kms_key_id")
    if update.description is not UNSET and len(update.description.encode()) > _MAX_DESCRIPTION_BYTES:
        raise refused("CSMS.0002", "description")
    return update


def _find(project: Project, name: str) -> Secret:
    if _NAME.fullmatch(name) is None:
        raise refused("CSMS.0002", "secret_name")
    secret = project.secrets.get(name)
    if secret is None:
        raise refused("CSMS.0106", name)
    return secret


def _changeable(project: Project, name: str) -> Secret:
    secret = _find(project, name)
    match secret.state:
        case SecretState.ENABLED:
            return secret
        case SecretState.PENDING_DELETE:
            raise refused("CSMS.0103", secret.name)
        case SecretState.DISABLED | SecretState.FROZEN:
            raise refused("CSMS.0109", f"{secret.name} is {secret.state}")
        case _:
            assert_never(secret.state)


def _check_key(project: Project, key_id: str) -> None:
    key = project.keys.get(key_id)
    if key is None:
        raise refused("CSMS.0401", f"the key {key_id} does not exist")
    if not key.usable:
        raise refused("CSMS.0401", f"the key {key_id} is in state {key.key_state}, {key.key_spec} for {key.key_usage}")


def _page_info(page: Cut, shown: int, style: ListStyle) -> PageInfo | UnsetType:
    return UNSET if style.markers is Markers.NONE else page.info(shown)
