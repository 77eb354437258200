"""What a ledger knows: every row's outcome in manifest order, and their counts."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from jobs.forecast import PlaceCount, Sample
from jobs.ledger import accounts, keys, places, scope_counts, waves
from jobs.ledger.asked import AskedRow, asked_rows
from jobs.ledger.entries import PaceCell
from jobs.ledger.keys import HeldKey, KeyCounts
from jobs.ledger.passed_rows import PassedRows
from jobs.ledger.schema import ERRORS, blame, unreadable
from jobs.ledger.scope_counts import ScopeCount, quoted
from jobs.ledger.sessions import LATE_UPDATE_S, SESSIONS, SessionRecord, session_of
from jobs.ledger.standings import Standings
from jobs.ledger.told_row import ToldBlock, ToldRow
from jobs.ledger.told_rows import COLUMNS, ROWS, told_blocks
from jobs.model import Group, Status, StatusCount
from jobs.next_run import SoFar
from jobs.run_view import Backlog

T = TypeVar("T")
_BLOCK = 500


class ErrorCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows ended with one status and error code, and which ones for example; with a `kms_key_id`, which its
    code blames, those of this key.
    """

    status: Status
    error_code: str
    rows: int
    samples: tuple[ToldRow, ...]
    kms_key_id: str | None = None


_CELL = PaceCell.__struct_fields__


class Told:
    """Reads from an open ledger; every method runs in constant memory, and raises `LedgerError` where it is damaged."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._standings = Standings(self._written, self._query, self._status)

    def require_readable(self) -> None:
        """Reads all there is but the rows themselves, of which only how many ended how: before anything is sent."""
        self.counts()
        self.sessions()
        for _ in self.pace():
            pass

    def rows(self) -> Iterator[ToldRow]:
        """Every manifest row once, in manifest order."""
        return self._rows("")

    def blocks(self, passed: PassedRows) -> Iterator[ToldBlock]:
        """The same block by block; they are counted in `passed` meanwhile."""
        for block in self._told_blocks(""):
            passed.count(block)
            yield block

    def rows_of(self, group: Group) -> Iterator[ToldRow]:
        """The rows of one group but those left out, in manifest order."""
        return self._rows(f"WHERE status IN ({quoted(group)}) AND left_out = 0")

    def counts(self) -> tuple[StatusCount, ...]:
        """Rows by status, every status once, in the order of `Status`; those left out are not among them."""
        return self._standings.counts()

    def left_out(self) -> int:
        """How many rows were left out."""
        return self._standings.left_out()

    def carried(self) -> int:
        """How many of them are there because the plan could not do them."""
        return self._standings.carried()

    def backlog(self, *, also_failed: bool = False) -> Backlog:
        """How many rows are open, also those that a session which takes failed rows up again will open, and how the
        others ended.
        """
        return self._standings.backlog(also_failed=also_failed)

    def so_far(self) -> SoFar:
        """How far the job has come; rows that repeat an earlier one count with it."""
        return self._standings.so_far()

    def scopes(self, passed: PassedRows | None = None) -> tuple[ScopeCount, ...]:
        """Every scope with its rows, in the order the manifest names them; all rows were `passed` by, if any."""
        rows = scope_counts.scope_rows(self._query) if passed is None else passed.scopes()
        return tuple(scope_counts.scope_counts(self._query, rows))

    def asked(self) -> Iterator[AskedRow]:
        """What each row asks for, in manifest order."""
        return asked_rows(self._query)

    def sessions(self) -> tuple[SessionRecord, ...]:
        """Every run and resume of this job, oldest first."""
        return tuple(map(self._session, self._query(SESSIONS)))

    def _session(self, values: tuple[Any, ...]) -> SessionRecord:
        try:
            return session_of(values)
        except msgspec.MsgspecError as error:
            raise unreadable(self._path, f"session {values[0]}", error) from error

    def pace(self) -> Iterator[tuple[int, PaceCell]]:
        """How requests were answered over time: each cell behind the number of its session, oldest first."""
        cells = (
            f"SELECT session, {', '.join(_CELL)} FROM pace WHERE session IN (SELECT id FROM session)"  # noqa: S608 - its own names
            " ORDER BY session, at_s"
        )
        for session, *values in self._query(cells):
            yield session, self._read(PaceCell, _CELL, f"the pace of session {session}", values)

    def accounts(self) -> tuple[accounts.ScopeAccount, ...]:
        """Whose project that of each scope is."""
        return accounts.scope_accounts(self._query)

    def waves(self) -> tuple[waves.WaveCount, ...]:
        """How the rows of each wave stand, in the order in which they run."""
        return waves.wave_counts(self._query, self._status)

    def held_keys(self) -> tuple[HeldKey, ...]:
        """The keys that are held back, in the order of their first rows."""
        return keys.held_keys(self._query)

    def keys(self, passed: PassedRows | None = None) -> KeyCounts:
        """How the rows of each target key stand, those with the most rows first; all rows were `passed` by, if any."""
        if passed is not None and passed.keys().known:
            return passed.keys().key_counts(self._status)
        return keys.key_counts(self._query(keys.ROWS), self._status)

    def old_keys(self) -> Iterator[str]:
        """The keys that rows leave, as the service showed them before, or expected to leave; the most used first."""
        return keys.old_keys(self._query)

    def places(self) -> tuple[tuple[str | None, PlaceCount], ...]:
        """The projects of rows that are still to be sent, in manifest order, once for each of their waves."""
        return places.place_counts(self._query)

    def samples(self) -> tuple[Sample, ...]:
        """The first rows that are still to be sent."""
        return places.samples(self._query)

    def lands_within_s(self) -> float:
        """How long after the end of its session a PUT of any of them may still be applied."""
        ((longest_s,),) = self._query("SELECT COALESCE(MAX(timeout_s), 0.0) FROM session")
        return max(float(longest_s), LATE_UPDATE_S)

    def unsettled(self) -> bool:
        """Whether the fate of a PUT was ever open, so that it may be applied after the row has ended."""
        found = self._query("SELECT 1 FROM stand WHERE attempts > 1 OR doubt OR status = 'verified' LIMIT 1")
        return bool(list(found))

    def _status(self, text: str) -> Status:
        try:
            return Status(text)
        except ValueError:
            raise unreadable(self._path, f"status {text!a}", "not one that it knows") from None

    def _rows(self, where: str) -> Iterator[ToldRow]:
        return chain.from_iterable(block.told() for block in self._told_blocks(where))

    def _told_blocks(self, where: str) -> Iterator[ToldBlock]:
        told = f"SELECT {COLUMNS} FROM ({ROWS}) {where} ORDER BY row"  # noqa: S608 - its own text
        scopes = {one.id: one.scope for one in self.accounts()}
        return told_blocks(self._blocks(told), self._path, scopes)

    def _read(self, kind: type[T], fields: tuple[str, ...], what: str, values: Sequence[Any]) -> T:
        try:
            return msgspec.convert(dict(zip(fields, values, strict=True)), kind)
        except msgspec.ValidationError as error:
            raise unreadable(self._path, what, error) from error

    def _written(self) -> int:
        try:
            return self._connection.total_changes
        except ERRORS as error:
            raise blame(self._path, error) from error

    def _query(self, statement: str) -> Iterator[tuple[Any, ...]]:
        return chain.from_iterable(self._blocks(statement))

    def _blocks(self, statement: str) -> Iterator[list[tuple[Any, ...]]]:
        try:
            cursor = self._connection.execute(statement)
            while block := cursor.fetchmany(_BLOCK):
                yield block
        except ERRORS as error:
            raise blame(self._path, error) from error
