"""What a ledger knows of KMS keys: how the rows of each target key stand, and which keys they move away from."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nlargest
from itertools import groupby
from operator import itemgetter
from typing import Any, Generic, TypeVar

import msgspec

from jobs.model import Group, Status, StatusCount

T = TypeVar("T")
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
    is of the others. `old_keys` are those that the others showed before or, where that is not known or is the target
    itself, that the manifest expects; there are `more_old_keys` that are not listed. A secret that drifted leaves none:
    what it is on is somebody else's choice, and what its row expects may be a mistake.
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


# As `same_key`. Few rows are left once those are counted that agree, so that only few are made equal and sorted.
_SAME = "lower(replace({}, '-', ''))"
# Which key a row left that was on its key already is not known, unless the manifest says so.
_LEFT = f"""CASE WHEN {_SAME.format("before_kms_key_id")} <> {_SAME.format("kms_key_id")}
    THEN NULLIF(before_kms_key_id, '') END"""
_EXPECTED = f"""CASE WHEN {_SAME.format("expected_kms_key_id")} <> {_SAME.format("kms_key_id")}
    THEN expected_kms_key_id END"""
_LEAVES = f"left_out = 0 AND status <> '{Status.DRIFTED}'"
_OLD_KEYS = f"""SELECT MIN(key) FROM (SELECT {_LEFT} AS key FROM told WHERE scope IS NOT NULL AND {_LEAVES} UNION ALL
    SELECT {_EXPECTED} FROM told WHERE scope IS NOT NULL AND {_LEAVES}) WHERE key IS NOT NULL
    GROUP BY {_SAME.format("key")} ORDER BY COUNT(*) DESC, 1"""  # noqa: S608 - its own text
_OLD = f"""CASE WHEN apart OR status = '{Status.DRIFTED}' THEN NULL
    WHEN {_SAME.format("before")} NOT IN ('', {_SAME.format("key")}) THEN before ELSE expected END"""
ROWS = f"""SELECT {_SAME.format("key")}, {_SAME.format("old")}, scope, status, apart, rows, key, old FROM (
    SELECT key, {_OLD} AS old, scope, status, apart, rows FROM (
    SELECT kms_key_id AS key, before_kms_key_id AS before, expected_kms_key_id AS expected, scope, status,
    left_out <> 0 AS apart, COUNT(*) AS rows
    FROM told WHERE scope IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6)) ORDER BY 1, 2, 6 DESC"""  # noqa: S608 - its own text
# In this order of tables nothing is read where no key is held back.
_HELD = """SELECT s.project_id, s.region, k.kms_key_id, k.reason, SUM(l.status IS NULL AND l.left_out = 0)
    FROM held_key k CROSS JOIN scope s ON s.id = k.scope CROSS JOIN row r ON r.scope = k.scope
    JOIN stand l ON l.row = COALESCE(r.leader, r.row) AND l.kms_key_id = k.kms_key_id
    GROUP BY k.scope, k.kms_key_id ORDER BY MIN(r.row)"""


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


def old_keys(query: Query) -> Iterator[str]:
    """The keys that rows leave or expected to leave, those of the most rows first."""
    return (key for (key,) in query(_OLD_KEYS))


def key_counts(rows: Iterable[tuple[Any, ...]], status_of: Callable[[str], Status]) -> KeyCounts:
    """The target keys, those with the most rows first, in bounded memory however many there are; `rows` as `ROWS`."""
    found = _Most[KeyCount](MOST_KEYS, lambda key: key.rows + key.left_out)
    for _, parts in groupby(rows, key=itemgetter(0)):
        found.add(_count(parts, status_of))
    return KeyCounts(keys=found.kept(), more=found.more)


def _count(parts: Iterator[tuple[Any, ...]], status_of: Callable[[str], Status]) -> KeyCount:
    """One target key; its parts come ordered by the key that they leave."""
    rows, scopes, spellings, left_out = dict.fromkeys(Status, 0), set(), set(), 0
    old_keys = _Most[tuple[int, str]](MOST_OLD_KEYS, itemgetter(0))
    for same_old, of_old_key in groupby(parts, key=itemgetter(1)):
        leaving, spelled = 0, ""
        for _, _, scope, status, apart, count, spelling, old in of_old_key:
            leaving, spelled = leaving + count, spelled or old
            scopes.add(scope)
            spellings.add(spelling)
            left_out += count if apart else 0
            rows[status_of(status)] += 0 if apart else count
        if same_old is not None:
            old_keys.add((leaving, spelled))
    return KeyCount(
        kms_key_id=min(spellings),
        projects=len(scopes),
        counts=tuple(StatusCount(status=status, rows=count) for status, count in rows.items() if count),
        left_out=left_out,
        old_keys=tuple(spelled for _, spelled in old_keys.kept()),
        more_old_keys=old_keys.more,
    )


class _Most(Generic[T]):
    """Keeps the largest of what it is given, in the order in which they came where they are equal."""

    def __init__(self, limit: int, size: Callable[[T], int]) -> None:
        self._limit = limit
        self._size = size
        self._kept: list[T] = []
        self._given = 0

    def add(self, one: T) -> None:
        self._given += 1
        self._kept.append(one)
        if len(self._kept) >= 2 * self._limit:
            self._kept = list(self.kept())

    def kept(self) -> tuple[T, ...]:
        return tuple(nlargest(self._limit, self._kept, key=self._size))

    @property
    def more(self) -> int:
        """How many there were besides."""
        return max(0, self._given - self._limit)
