"""What each row of a loaded manifest asks for, in manifest order, for a plan."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from jobs.model import Scope, SecretUpdate

Query = Callable[[str], Iterator[tuple[Any, ...]]]

_ASKED = """SELECT r.row, s.endpoint, s.project_id, s.region, r.secret_name, r.kms_key_id, r.description,
    r.expected_kms_key_id, r.project_id, r.region, CASE WHEN r.status = 'invalid' THEN r.error_message END, r.left_out
    FROM row r LEFT JOIN scope s ON s.id = r.scope ORDER BY r.row"""


class AskedRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row. `invalid` says why it cannot be used: it may have no scope then, and `project_id` and `region` are its
    own words. One that was `left_out` was not selected.
    """

    row: int
    scope: Scope | None
    update: SecretUpdate
    project_id: str
    region: str
    invalid: str | None = None
    left_out: bool = False


def asked_rows(query: Query) -> Iterator[AskedRow]:
    """Every row, in constant memory."""
    scopes = dict[tuple[str, str, str | None], Scope]()
    for row, endpoint, project, region, name, key, description, expected, own_project, own_region, bad, out in query(
        _ASKED
    ):
        scope = None
        if endpoint is not None:
            scope = scopes.setdefault(
                (endpoint, project, region), Scope(endpoint=endpoint, project_id=project, region=region)
            )
        yield AskedRow(
            row=row,
            scope=scope,
            update=SecretUpdate(
                secret_name=name, kms_key_id=key, description=description, expected_kms_key_id=expected
            ),
            project_id=project or own_project or "",
            region=region or own_region or "",
            invalid=bad,
            left_out=bool(out),
        )
