"""The secret operations of CSMS: update, show, list, and the metadata of versions."""

import bisect
import re
from collections.abc import Sequence
from urllib.parse import parse_qs

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from batch.sandbox.model import Secret, SecretState, Version
from batch.sandbox.refusals import refused
from batch.sandbox.result import Result
from batch.sandbox.wire import Request, Route
from batch.sandbox.world import Project

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_VERSION_MARKER = re.compile(r"v[0-9]{1,10}|latest")
_MAX_DESCRIPTION_BYTES = 2048
_MAX_PAGE = 1000
_USUAL_PAGE = "50"


class _Update(msgspec.Struct):
    kms_key_id: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    auto_rotation: bool | UnsetType = UNSET
    rotation_period: str | UnsetType = UNSET
    event_subscriptions: tuple[str, ...] | UnsetType = UNSET
    rotation_func_urn: str | UnsetType = UNSET


class _One(msgspec.Struct):
    secret: Secret


class _PageInfo(msgspec.Struct):
    next_marker: str | None
    previous_marker: str | None
    current_count: int


class _Secrets(msgspec.Struct):
    secrets: Sequence[Secret]
    page_info: _PageInfo


class _Versions(msgspec.Struct):
    version_metadatas: Sequence[Version]
    page_info: _PageInfo


_encode = msgspec.json.Encoder().encode
_decode_update = msgspec.json.Decoder(_Update).decode


def update_secret(project: Project, route: Route, request: Request, unix_s: float) -> Result:
    """Changes the fields that are in the body and leaves the others; versions keep the key they were made with.

    What no document settles is decided on the strict side, so that nobody leans on it: a body with no field in it,
    and null for a field, are refused.
    """
    update = _read_update(request)
    secret = _find(project, route.secret_name)
    match secret.state:
        case SecretState.ENABLED:
            pass
        case SecretState.PENDING_DELETE:
            raise refused("CSMS.0103", secret.name)
        case SecretState.DISABLED | SecretState.FROZEN:
            raise refused("CSMS.0109", f"{secret.name} is {secret.state}")
    if update.kms_key_id is not UNSET:
        _check_key(project, update.kms_key_id)
    changes = {name: value for name in update.__struct_fields__ if (value := getattr(update, name)) is not UNSET}
    secret = replace(secret, **changes, update_time=int(unix_s) * 1000)
    project.put(secret)
    return Result(body=_encode(_One(secret)), applied=True)


def show_secret(project: Project, route: Route) -> Result:
    """The metadata of one secret, in whatever state it is."""
    return Result(body=_encode(_One(_find(project, route.secret_name))))


def list_secrets(project: Project, route: Route) -> Result:
    """A page of the project's secrets by name; the marker is the last name of the page before."""
    query = _query(route)
    limit = _limit(query)
    marker = query.get("marker", "")
    # No secret subscribes to an event here, so the service's one filter leaves none over.
    names = [] if "event_name" in query else project.names
    start = bisect.bisect_right(names, marker) if marker else 0
    page = names[start : start + limit]
    more = start + limit < len(names)
    return Result(
        body=_encode(_Secrets([project.secrets[name] for name in page], _page_info(page, marker=marker, more=more)))
    )


def list_versions(project: Project, route: Route) -> Result:
    """A page of the secret's versions, oldest first and never a value; the marker is the last id of the page before."""
    query = _query(route)
    limit = _limit(query)
    marker = query.get("marker", "")
    if marker and _VERSION_MARKER.fullmatch(marker) is None:
        raise refused("CSMS.0002", "marker")
    versions = project.versions.get(_find(project, route.secret_name).name, ())
    start = _after(versions, marker)
    page = versions[start : start + limit]
    more = start + limit < len(versions)
    return Result(body=_encode(_Versions(page, _page_info([one.id for one in page], marker=marker, more=more))))


def _read_update(request: Request) -> _Update:
    if not request.is_json:
        raise refused("CSMS.0004", "the content type is not application/json")
    try:
        update = _decode_update(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refused("CSMS.0004", str(error)) from error
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


def _check_key(project: Project, key_id: str) -> None:
    key = project.keys.get(key_id)
    if key is None:
        raise refused("CSMS.0401", f"the key {key_id} does not exist")
    if not key.usable:
        raise refused("CSMS.0401", f"the key {key_id} is in state {key.key_state}, {key.key_spec} for {key.key_usage}")


def _query(route: Route) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(route.query).items()}


def _limit(query: dict[str, str]) -> int:
    text = query.get("limit", _USUAL_PAGE)
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= _MAX_PAGE):  # noqa: PLR2004 # the API takes 4 digits
        raise refused("CSMS.0002", "limit")
    return int(text)


def _after(versions: tuple[Version, ...], marker: str) -> int:
    if not marker or marker == "latest":
        return max(0, len(versions) - 1) if marker else 0
    return next((index for index, one in enumerate(versions) if int(one.id[1:]) > int(marker[1:])), len(versions))


def _page_info(page: Sequence[str], *, marker: str, more: bool) -> _PageInfo:
    return _PageInfo(next_marker=page[-1] if more else None, previous_marker=marker or None, current_count=len(page))
