"""Copies of a ledger that outlive its disk: made during a session, or once it has ended."""

import sqlite3
from pathlib import Path

from jobs.ledger import schema
from jobs.ledger.log_file import note_copied


class Copies:
    """Makes them, on the connection that the ledger is open with: no other one may read it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def make(self, file: Path, *, live: bool) -> None:
        """Writes all that is on record by now into a new file; with `live`, the recording session continues after it.

        Raises:
            LedgerError: it cannot be read, or the file cannot be written.
        """
        try:
            self._connection.execute("VACUUM INTO ?", (str(file),))
            if live:
                note_copied(file)
        except schema.ERRORS as error:
            raise schema.blame(self._path, error) from error


def mark_behind(file: Path) -> None:
    """Says of a copy that is not the last word that it is not.

    Raises:
        LedgerError: it cannot be written.
    """
    try:
        note_copied(file)
    except schema.ERRORS as error:
        raise schema.blame(file, error) from error
