"""Copies of a ledger that outlive its disk: made during a session, or once it has ended."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event

from jobs.ledger import schema
from jobs.ledger.log_file import note_copied


class Copies:
    """Makes them of the ledger that a connection has open."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self.under_way = False
        """One is being made: its file is read, so that the log may not be folded back into it."""

    def make(self, file: Path) -> None:
        """Writes all that is on record into a new file, which is the last word on it.

        Raises:
            LedgerError: it cannot be read, or the file cannot be written.
        """
        self._require_room(file)
        try:
            self._connection.execute("VACUUM INTO ?", (str(file),))
        except schema.ERRORS as error:
            raise schema.blame(self._path, error) from error

    @contextlib.contextmanager
    def begun(self, file: Path) -> Iterator[Callable[[], None]]:
        """While the block lasts, what it gives may be called in any thread: it writes all that was on record when the
        block began into a new file, and that the recording session continues after it.

        The log is not folded back meanwhile, so that the ledger's own file stands still. It is read without its lock
        and without the log: its only user remains the only one. Where there is no log, as on a network filesystem, the
        copy is made at once.

        Raises:
            LedgerError: it cannot be read, or the file cannot be written; also by what it gives.
        """
        if not self._logs():
            self.make(file)
            yield partial(mark_behind, file)
            return
        self._require_room(file)
        over = Event()
        try:
            self._stand_still()
            yield lambda: self._copy(file, over)
        finally:
            over.set()
            self.under_way = False
            with contextlib.suppress(*schema.ERRORS):
                self._connection.execute(f"PRAGMA wal_autocheckpoint={schema.LOG_PAGES}").fetchone()

    def _stand_still(self) -> None:
        self.under_way = True
        try:
            self._connection.execute("PRAGMA wal_autocheckpoint=0").fetchone()
            busy, logged, folded = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except schema.ERRORS as error:
            raise schema.blame(self._path, error) from error
        if busy or logged != folded:
            raise schema.LedgerError(self._path, "its log could not be folded back")

    def _copy(self, file: Path, over: Event) -> None:
        try:
            with contextlib.closing(schema.looking(self._path)) as connection:
                connection.execute("VACUUM INTO ?", (str(file),))
        except schema.ERRORS as error:
            raise schema.blame(self._path, error) from error
        if over.is_set():
            raise schema.LedgerError(self._path, "it was written to while it was copied")
        mark_behind(file)

    def _logs(self) -> bool:
        try:
            return bool(self._connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal")
        except schema.ERRORS as error:
            raise schema.blame(self._path, error) from error

    def _require_room(self, file: Path) -> None:
        """A copy that fills the disk would take the room of what is recorded meanwhile."""
        try:
            pages, unused, page_bytes = (
                self._connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            if shutil.disk_usage(file.parent).free < (pages - unused) * page_bytes:
                raise schema.LedgerError(file, "no room on the disk for a copy of the ledger", full=True)
        except schema.ERRORS as error:
            raise schema.blame(self._path, error) from error
        except OSError as error:
            raise schema.LedgerError(file, error.strerror or str(error)) from error


def mark_behind(file: Path) -> None:
    """Says of a copy that is not the last word that it is not.

    Raises:
        LedgerError: it cannot be written.
    """
    try:
        note_copied(file)
    except schema.ERRORS as error:
        raise schema.blame(file, error) from error
