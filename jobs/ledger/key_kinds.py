"""Counts rows by target key while they pass by, as long as they are of few kinds: SQLite would have to sort them."""

from collections import Counter
from collections.abc import Callable, Iterable

from jobs.ledger.keys import KeyCounts, key_counts, same_key
from jobs.ledger.told_row import RowKind
from jobs.model import Status

_MOST = 10_000
Kind = tuple[int | None, str, str | None, str | None, str, int]
"""What rows share: the number of their scope, key, key before, expected key, status, and why they are left out."""


class KeyKinds:
    """How many rows there are of each kind; of too many kinds nothing is known, so that memory stays bounded."""

    def __init__(self) -> None:
        self._rows: Counter[Kind] = Counter()

    def update(self, kinds: Iterable[Kind]) -> None:
        """Counts some rows."""
        if self.known:
            self._rows.update(kinds)

    def add(self, kind: RowKind, rows: int) -> None:
        """Counts so many rows that a ledger returns."""
        if self.known:
            old = kind.before_kms_key_id, kind.expected_kms_key_id
            self._rows[kind.scope, kind.kms_key_id, *old, kind.end.status, kind.end.left_out] += rows

    @property
    def known(self) -> bool:
        """Whether all rows were counted."""
        return len(self._rows) <= _MOST

    def items(self) -> Iterable[tuple[Kind, int]]:
        """Each kind, and how many rows are of it."""
        return self._rows.items()

    def key_counts(self, status_of: Callable[[str], Status]) -> KeyCounts:
        """The same as the ledger says of its keys."""
        parts = []
        for (scope, key, before, expected, status, left_out), rows in self._rows.items():
            if scope is None:
                continue
            same = same_key(key)
            old = expected if before is None or same_key(before) in {"", same} else before
            old = None if left_out or status == Status.DRIFTED else old
            parts.append((same, None if old is None else same_key(old), scope, status, left_out != 0, rows, key, old))
        return key_counts(sorted(parts, key=lambda part: (part[0], part[1] or "", -part[5])), status_of)
