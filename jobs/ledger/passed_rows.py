"""Counts rows while they pass by: SQLite would have to sort them."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from jobs.ledger.key_kinds import KeyKinds
from jobs.ledger.scope_counts import ScopeRows
from jobs.ledger.told_row import RowEnd, RowPlace, ToldBlock

_MOST_PAIRS = 10_000


class PassedRows:
    """How the rows of each scope ended and, as long as there are few kinds of them, those of each key."""

    def __init__(self) -> None:
        self._pairs = Counter[tuple[RowPlace, RowEnd]]()
        self._scopes = defaultdict[int, ScopeRows](ScopeRows)
        self._keys = KeyKinds()

    def count(self, block: ToldBlock) -> None:
        """Counts some rows."""
        # Most rows are of a pair that was met before: what follows from it is not asked for each.
        self._pairs.update(zip(block.places, block.ends, strict=True))
        if len(self._pairs) > _MOST_PAIRS:
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
        for (place, end), rows in self._pairs.items():
            if place.scope is not None:
                self._scopes[place.scope].add(end, rows)
            self._keys.add(place, end, rows)
        self._pairs.clear()
