"""The key operations of KMS that matter to a re-keying: describe one, list them."""

import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from batch.sandbox.lists import ListStyle
from batch.sandbox.model import KmsKey
from batch.sandbox.refusals import refused
from batch.sandbox.result import Result
from batch.sandbox.wire import Request
from batch.sandbox.world import Project

_KEY_ID = re.compile(r"[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{12}")
_MAX_PAGE = 1000


class _Describe(msgspec.Struct):
    key_id: str
    sequence: str = ""


class _List(msgspec.Struct):
    limit: str | int = "10"
    marker: str | int = "0"
    key_state: str = ""
    key_spec: str = "AES_256"
    """Lists symmetric keys only unless asked for `ALL`."""
    enterprise_project_id: str = ""
    sequence: str = ""


class _Described(msgspec.Struct):
    key_info: KmsKey


class _Listed(msgspec.Struct):
    keys: Sequence[str]
    key_details: Sequence[KmsKey]
    next_marker: str
    truncated: str
    total: int


_Body = TypeVar("_Body")


def describe_key(project: Project, request: Request) -> Result:
    """Everything KMS shows about one key."""
    asked = _read(request, _Describe)
    if _KEY_ID.fullmatch(asked.key_id) is None:
        raise refused("KMS.0205", asked.key_id)
    key = project.keys.get(asked.key_id)
    if key is None:
        raise refused("KMS.0207", asked.key_id)
    return Result(body=msgspec.json.encode(_Described(key)))


def list_keys(project: Project, request: Request, style: ListStyle) -> Result:
    """A page of the project's keys in the order they were made; the marker is an offset in digits."""
    asked = _read(request, _List)
    limit, start = _number("limit", asked.limit), _number("marker", asked.marker)
    if not 1 <= limit <= _MAX_PAGE:
        raise refused("KMS.0308", "limit")
    limit = min(limit, style.page_size)
    keys = [key for key in project.keys.values() if _matches(key, asked)]
    page = keys[start : start + limit]
    more = start + limit < len(keys)
    return Result(
        body=msgspec.json.encode(
            _Listed(
                keys=[key.key_id for key in page],
                key_details=page,
                next_marker=str(start + limit) if more else "",
                truncated="true" if more else "false",
                total=len(keys),
            )
        )
    )


def _matches(key: KmsKey, asked: _List) -> bool:
    return asked.key_spec in {"ALL", key.key_spec} and asked.key_state in {"", key.key_state}


def _read(request: Request, shape: type[_Body]) -> _Body:
    if not request.is_json:
        raise refused("KMS.0308", "the content type is not application/json")
    try:
        return msgspec.json.decode(request.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refused("KMS.0308", str(error)) from error


def _number(name: str, value: str | int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", str(value), re.ASCII):
        raise refused("KMS.0308", name)
    return int(value)
