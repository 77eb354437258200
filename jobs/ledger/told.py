"""What a ledger tells: every row's outcome in manifest order, and their counts."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from jobs.ledger.entries import PaceCell
from jobs.ledger.schema import ERRORS, blame, unreadable
from jobs.model import Count, Group, Moment, Outcome, Status, StatusCount
from jobs.run_view import Backlog

T = TypeVar("T")
_BLOCK = 5_000
_TOLD = """secret_name, kms_key_id, region, project_id, row, status, attempts, http_status, error_code, error_message,
    request_id, started_at, finished_at, elapsed_ms"""


class ToldRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One manifest row and how it ended; texts of an invalid row are the manifest's own, unchecked."""

    secret_name: str
    kms_key_id: str
    region: str
    project_id: str
    outcome: Outcome


class ErrorCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows ended with one status and error code, and which ones for example."""

    status: Status
    error_code: str
    rows: int
    samples: tuple[ToldRow, ...]


class ScopeCount(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of one scope stand."""

    endpoint: str
    project_id: str
    region: str | None
    stopped: str | None
    rows: int
    done: int


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run or resume; UTC seconds since 1970. `ended_at` None: it was killed or is still going.

    Of the requests that are on record as `sent`, some were `refused` for their rate and some `unanswered`, most of
    these with `code`.
    """

    id: int
    started_at: Moment
    ended_at: Moment | None
    exit_code: Annotated[int, msgspec.Meta(ge=0, le=255)] | None
    stopped: str | None
    sent: Count = 0
    refused: Count = 0
    unanswered: Count = 0
    code: str | None = None


class HeldKey(msgspec.Struct, frozen=True, kw_only=True):
    """A KMS key whose rows are not attempted, of which there are `rows`, and why."""

    project_id: str
    region: str | None
    kms_key_id: str
    reason: str
    rows: int


_SESSION = SessionRecord.__struct_fields__
_CELL = PaceCell.__struct_fields__
_OUTCOME = Outcome.__struct_fields__
_SESSIONS = """SELECT s.id, s.started_at, s.ended_at, s.exit_code, s.stopped, COALESCE(SUM(p.sent), 0),
    COALESCE(SUM(p.refused), 0), COALESCE(SUM(p.unanswered), 0), (SELECT c.code FROM pace c
        WHERE c.session = s.id AND c.code IS NOT NULL GROUP BY c.code ORDER BY SUM(c.unanswered) DESC LIMIT 1)
    FROM session s LEFT JOIN pace p ON p.session = s.id GROUP BY s.id ORDER BY s.id"""


class Told:
    """Reads from an open ledger; every method runs in constant memory, and raises `LedgerError` where it is damaged."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def require_readable(self) -> None:
        """Reads all there is but the rows themselves, of which only how many ended how: before anything is sent."""
        self.counts()
        self.sessions()
        for _ in self.pace():
            pass

    def rows(self) -> Iterator[ToldRow]:
        """Every manifest row once, in manifest order."""
        return self._rows("")

    def rows_of(self, group: Group) -> Iterator[ToldRow]:
        """The rows of one group, in manifest order."""
        return self._rows(f"WHERE status IN ({_quoted(group)})")

    def row_numbers_of(self, group: Group) -> Iterator[int]:
        """The same as plain row numbers."""
        numbers = f"SELECT row FROM told WHERE status IN ({_quoted(group)}) ORDER BY row"  # noqa: S608 - from an enum
        return (row for (row,) in self._query(numbers))

    def counts(self) -> tuple[StatusCount, ...]:
        """Rows by status, every status once, in the order of `Status`."""
        found = self._by_status("SELECT status, COUNT(*) FROM told GROUP BY status")
        return tuple(StatusCount(status=status, rows=found.get(status, 0)) for status in Status)

    def backlog(self, *, also_failed: bool = False) -> Backlog:
        """How many rows are open, also those that a session which takes failed rows up again will open, and how the
        others ended.
        """
        rows = self._by_status("SELECT status, COUNT(*) FROM row WHERE leader IS NULL GROUP BY status")
        again = (None, Status.FAILED, Status.UNKNOWN) if also_failed else (None,)
        return Backlog(
            open_rows=sum(rows.pop(status, 0) for status in again),
            ended=tuple(StatusCount(status=status, rows=count) for status, count in rows.items() if status),
        )

    def scopes(self) -> tuple[ScopeCount, ...]:
        """Every scope with its rows, in the order the manifest names them."""
        found = self._query(
            "SELECT s.endpoint, s.project_id, s.region, s.stopped, COUNT(*),"  # noqa: S608 - built from an enum
            f" COUNT(CASE WHEN l.status IN ({_quoted(Group.DONE)}) THEN 1 END)"
            " FROM row r JOIN row l ON l.row = COALESCE(r.leader, r.row) JOIN scope s ON s.id = r.scope"
            " GROUP BY s.id ORDER BY s.id"
        )
        return tuple(
            ScopeCount(endpoint=endpoint, project_id=project, region=region, stopped=stopped, rows=rows, done=done)
            for endpoint, project, region, stopped, rows, done in found
        )

    def sessions(self) -> tuple[SessionRecord, ...]:
        """Every run and resume of this job, oldest first."""
        return tuple(
            self._read(SessionRecord, _SESSION, f"session {values[0]}", values) for values in self._query(_SESSIONS)
        )

    def pace(self) -> Iterator[tuple[int, PaceCell]]:
        """How requests were answered over time: each cell behind the number of its session, oldest first."""
        cells = (
            f"SELECT session, {', '.join(_CELL)} FROM pace WHERE session IN (SELECT id FROM session)"  # noqa: S608 - its own names
            " ORDER BY session, at_s"
        )
        for session, *values in self._query(cells):
            yield session, self._read(PaceCell, _CELL, f"the pace of session {session}", values)

    def held_keys(self) -> tuple[HeldKey, ...]:
        """The keys that are held back, in the order of their first rows."""
        found = self._query(
            "SELECT s.project_id, s.region, k.kms_key_id, k.reason, SUM(l.status IS NULL) FROM held_key k"
            " JOIN scope s ON s.id = k.scope JOIN row r ON r.scope = k.scope AND r.kms_key_id = k.kms_key_id"
            " JOIN row l ON l.row = COALESCE(r.leader, r.row) GROUP BY k.scope, k.kms_key_id ORDER BY MIN(r.row)"
        )
        return tuple(
            HeldKey(project_id=project, region=region, kms_key_id=key, reason=reason, rows=rows)
            for project, region, key, reason, rows in found
        )

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
            raise unreadable(self._path, f"status {text!a}", "not one that it knows") from None

    def _rows(self, where: str) -> Iterator[ToldRow]:
        told = f"SELECT {_TOLD} FROM told {where} ORDER BY row"  # noqa: S608 - its own text
        for name, key, region, project, *outcome in self._query(told):
            ended = self._read(Outcome, _OUTCOME, f"row {outcome[0]}", outcome)
            yield ToldRow(secret_name=name, kms_key_id=key, region=region, project_id=project, outcome=ended)

    def _read(self, kind: type[T], fields: tuple[str, ...], what: str, values: Sequence[Any]) -> T:
        try:
            return msgspec.convert(dict(zip(fields, values, strict=True)), kind)
        except msgspec.ValidationError as error:
            raise unreadable(self._path, what, error) from error

    def _query(self, statement: str) -> Iterator[tuple[Any, ...]]:
        try:
            cursor = self._connection.execute(statement)
            while block := cursor.fetchmany(_BLOCK):
                yield from block
        except ERRORS as error:
            raise blame(self._path, error) from error


def _quoted(group: Group) -> str:
    return ", ".join(f"'{status.value}'" for status in Status if status.group is group)
