"""The ledger while a run is going: pages of open rows out, intents and outcomes in, each commit durable."""

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec.structs import astuple

from jobs.ledger import before, entries, log_file, schema, sessions, waves
from jobs.ledger.before import KeysBefore, Seen
from jobs.ledger.copies import Copies
from jobs.ledger.entries import Elsewhere, Intent, OpenRow, OpenScope, PaceCell, Parked
from jobs.ledger.sessions import SessionStart
from jobs.ledger.taking_up import take_up
from jobs.ledger.told import Told
from jobs.ledger.transactions import Transactions
from jobs.model import Outcome, Scope
from jobs.run_dir import names

_OPEN = f"""SELECT {entries.OPEN_COLUMNS}
    FROM stand WHERE scope = ? AND row > ? AND status IS NULL AND leader IS NULL AND left_out = 0"""  # noqa: S608 - its own
_AFTER_ALL = 2**62
_INTENT = "INSERT OR REPLACE INTO intent VALUES (?, ?, ?)"
_TAKE_BACK = "DELETE FROM intent WHERE row = ?"
# Values are written in the order of the fields of Parked and Outcome; a column of Parked has the name of its field.
_PARKED = f"""UPDATE row SET {", ".join(f"{name} = ?" for name in Parked.__struct_fields__[1:])}
    WHERE row = ?"""  # noqa: S608 - the names of our own fields
_OUTCOME = "INSERT OR REPLACE INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PACE = "INSERT INTO pace VALUES ((SELECT MAX(id) FROM session), ?, ?, ?, ?, ?, ?, ?)"
_OLD_PACE = "DELETE FROM pace WHERE session = (SELECT MAX(id) FROM session)"


