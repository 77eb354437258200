"""What the service's records prove: which requests concern a row, and what a secret showed at any moment."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from tests.kit.records import Record
from tests.oracle.case import Asked, Case, Place

# Faults under which a 200 says something else than the service does.
_PROVES_NOTHING = frozenset({408, 425, 499})
_UNTRUE_200 = frozenset({"html200", "canned"})


def same(one: str | None, other: str | None) -> bool:
    """Whether two key ids name one key."""
    return (one or "").lower() == (other or "").lower()


def is_yes(record: Record) -> bool:
    """Whether a whole, true 200 was sent."""
    return record.status == HTTPStatus.OK and record.answered_whole and record.fault not in _UNTRUE_200


def is_no(record: Record) -> bool:
    """Whether a whole answer proves that nothing was applied: the service's own refusal, or one for the rate."""
    return (
        record.status is not None
        and record.answered_whole
        and 400 <= record.status < 500
        and record.status not in _PROVES_NOTHING
        and record.fault != f"html{record.status}"
    )


class Evidence:
    """The records of one case by secret, and the history of every key."""

    def __init__(self, case: Case) -> None:
        self.leaders = leaders_of(case.asked)
        self._puts: dict[Place, list[Record]] = defaultdict(list)
        self._reads: dict[Place, list[Record]] = defaultdict(list)
        self._lists: dict[str, list[Record]] = defaultdict(list)
        self._changes: dict[Place, list[tuple[float, str | None]]] = defaultdict(list)
        self._before = case.before
        for record in case.records:
            self._sort_in(record)
        for one in case.changes:
            self._changes[one.place].append((one.at_s, one.key))
        for changes in self._changes.values():
            changes.sort(key=lambda change: change[0])

    def puts(self, place: Place) -> Sequence[Record]:
        """Every PUT to a secret, in the order of arrival."""
        return self._puts[place]

    def reads(self, place: Place) -> list[Record]:
        """Every request that could show a secret, in the order of arrival."""
        return sorted([*self._reads[place], *self._lists[place[0]]], key=lambda record: record.n)

    def key_at(self, place: Place, at_s: float) -> str | None:
        """The key a secret showed to a request that arrived at `at_s`; what was due by then had landed."""
        shown = self._before.get(place)
        for when_s, key in self._changes[place]:
            if when_s <= at_s:
                shown = key
        return shown

    def key_at_last(self, place: Place) -> str | None:
        """The key a secret shows once everything has landed."""
        return self.key_at(place, float("inf"))

    def shows(self, record: Record, place: Place, key: str) -> bool:
        """Whether a read was answered with this key."""
        return is_yes(record) and same(self.key_at(place, record.at_s), key)

    def _sort_in(self, record: Record) -> None:
        if record.project_id is None:
            return
        place = record.project_id, record.secret_name or ""
        if record.method == "PUT":
            self._puts[place].append(record)
            if record.applied and record.kms_key_id is not None:
                at_s = record.at_s if record.landed_s is None else record.landed_s
                self._changes[place].append((at_s, record.kms_key_id))
        elif record.method == "GET" and record.secret_name is None:
            self._lists[record.project_id].append(record)
        elif record.method == "GET":
            self._reads[place].append(record)


def leaders_of(asked: Sequence[Asked]) -> Mapping[int, int | None]:
    """The row that is sent for each row: itself, an earlier twin, or None where nothing may be sent. Rows that are not
    selected have no say.

    Worked out from the manifest alone, by what a row means: twins ask for the very same, and rows of one secret that
    do not are all unusable.
    """
    by_place: dict[Place, list[Asked]] = defaultdict(list)
    for one in asked:
        if one.usable and one.selected:
            by_place[one.place].append(one)
    leaders: dict[int, int | None] = {one.row: None for one in asked}
    for group in by_place.values():
        wishes = {(one.kms_key_id, one.description, one.expected_kms_key_id) for one in group}
        for one in group:
            leaders[one.row] = group[0].row if len(wishes) == 1 else None
    return leaders
