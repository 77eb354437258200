"""Puts a whole manifest into a new ledger before anything is sent, and settles which rows ask for the same secret."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import astuple

from jobs.ledger import accounts, schema, waves
from jobs.ledger.counted import Counted
from jobs.ledger.cutting import Cut, cut
from jobs.ledger.forecast import Asks
from jobs.ledger.new_ledger import part_of, seal
from jobs.model import InvalidRow, PlannedRow, Scope, Status
from jobs.shard import Shard, ShardBy

# Values go in in the order of the fields of InvalidRow.
_INVALID = """INSERT INTO row (row, secret_name, kms_key_id, region, project_id, status, error_code, error_message,
    left_out, wave) VALUES (?, ?, ?, ?, ?, 'invalid', ?, ?, ?, ?)"""

# Rows of one secret agree when all of them ask for the same key, description and expected key; neither case nor dashes
# say anything about a key. The separator cannot occur in a key id; quote() keeps an absent description apart from an
# empty one.
_ASKED = """lower(replace(r.kms_key_id, '-', '')) || '|' || quote(r.description)
    || '|' || quote(lower(replace(r.expected_kms_key_id, '-', '')))"""
_SAME_NAMES = "SELECT 1 FROM row GROUP BY secret_name HAVING COUNT(*) > 1"
_REPEATED = """
CREATE TEMP TABLE repeated AS SELECT scope, secret_name, MIN(row) AS leader
FROM row WHERE status IS NULL AND left_out = 0 GROUP BY scope, secret_name HAVING COUNT(*) > 1
"""
_MEMBERS = f"""
CREATE TEMP TABLE member AS
SELECT row, leader, MIN(asked) OVER same = MAX(asked) OVER same AS agree FROM (
    SELECT r.row AS row, d.leader AS leader, {_ASKED} AS asked FROM row r
    JOIN temp.repeated d ON d.scope = r.scope AND d.secret_name = r.secret_name
    WHERE r.status IS NULL AND r.left_out = 0
) WINDOW same AS (PARTITION BY leader)
"""  # noqa: S608 - its own text
_LEAD = """UPDATE row SET leader = m.leader FROM temp.member m
    WHERE row.row = m.row AND m.agree AND m.leader < m.row"""
_CONFLICT = """UPDATE row SET status = 'invalid', error_code = 'invalid.conflict',
    error_message = CASE WHEN m.leader = row.row THEN 'a later row asks for something else for the same secret'
        ELSE 'row ' || m.leader || ' asks for something else for the same secret' END
    FROM temp.member m WHERE row.row = m.row AND NOT m.agree"""
_CARRY = "UPDATE row SET left_out = 3, error_code = NULL, error_message = ? WHERE row = ?"
# In the order of their first rows, whatever becomes of those.
_WAVES = "SELECT wave FROM row WHERE wave IS NOT NULL GROUP BY wave ORDER BY MIN(row) LIMIT ?"
_FOLLOW = "UPDATE row SET wave = l.wave FROM row l WHERE l.row = row.leader AND l.wave IS NOT row.wave"
# The first row that would make one request too many; a repeat of an earlier row stays with it.
_BEYOND = """UPDATE row SET left_out = 2 WHERE status IS NULL AND left_out = 0 AND COALESCE(leader, row) >= (
    SELECT row FROM row WHERE status IS NULL AND left_out = 0 AND leader IS NULL ORDER BY row LIMIT 1 OFFSET ?)"""


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """A row that contradicts another row about the same secret, so neither is sent."""

    row: int
    reason: str


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A row that a job takes along and never sends; `why` its plan could not do it, None where it was not selected."""

    row: int
    why: str | None