class Ledger:
    """One open ledger, its only user; everything written is durable when the call returns, but for
    a page of a list, which the next intent carries.
    """

    def __init__(self, folder: Path, *, just_made: bool = False) -> None:
        """Opens the ledger of a run; one that this process has `just_made` is not looked through for damage.

        Raises:
            LedgerError: there is none, or it is in use or damaged.
        """
        self.path = folder / names.LEDGER
        had_log = log_file.has_log(self.path)
        self._connection = schema.connect(self.path, just_made=just_made)
        try:
            self._lost = log_file.find_lost(self._connection, had_log=had_log)
        except schema.ERRORS as error:
            self._connection.close()
            raise schema.blame(self.path, error) from error
        self.told = Told(self._connection, self.path)
        transactions = Transactions(self._connection, self.path)
        self._transaction = transactions.durable
        self.keys_before = KeysBefore(self._transaction, transactions.carried)
        self.copies = Copies(self._connection, self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Folds the write-ahead log back into the file and lets go of it; safe to call twice."""
        with contextlib.suppress(*schema.ERRORS):
            log_file.note_closed(self._connection)
        self._connection.close()

    @property
    def loss(self) -> str | None:
        """What is to be said where records of the last session are lost."""
        if self._lost is None:
            return None
        lost = self._lost.format(log=log_file.log_of(self.path).name)
        return f"{self.path}: {lost}; `resume` reads before it sends"

    def meta(self, key: str) -> str:
        """What was stored under `key` when the job was loaded.

        Raises:
            LedgerError: nothing was.
        """
        found = self._all("SELECT value FROM meta WHERE key = ?", (key,))
        if not found:
            raise schema.unreadable(self.path, f"its {key}", "there is none")
        return str(found[0][0])

    def open_scopes(
        self, *, also_failed: bool = False, beyond_limit: bool = False, wave: str | None = None
    ) -> tuple[OpenScope, ...]:
        """Scopes with open rows, in the order the manifest names them; also those with rows that a session would open
        which takes up failed rows, or rows beyond the limit. With a `wave` only its rows count, here and below.
        """
        of_wave, values = waves.condition(wave)
        found = self._all(
            "SELECT s.id, s.endpoint, s.project_id, s.region, COUNT(*)"  # noqa: S608 - its own text
            " FROM stand r JOIN scope s ON s.id = r.scope"
            f" WHERE r.leader IS NULL AND r.left_out IN (0, {2 if beyond_limit else 0}){of_wave}"
            " AND (r.status IS NULL OR (? AND r.status IN ('failed', 'unknown'))) GROUP BY s.id ORDER BY s.id",
            (*values, also_failed),
        )
        return tuple(
            OpenScope(id=number, scope=Scope(endpoint=endpoint, project_id=project, region=region), open_rows=rows)
            for number, endpoint, project, region, rows in found
        )

    def open_rows(
        self, scope_id: int, after_row: int, limit: int, *, tried: bool = False, wave: str | None = None
    ) -> list[OpenRow]:
        """The next open rows of a scope, in manifest order: those that no earlier session has sent, or the others."""
        of_wave, values = waves.condition(wave)
        page = f"{_OPEN} AND tried = ?{of_wave} ORDER BY row LIMIT ?"
        return [entries.open_row(found) for found in self._all(page, (scope_id, after_row, tried, *values, limit))]

    def open_row(self, scope_id: int, where: Elsewhere, *, wave: str | None = None) -> OpenRow | None:
        """One open row of a scope that no earlier session has sent, found elsewhere than the next page; None where
        there is none.
        """
        of_wave, values = waves.condition(wave)
        found = self._all(
            f"{_OPEN} AND tried = 0 AND row < ? AND kms_key_id = COALESCE(?, kms_key_id) AND kms_key_id IS NOT ?"
            f"{of_wave} ORDER BY row {'DESC' if where.backwards else ''} LIMIT 1",
            (scope_id, where.after_row, where.before_row or _AFTER_ALL, where.of_key, where.not_of_key, *values),
        )
        return entries.open_row(found[0]) if found else None

    def last_row(self, scope_id: int, *, wave: str | None = None) -> int:
        """The last row of a scope."""
        of_wave, values = waves.condition(wave)
        last = f"SELECT COALESCE(MAX(row), 0) FROM row WHERE scope = ?{of_wave}"  # noqa: S608 - its own text
        ((row,),) = self._all(last, (scope_id, *values))
        return int(row)

    def lift_limit(self) -> int:
        """Takes in the rows that were left out as too many, and returns how many they are.

        Raises:
            LedgerError: it cannot be written.
        """
        return self._run("UPDATE row SET left_out = 0 WHERE left_out = 2").rowcount

    def begin_session(self, start: SessionStart) -> None:
        """Notes that a run or resume begins, and opens rows again that it may take up; stops of old no longer hold.
        Room for what it will record is taken first.

        Raises:
            LedgerError: it cannot be written.
        """
        self._take_room()
        with self._transaction() as write:
            write.execute(sessions.BEGIN, sessions.begin_values(start))
            write.execute("UPDATE scope SET stopped = NULL WHERE stopped IS NOT NULL")
            write.execute("DELETE FROM held_key")
            take_up(write, also_failed=start.also_failed)
            log_file.note_session(write)
        # In the file itself, so that it is known there also when the log is lost.
        self._run("PRAGMA wal_checkpoint(RESTART)").fetchone()

    def _take_room(self) -> None:
        try:
            schema.take_room(self._connection, rows=self.told.backlog(also_failed=True).open_rows)
        except schema.ERRORS as error:
            raise schema.blame(self.path, error) from error

    def end_session(self, *, ended_at: float, exit_code: int, stopped: str | None) -> None:
        """Notes how the session ended and why it stopped early, if it did."""
        self._run(sessions.END, (ended_at, exit_code, stopped))

    def note_control(self, at: float, words: str) -> None:
        """Notes a change that was made while this session runs, in the words of the command line."""
        self._run(sessions.CONTROL, (at, words))

    def commit(
        self,
        *,
        intents: Sequence[Intent] = (),
        outcomes: Sequence[Outcome] = (),
        parked: Sequence[Parked] = (),
        seen: Sequence[Seen] = (),
    ) -> None:
        """Records all of it in one durable transaction.

        Raises:
            LedgerError: the disk is full or broken; nothing of this call is recorded.
        """
        with self._transaction() as write:
            if seen:
                write.executemany(before.READ, [one.values() for one in seen])
            if parked:
                # A row that was put aside may be sent again in the same commit: what is about to leave counts.
                write.executemany(_PARKED, [(*values, row) for row, *values in map(astuple, parked)])
                write.executemany(_TAKE_BACK, [(one.row,) for one in parked])
            if intents:
                write.executemany(_INTENT, map(astuple, intents))
            if outcomes:
                write.executemany(_OUTCOME, map(entries.outcome_values, outcomes))
                write.execute(sessions.COUNT, (len(outcomes),))

    def keep_pace(self, cells: Sequence[PaceCell]) -> None:
        """Records how the requests of this session have been answered so far, in place of what was recorded before.

        The write-ahead log is folded back at once: also a session that waits for days needs no more room than it took.

        Raises:
            LedgerError: the disk is full or broken; nothing of this call is recorded.
        """
        with self._transaction() as write:
            write.execute(_OLD_PACE)
            write.executemany(_PACE, map(astuple, cells))
        if not self.copies.under_way:
            self._run("PRAGMA wal_checkpoint(RESTART)").fetchone()

    def stop_scope(self, scope_id: int, reason: str) -> None:
        """Notes why a scope's remaining rows are not attempted."""
        self._run("UPDATE scope SET stopped = ? WHERE id = ?", (reason, scope_id))

    def hold_key(self, scope_id: int, kms_key_id: str, reason: str) -> None:
        """Notes why the remaining rows of one key in a scope are not attempted."""
        self._run("INSERT OR REPLACE INTO held_key VALUES (?, ?, ?)", (scope_id, kms_key_id, reason))

    def release_key(self, scope_id: int, kms_key_id: str) -> None:
        """Takes that back."""
        self._run("DELETE FROM held_key WHERE scope = ? AND kms_key_id = ?", (scope_id, kms_key_id))

    def _all(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """Every row of an answer: a damaged page shows only when it is stepped on."""
        try:
            return self._connection.execute(statement, values).fetchall()
        except schema.ERRORS as error:
            raise schema.blame(self.path, error) from error

    def _run(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, values)
        except schema.ERRORS as error:
            raise schema.blame(self.path, error) from error
