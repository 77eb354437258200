"""A file of SQLite that is filled from others of its kind under a temporary name, for those that merge."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from jobs.ledger.schema import ERRORS, blame

_STAGED = "rows.part"


class Assembly:
    """One whose tables are there and empty; what is to be sorted at its end lies in `staged` until then."""

    def __init__(self, part: Path, stage: str) -> None:
        """Opens it; `stage` makes the tables of `staged`, a file beside it.

        Raises:
            LedgerError: it cannot be opened or written.
        """
        self._part = part
        self.connection = sqlite3.connect(f"file:{quote(str(part))}", uri=True, isolation_level=None)
        with self.blaming():
            self.connection.execute("ATTACH ? AS staged", (str(part.with_name(_STAGED)),))
            for name in ("main", "staged"):
                self.connection.execute(f"PRAGMA {name}.journal_mode = OFF").fetchone()
                self.connection.execute(f"PRAGMA {name}.synchronous = OFF")
            # Most of the time goes into sorting, for which there may be another processor.
            self.connection.execute("PRAGMA threads = 2").fetchone()
            self.connection.executescript(stage)

    def columns(self, table: str) -> list[str]:
        """The names of the columns of a table, in their order."""
        found = self.connection.execute("SELECT name FROM pragma_table_info(?, 'main')", (table,))
        return [str(name) for (name,) in found]

    @contextlib.contextmanager
    def attached(self, path: Path) -> Iterator[None]:
        """Another file as `shard`. As nothing else has it open it is read without its locks, which would take a commit
        each.

        Raises:
            LedgerError: that one cannot be read, or this one cannot be written.
        """
        with self.blaming(path):
            self.connection.execute("ATTACH ? AS shard", (f"file:{quote(str(path))}?immutable=1",))
            try:
                yield
            finally:
                self.connection.execute("DETACH shard")

    @contextlib.contextmanager
    def blaming(self, path: Path | None = None) -> Iterator[None]:
        """Makes an error of SQLite's one of a file, this one where no other is given.

        Raises:
            LedgerError: SQLite reports an error.
        """
        try:
            yield
        except ERRORS as error:
            raise blame(path or self._part, error) from error
