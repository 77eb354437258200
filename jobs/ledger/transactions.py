"""The two kinds of transaction of a ledger: one that waits for the disk, and one that is carried by the next that does.

The write-ahead log is read from its beginning, and every entry continues the checksum of those before it. So a commit
that has reached the disk (`synchronous=FULL`) can only be found there together with all that was committed before it,
and one that was made without waiting (`NORMAL`) is lost only where everything after it is lost too. SQLite itself waits
for the log before it folds any of it back into the file.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from jobs.ledger import schema

_NORMAL = 1


class Transactions:
    """Makes them on the one connection of a ledger."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @contextlib.contextmanager
    def durable(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, and durable at the end of the block.

        Raises:
            LedgerError: it cannot be written; nothing of the block is recorded.
        """
        try:
            self._roll_back()
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            self._connection.execute("COMMIT")
        except schema.ERRORS as error:
            raise schema.blame(self._path, error) from error

    @contextlib.contextmanager
    def carried(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, and durable no later than the next transaction that is. Where there is no log, as on a
        network filesystem, that is at the end of the block.

        Raises:
            LedgerError: it cannot be written; nothing of the block is recorded.
        """
        try:
            self._roll_back()
            with self._not_waiting(), self.durable() as write:
                yield write
        except schema.ERRORS as error:
            raise schema.blame(self._path, error) from error

    @contextlib.contextmanager
    def _not_waiting(self) -> Iterator[None]:
        ((level,),) = self._connection.execute("PRAGMA synchronous").fetchall()
        if level <= _NORMAL or self._connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            yield
            return
        # Scripts, as SQLite obeys this when it compiles it: a statement that Python keeps might do nothing.
        self._connection.executescript(f"PRAGMA synchronous={_NORMAL}")
        try:
            yield
        finally:
            # The level cannot be changed within a transaction, be it one that failed.
            self._roll_back()
            self._connection.executescript(f"PRAGMA synchronous={level}")

    def _roll_back(self) -> None:
        """Ends what a commit that failed has left open; SQLite itself has rolled back only some kinds of failure."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
