"""Counts what rows ask for while they are loaded, so that a manifest of a million need not be read back for it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from jobs.forecast import PlaceCount, Sample
from jobs.ledger.forecast import Asks
from jobs.ledger.key_kinds import KeyKinds, Kind
from jobs.ledger.places import SAMPLES
from jobs.model import PlannedRow, Scope, Status


class Counted:
    """Valid rows by what they have in common, as long as there are few kinds of them. It holds where no row turns out
    to repeat or contradict another one.
    """

    def __init__(self) -> None:
        self._kinds = KeyKinds()
        self._first: list[PlannedRow] = []

    def add(self, rows: Sequence[PlannedRow], kinds: Iterable[Kind]) -> None:
        """Counts rows; `kinds` go in step with them."""
        if len(self._first) < SAMPLES:
            self._first = [*self._first, *(row for row in rows if row.selected)][:SAMPLES]
        self._kinds.update(kinds)

    def asks(self, scopes: Iterable[Scope]) -> Asks | None:
        """What they ask for, given their scopes in the order of the numbers; None where there were too many kinds."""
        if not self._kinds.known:
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
        return Asks(places=places, keys=self._kinds.key_counts(Status), samples=samples)

    def _places(self, scopes: Iterable[Scope]) -> Iterator[PlaceCount]:
        rows, reads = Counter[int](), Counter[int]()
        for (number, _, _, expected, _, left_out), count in self._kinds.items():
            if number is not None and not left_out:
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
