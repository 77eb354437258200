"""What a ledger tells of KMS keys: how the rows of each target key stand, and which keys they move away from."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from jobs.model import Group, Status, StatusCount

MOST_KEYS = 100
MOST_OLD_KEYS = 20

Query = Callable[[str], Iterator[tuple[Any, ...]]]
"""Runs one statement of reading."""


class HeldKey(msgspec.Struct, frozen=True, kw_only=True):
    """A KMS key whose rows are not attempted, of which there are `rows`, and why."""

    project_id: str
    region: str | None
    kms_key_id: str
    reason: str
    rows: int


class KeyCount(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of one target key stand in all their projects; `left_out` of them were not selected, and `counts`
    is of the others. `old_keys` are those that the manifest expects, and there are `more_old_keys` that are not listed.
    """

    kms_key_id: str
    projects: int
    counts: tuple[StatusCount, ...]
    left_out: int = 0
    old_keys: tuple[str, ...] = ()
    more_old_keys: int = 0

    @property
    def rows(self) -> int:
        """All of them but those left out."""
        return sum(count.rows for count in self.counts)

    def of(self, group: Group) -> int:
        """Rows of one group."""
        return sum(count.rows for count in self.counts if count.status.group is group)


class KeyCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The target keys with the most rows, and how many there are besides; rows without a usable place have no key."""

    keys: tuple[KeyCount, ...]
    more: int = 0


# As `same_key`.
_SAME = "lower(replace({}, '-', ''))"
_OF_KEY = f"FROM row r WHERE r.scope IS NOT NULL GROUP BY {_SAME.format('r.kms_key_id')}"
_KEYS = f"""SELECT {_SAME.format("r.kms_key_id")}, r.kms_key_id, COUNT(DISTINCT r.scope), MIN(r.row) {_OF_KEY}
    ORDER BY COUNT(*) DESC, MIN(r.row) LIMIT {MOST_KEYS}"""
_HOW_MANY = f"SELECT COUNT(DISTINCT {_SAME.format('r.kms_key_id')}) FROM row r WHERE r.scope IS NOT NULL"  # noqa: S608 - its own text
_STATUSES = f"""SELECT {_SAME.format("t.kms_key_id")}, t.status, t.left_out <> 0, COUNT(*)
    FROM told t JOIN row r ON r.row = t.row WHERE r.scope IS NOT NULL GROUP BY 1, 2, 3"""  # noqa: S608 - its own text
_OLD_KEYS = f"""SELECT {_SAME.format("r.kms_key_id")}, r.expected_kms_key_id, COUNT(*)
    FROM row r WHERE r.scope IS NOT NULL AND r.expected_kms_key_id IS NOT NULL
    GROUP BY 1, {_SAME.format("r.expected_kms_key_id")} ORDER BY 3 DESC, MIN(r.row)"""  # noqa: S608 - its own text
_HELD = """SELECT s.project_id, s.region, k.kms_key_id, k.reason, SUM(l.status IS NULL AND l.left_out = 0)
    FROM held_key k JOIN scope s ON s.id = k.scope JOIN row r ON r.scope = k.scope AND r.kms_key_id = k.kms_key_id
    JOIN row l ON l.row = COALESCE(r.leader, r.row) GROUP BY k.scope, k.kms_key_id ORDER BY MIN(r.row)"""


HELD = "held back: "
"""A session that no rule stopped, but that left rows aside because of their keys, says so from here on."""


def held_words(held: Sequence[HeldKey]) -> str | None:
    """Why a session left rows aside, as far as keys are to blame."""
    waited_for = [one for one in held if one.rows]
    if not waited_for:
        return None
    first, more = waited_for[0], len(waited_for) - 1
    others = f" (and {more} more)" if more else ""
    return f"{HELD}key {first.kms_key_id}{others}: {first.reason.removeprefix(HELD)}"


def same_key(kms_key_id: str) -> str:
    """What is equal for all spellings of one key's id: case and dashes do not matter."""
    return kms_key_id.replace("-", "").lower()


def held_keys(query: Query) -> tuple[HeldKey, ...]:
    """The keys that are held back, in the order of their first rows."""
    return tuple(
        HeldKey(project_id=project, region=region, kms_key_id=key, reason=reason, rows=rows)
        for project, region, key, reason, rows in query(_HELD)
    )


def key_counts(query: Query, status_of: Callable[[str], Status]) -> KeyCounts:
    """The target keys, those with the most rows first, in bounded memory however many there are."""
    listed = [_Key(*values) for values in query(_KEYS)]
    by_id = {key.same: key for key in listed}
    for same, status, left_out, rows in query(_STATUSES):
        if (key := by_id.get(same)) is not None:
            key.count(status_of(status), rows, left_out=bool(left_out))
    for same, old, _ in query(_OLD_KEYS):
        if (key := by_id.get(same)) is not None:
            key.add_old(old)
    ((all_keys,),) = query(_HOW_MANY)
    return KeyCounts(keys=tuple(key.counted() for key in listed), more=all_keys - len(listed))


class _Key:
    """One target key while it is counted."""

    def __init__(self, same: str, spelling: str, projects: int, _first_row: int) -> None:
        self.same = same
        self._spelling = spelling
        self._projects = projects
        self._rows = dict.fromkeys(Status, 0)
        self._left_out = 0
        self._old: list[str] = []
        self._more_old = 0

    def count(self, status: Status, rows: int, *, left_out: bool) -> None:
        if left_out:
            self._left_out += rows
        else:
            self._rows[status] += rows

    def add_old(self, key: str) -> None:
        if len(self._old) < MOST_OLD_KEYS:
            self._old.append(key)
        else:
            self._more_old += 1

    def counted(self) -> KeyCount:
        return KeyCount(
            kms_key_id=self._spelling,
            projects=self._projects,
            counts=tuple(StatusCount(status=status, rows=rows) for status, rows in self._rows.items() if rows),
            left_out=self._left_out,
            old_keys=tuple(self._old),
            more_old_keys=self._more_old,
        )