class Loader:
    """Fills a ledger under a temporary name; only `finish` gives it the name that can be resumed."""

    def __init__(self, folder: Path) -> None:
        """Starts a new ledger in a folder.

        Raises:
            LedgerError: it cannot be created.
        """
        self._folder = folder
        self._part = part_of(folder)
        self._connection = schema.create(self._part)
        self._scopes: dict[Scope, int] = {}
        self._waves: list[str] = []
        self._counted: Counted | None = Counted()
        self._run("BEGIN")

    def add(self, rows: Iterable[PlannedRow | InvalidRow]) -> int:
        """Writes rows, in manifest order; returns how many of those that are selected are invalid.

        Raises:
            LedgerError: they cannot be written.
        """
        planned: list[PlannedRow] = []
        invalid: list[InvalidRow] = []
        for row in rows:
            if isinstance(row, PlannedRow):
                planned.append(row)
            else:
                invalid.append(row)
        if planned:
            self._add_planned(planned)
        self._many(_INVALID, map(_invalid_values, invalid))
        return sum(row.selected for row in invalid)

    def carry(self, rows: Iterable[Carried]) -> None:
        """Leaves out rows that were added, before repeats are settled: of these, those that a plan could not do.

        Raises:
            LedgerError: they cannot be written.
        """
        if self._many(_CARRY, ((one.why, one.row) for one in rows if one.why is not None)).rowcount > 0:
            self._counted = None

    def settle_repeats(self) -> Iterator[Conflict]:
        """Marks rows that repeat an earlier one as its followers, and rows that contradict each other as invalid.

        Sorting is left to SQLite, which spills to disk, so memory does not grow with the rows. Few manifests have a
        name twice, and to sort the names alone takes half the time.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        if not self._any(_SAME_NAMES):
            return iter(())
        self._run(_REPEATED)
        if not self._any("SELECT 1 FROM temp.repeated"):
            return iter(())
        self._counted = None
        for statement in (_MEMBERS, _LEAD, _CONFLICT):
            self._run(statement)
        found = self._run("SELECT row, error_message FROM row WHERE error_code = 'invalid.conflict' ORDER BY row")
        return (Conflict(row=row, reason=reason) for row, reason in found)

    def settle_waves(self, most: int) -> int:
        """Puts the waves in order, once repeats are settled: a repeat runs with the row that it repeats. Returns how
        many there are, or `most` and one more where there are too many.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        self._waves = [name for (name,) in self._run(_WAVES, (most + 1,))]
        if self._waves:
            self._counted = None
            self._run(_FOLLOW)
        return len(self._waves)

    def leave_out_beyond(self, limit: int) -> None:
        """Leaves out all but the first `limit` rows that would be sent, once repeats and contradictions are settled; a
        repeat belongs to the row that it repeats.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        self._counted = None
        self._run(_BEYOND, (limit,))

    def cut(self, whole: Path, shard: Shard, by: ShardBy) -> Cut:
        """Takes the rows of a shard out of the finished ledger of the whole, in place of any others.

        Raises:
            LedgerError: one of the two cannot be read or written.
        """
        self._counted = None
        self._run("COMMIT")
        try:
            found = cut(self._connection, whole, shard, by)
        except schema.ERRORS as error:
            raise schema.blame(self._part, error) from error
        self._scopes = found.scopes
        return found

    def asks(self) -> Asks | None:
        """What the rows ask for, once all is settled; None where only the finished ledger can say it."""
        return None if self._counted is None else self._counted.asks(self._scopes)

    def finish(self, meta: Iterable[tuple[str, str]]) -> None:
        """Makes the ledger durable and gives it its final name.

        Raises:
            LedgerError: it cannot be written.
        """
        for scope, number in self._scopes.items():
            self._run(
                "INSERT INTO scope (id, endpoint, project_id, region) VALUES (?, ?, ?, ?)",
                (number, scope.endpoint, scope.project_id, scope.region),
            )
        if self._waves:
            self._run("CREATE INDEX row_of_wave ON row (wave, scope, row)")
            meta = (*meta, (waves.META, msgspec.json.encode(self._waves).decode()))
        seal(self._connection, self._folder, (*meta, *accounts.meta_of(self._scopes)))

    def abandon(self) -> None:
        """Closes the file and leaves it unchanged; safe to call twice."""
        self._connection.close()

    def _add_planned(self, rows: list[PlannedRow]) -> None:
        updates = [row.update for row in rows]
        columns: dict[str, list[Any]] = {
            "row": [row.row for row in rows],
            "scope": list(self._scope_ids(rows)),
            "secret_name": [update.secret_name for update in updates],
            "kms_key_id": [update.kms_key_id for update in updates],
            "description": [update.description for update in updates],
            "expected_kms_key_id": [update.expected_kms_key_id for update in updates],
            "left_out": [int(not row.selected) for row in rows],
            "wave": [row.wave for row in rows],
        }
        # To bind nothing takes sqlite3 longer than to bind a text.
        filled = {name: values for name, values in columns.items() if values.count(None) < len(values)}
        marks = ", ".join("?" * len(filled))
        insert = f"INSERT INTO row ({', '.join(filled)}) VALUES ({marks})"  # noqa: S608 - its own names
        self._many(insert, zip(*filled.values(), strict=True))
        if self._counted is not None:
            common = repeat(None), columns["expected_kms_key_id"], repeat(Status.NOT_ATTEMPTED), columns["left_out"]
            self._counted.add(rows, zip(columns["scope"], columns["kms_key_id"], *common, strict=False))

    def _scope_ids(self, rows: list[PlannedRow]) -> Iterator[int]:
        """A place is one object for all its rows, and most rows go where the one before them went."""
        scope, number = None, 0
        for row in rows:
            if row.scope is not scope:
                scope = row.scope
                number = self._scopes.setdefault(scope, len(self._scopes) + 1)
            yield number

    def _run(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise schema.blame(self._part, error) from error

    def _any(self, statement: str) -> bool:
        return self._run(statement).fetchone() is not None

    def _many(self, statement: str, values: Iterable[tuple[object, ...]]) -> sqlite3.Cursor:
        try:
            return self._connection.executemany(statement, values)
        except sqlite3.Error as error:
            raise schema.blame(self._part, error) from error


def _invalid_values(row: InvalidRow) -> tuple[object, ...]:
    *texts, column, reason, selected, wave = astuple(row)
    return (*texts, f"invalid.{column}", reason, int(not selected), wave)
