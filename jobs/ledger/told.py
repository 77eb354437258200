"""What a ledger tells: every row's outcome in manifest order, and their counts."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from jobs.ledger import keys
from jobs.ledger.entries import PaceCell
from jobs.ledger.keys import HeldKey, KeyCounts
from jobs.ledger.schema import LedgerError, blame
from jobs.ledger.sessions import SESSIONS, SessionRecord, session_of
from jobs.model import Group, Outcome, Status, StatusCount
from jobs.run_view import Backlog

_BLOCK = 5_000
_TOLD = """secret_name, kms_key_id, region, project_id, left_out, row, status, attempts, http_status, error_code,
    error_message, request_id, started_at, finished_at, elapsed_ms"""


class ToldRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One manifest row and how it ended; texts of an invalid row are the manifest's own, unchecked. One that was
    `left_out` was not selected for the job: it is not attempted, and nothing is to be done about it.
    """

    secret_name: str
    kms_key_id: str
    region: str
    project_id: str
    outcome: Outcome
    left_out: bool = False


class ErrorCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows ended with one status and error code, and which ones for example; with a `kms_key_id`, which its
    code blames, those of this key.
    """

    status: Status
    error_code: str
    rows: int
    samples: tuple[ToldRow, ...]
    kms_key_id: str | None = None


class ScopeCount(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of one scope stand, of which some were left out."""

    endpoint: str
    project_id: str
    region: str | None
    stopped: str | None
    rows: int
    done: int
    left_out: int = 0


_CELL = PaceCell.__struct_fields__


class Told:
    """Reads from an open ledger; every method runs in constant memory, and raises `LedgerError` where it is damaged."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def rows(self) -> Iterator[ToldRow]:
        """Every manifest row once, in manifest order."""
        return self._rows("")

    def rows_of(self, group: Group) -> Iterator[ToldRow]:
        """The rows of one group but those left out, in manifest order."""
        return self._rows(f"WHERE status IN ({_quoted(group)}) AND left_out = 0")

    def row_numbers_of(self, group: Group) -> Iterator[int]:
        """The same as plain row numbers."""
        where = f"status IN ({_quoted(group)}) AND left_out = 0"
        numbers = f"SELECT row FROM told WHERE {where} ORDER BY row"  # noqa: S608 - built from an enum
        return (row for (row,) in self._query(numbers))

    def counts(self) -> tuple[StatusCount, ...]:
        """Rows by status, every status once, in the order of `Status`; those left out are not among them."""
        found = self._by_status("SELECT status, COUNT(*) FROM told WHERE left_out = 0 GROUP BY status")
        return tuple(StatusCount(status=status, rows=found.get(status, 0)) for status in Status)

    def left_out(self) -> int:
        """How many rows were left out."""
        ((rows,),) = self._query("SELECT COUNT(*) FROM told WHERE left_out <> 0")
        return int(rows)

    def backlog(self, *, also_failed: bool = False) -> Backlog:
        """How many rows are open, also those that a session which takes failed rows up again will open, and how the
        others ended.
        """
        rows = self._by_status("SELECT status, COUNT(*) FROM row WHERE leader IS NULL AND left_out = 0 GROUP BY status")
        again = (None, Status.FAILED, Status.UNKNOWN) if also_failed else (None,)
        return Backlog(
            open_rows=sum(rows.pop(status, 0) for status in again),
            ended=tuple(StatusCount(status=status, rows=count) for status, count in rows.items() if status),
        )

    def scopes(self) -> tuple[ScopeCount, ...]:
        """Every scope with its rows, in the order the manifest names them."""
        found = self._query(
            "SELECT s.endpoint, s.project_id, s.region, s.stopped, COUNT(*),"  # noqa: S608 - built from an enum
            f" COUNT(CASE WHEN l.status IN ({_quoted(Group.DONE)}) THEN 1 END), SUM(l.left_out <> 0)"
            " FROM row r JOIN row l ON l.row = COALESCE(r.leader, r.row) JOIN scope s ON s.id = r.scope"
            " GROUP BY s.id ORDER BY s.id"
        )
        return tuple(ScopeCount(**dict(zip(ScopeCount.__struct_fields__, values, strict=True))) for values in found)

    def sessions(self) -> tuple[SessionRecord, ...]:
        """Every run and resume of this job, oldest first."""
        try:
            return tuple(map(session_of, self._query(SESSIONS)))
        except msgspec.MsgspecError as error:
            raise LedgerError(self._path, f"a session cannot be read by this release: {error}") from error

    def pace(self) -> Iterator[tuple[int, PaceCell]]:
        """How requests were answered over time: each cell behind the number of its session, oldest first."""
        cells = f"SELECT session, {', '.join(_CELL)} FROM pace ORDER BY session, at_s"  # noqa: S608 - its own names
        for session, *values in self._query(cells):
            yield session, PaceCell(**dict(zip(_CELL, values, strict=True)))

    def held_keys(self) -> tuple[HeldKey, ...]:
        """The keys that are held back, in the order of their first rows."""
        return keys.held_keys(self._query)

    def keys(self) -> KeyCounts:
        """How the rows of each target key stand, those with the most rows first."""
        return keys.key_counts(self._query, self._status)

    def accepted_keys(self, scope_id: int) -> frozenset[str]:
        """The keys that rows of a scope were updated with so far."""
        found = self._query(
            "SELECT DISTINCT kms_key_id FROM row"  # noqa: S608 - built from numbers and an enum
            f" WHERE scope = {scope_id:d} AND status IN ('{Status.UPDATED}', '{Status.VERIFIED}')"
        )
        return frozenset(key for (key,) in found)

    def longest_timeout_s(self) -> float:
        """The most time that any session gave an attempt; none of theirs is applied later than that after its end."""
        ((longest_s,),) = self._query("SELECT COALESCE(MAX(timeout_s), 0.0) FROM session")
        return float(longest_s)

    def _by_status(self, statement: str) -> dict[Status | None, int]:
        """Counts by status; None stands for rows that are open."""
        return {None if text is None else self._status(text): rows for text, rows in self._query(statement)}

    def _status(self, text: str) -> Status:
        try:
            return Status(text)
        except ValueError:
            raise LedgerError(self._path, f"status {text!a} is not one that this release knows") from None

    def _rows(self, where: str) -> Iterator[ToldRow]:
        told = f"SELECT {_TOLD} FROM told {where} ORDER BY row"  # noqa: S608 - its own text
        for name, key, region, project, left_out, *outcome in self._query(told):
            try:
                ended = _outcome(outcome)
            except msgspec.ValidationError as error:
                raise LedgerError(self._path, f"row {outcome[0]} cannot be read by this release: {error}") from error
            yield ToldRow(
                secret_name=name,
                kms_key_id=key,
                region=region,
                project_id=project,
                outcome=ended,
                left_out=bool(left_out),
            )

    def _query(self, statement: str) -> Iterator[tuple[Any, ...]]:
        try:
            cursor = self._connection.execute(statement)
            while block := cursor.fetchmany(_BLOCK):
                yield from block
        except sqlite3.Error as error:
            raise blame(self._path, error) from error


def _outcome(values: list[Any]) -> Outcome:
    fields = Outcome.__struct_fields__
    return msgspec.convert(dict(zip(fields, values, strict=True)), Outcome)


def _quoted(group: Group) -> str:
    return ", ".join(f"'{status.value}'" for status in Status if status.group is group)
