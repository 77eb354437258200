"""Counts what rows ask for while they are loaded, so that a manifest of a million need not be read back for it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jobs.forecast import PlaceCount, Sample
from jobs.ledger.forecast import Asks
from jobs.ledger.keys import key_counts, same_key
from jobs.ledger.places import SAMPLES
from jobs.model import PlannedRow, Scope, Status

_MOST = 10_000
_Kind = tuple[int, str, str | None, int]
"""The number of the scope, the key, the expected key, and whether the row is left out."""


class Counted:
    """Valid rows by what they have in common, as long as there are few kinds of them. It holds where no row turns out
    to repeat or contradict another one.
    """

    def __init__(self) -> None:
        self._rows: Counter[_Kind] = Counter()
        self._first: list[PlannedRow] = []

    def add(self, rows: Sequence[PlannedRow], kinds: Iterable[_Kind]) -> None:
        """Counts rows; `kinds` go in step with them."""
        if len(self._first) < SAMPLES:
            self._first = [*self._first, *(row for row in rows if row.selected)][:SAMPLES]
        if len(self._rows) <= _MOST:
            self._rows.update(kinds)

    def asks(self, scopes: Iterable[Scope]) -> Asks | None:
        """What they ask for, given their scopes in the order of the numbers; None where there were too many kinds."""
        if len(self._rows) > _MOST:
            return None
        samples = tuple(
            Sample(
                secret_name=row.update.secret_name,
                kms_key_id=row.update.kms_key_id,
                expected_kms_key_id=row.update.expected_kms_key_id,
            )
            for row in self._first
        )
        places = tuple((None, place) for place in self._places(scopes))
        return Asks(places=places, keys=key_counts(self._parts(), Status), samples=samples)

    def _places(self, scopes: Iterable[Scope]) -> Iterator[PlaceCount]:
        rows, reads = Counter[int](), Counter[int]()
        for (number, _, expected, left_out), count in self._rows.items():
            if not left_out:
                rows[number] += count
                reads[number] += count if expected is not None else 0
        for number, scope in enumerate(scopes, 1):
            if puts := rows[number]:
                yield PlaceCount(
                    endpoint=scope.endpoint,
                    project_id=scope.project_id,
                    region=scope.region,
                    rows=puts,
                    puts=puts,
                    reads=reads[number],
                )

    def _parts(self) -> Iterator[tuple[Any, ...]]:
        """The rows as the ledger gives them to be counted by key."""
        status = Status.NOT_ATTEMPTED
        parts = (
            (same_key(key), old and same_key(old), number, status, left_out, rows, key, old)
            for (number, key, old, left_out), rows in self._rows.items()
        )
        return iter(sorted(parts, key=lambda part: (part[0], part[1] or "", -part[5])))
