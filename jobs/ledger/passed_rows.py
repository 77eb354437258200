"""Counts rows while they pass by: SQLite would have to sort them."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from jobs.ledger.key_kinds import KeyKinds
from jobs.ledger.scope_counts import ScopeRows
from jobs.ledger.told_row import RowKind, ToldBlock

_MOST_KINDS = 10_000


class PassedRows:
    """How the rows of each scope ended and, as long as there are few kinds of them, those of each key."""

    def __init__(self) -> None:
        self._kinds = Counter[RowKind]()
        self._scopes = defaultdict[int, ScopeRows](ScopeRows)
        self._keys = KeyKinds()

    def count(self, block: ToldBlock) -> None:
        """Counts some rows."""
        self._kinds.update(block.kinds)
        if len(self._kinds) > _MOST_KINDS:
            self._fold()

    def keys(self) -> KeyKinds:
        """Those of each key."""
        self._fold()
        return self._keys

    def scopes(self) -> Mapping[int, ScopeRows]:
        """Those of each scope by its number."""
        self._fold()
        return self._scopes

    def _fold(self) -> None:
        for kind, rows in self._kinds.items():
            if kind.scope is not None:
                self._scopes[kind.scope].add(kind.end, rows)
            self._keys.add(kind, rows)
        self._kinds.clear()
