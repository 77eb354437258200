"""Notices that the write-ahead log of a killed session is missing: what that session put on record went with it.

SQLite removes the log only when a ledger is closed. From the beginning of a session until then `meta` says that there
is one, in the file itself; where there is none then, somebody has taken it away.
"""

import contextlib
import sqlite3
from pathlib import Path

_OPEN, _LOST = "open", "lost"
_COPIED, _BEHIND = "copied", "behind"
_SAY = "INSERT OR REPLACE INTO meta VALUES ('log', ?)"
_LOSSES = {
    _LOST: "{log} is lost, and so is what the last session recorded",
    _BEHIND: "copied during a session, whose later records are lost",
}
_DOUBT = """UPDATE row SET doubt = 1, error_message = 'the last records of the ledger are lost: it may have been sent'
    WHERE status IS NULL AND leader IS NULL AND doubt = 0 AND row NOT IN (SELECT row FROM outcome)"""
CLOSED = f"DELETE FROM meta WHERE key = 'log' AND value = '{_OPEN}'"  # noqa: S608 - its own text
"""What notes that the log is in the file."""


def log_of(path: Path) -> Path:
    """The name that SQLite gives to the log of a ledger."""
    return path.with_name(f"{path.name}-wal")


def has_log(path: Path) -> bool:
    """Whether there is a log with something in it; to be asked before anybody opens the ledger."""
    try:
        return log_of(path).stat().st_size > 0
    except FileNotFoundError:
        return False


def note_session(connection: sqlite3.Connection) -> None:
    """A session begins: from now on there is a log, if this ledger has one at all."""
    connection.execute("DELETE FROM meta WHERE key = 'log'")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        connection.execute(_SAY, (_OPEN,))


def find_lost(connection: sqlite3.Connection, *, had_log: bool) -> str | None:
    """What is lost of the last session, in words that name the `{log}`; every open row is in doubt then, as each may
    have been sent.
    """
    ((said,),) = connection.execute("SELECT MAX(value) FROM meta WHERE key = 'log'").fetchall()
    now = {_OPEN: said if had_log else _LOST, _COPIED: _BEHIND}.get(said, said)
    if now != said:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_DOUBT)
        connection.execute(_SAY, (now,))
        connection.execute("COMMIT")
    return _LOSSES.get(now)


def note_copied(path: Path) -> None:
    """Notes in a copy of a ledger that more may have been recorded after it was made: a reader takes no open
    row for one that was never sent.
    """
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as copy:
        copy.execute(_SAY, (_COPIED,))


def note_closed(connection: sqlite3.Connection) -> None:
    """The ledger is about to be closed, which folds the log back into the file."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.execute(CLOSED)
