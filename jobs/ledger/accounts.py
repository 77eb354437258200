"""Whose projects those of a job are, where its manifest names accounts."""

from collections.abc import Iterator, Mapping

import msgspec

from jobs.ledger.keys import Query
from jobs.model import Scope

META = "accounts"
"""Under this name `meta` holds the account of each scope by its number, as a JSON object; nothing where there is none.
"""
_OF_SCOPES = f"""SELECT s.id, s.endpoint, s.project_id, s.region, a.value FROM scope s
    LEFT JOIN json_each((SELECT value FROM meta WHERE key = '{META}')) a ON a.key = CAST(s.id AS TEXT)
    ORDER BY s.id"""  # noqa: S608 - its own text


class ScopeAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A scope with the account that its rows name, and its number."""

    id: int
    scope: Scope


def meta_of(scopes: Mapping[Scope, int]) -> Iterator[tuple[str, str]]:
    """What is stored when a manifest is loaded."""
    named = {str(number): scope.account for scope, number in scopes.items() if scope.account is not None}
    if named:
        yield META, msgspec.json.encode(named).decode()


def scope_accounts(query: Query) -> tuple[ScopeAccount, ...]:
    """Every scope, in the order in which the manifest names them."""
    return tuple(
        ScopeAccount(id=number, scope=Scope(endpoint=endpoint, project_id=project, region=region, account=account))
        for number, endpoint, project, region, account in query(_OF_SCOPES)
    )
