"""Gives a ledger that was just filled its name: only then can it be run, resumed or reported."""

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from jobs.ledger import schema
from jobs.run_dir import names
from jobs.run_dir.durable import rename_durably

# Pages of one scope are read by (scope, row); with a single scope the table itself is in that order.
_SCOPE_INDEX = "CREATE INDEX row_of_scope ON row (scope, row)"
_WASTE = 0.1
"""How much of a file may be unused."""
_META = "INSERT INTO meta (key, value) VALUES (?, ?)"


def part_of(folder: Path) -> Path:
    """What the ledger of a folder is called while it is filled."""
    return folder / f"{names.LEDGER}.part"


def seal(
    connection: sqlite3.Connection, folder: Path, meta: Iterable[tuple[str, str]], *, for_runs: bool = True
) -> None:
    """Makes the ledger of a folder durable under its final name, and closes it. Room of rows that were
    taken out again is given back. One that is not `for_runs` is only read, as a whole.

    Raises:
        LedgerError: it cannot be written.
    """
    part, final = part_of(folder), folder / names.LEDGER
    try:
        ((scopes,),) = connection.execute("SELECT COUNT(*) FROM scope").fetchall()
        if for_runs and scopes > 1:
            connection.execute(_SCOPE_INDEX)
        connection.executemany(_META, list(meta))
        connection.execute("COMMIT")
        _shrink(connection, part)
        connection.close()
        rename_durably(part, final)
    except sqlite3.Error as error:
        raise schema.blame(part, error) from error
    except OSError as error:
        raise schema.LedgerError(final, str(error)) from error


def _shrink(connection: sqlite3.Connection, part: Path) -> None:
    unused, pages = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count"))
    if unused < pages * _WASTE:
        return
    # In its own folder: a plain VACUUM would need the room in that of temporary files.
    small = part.with_name(f"{part.name}.small")
    os.close(os.open(small, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection.execute("VACUUM INTO ?", (str(small),))
    connection.close()
    small.replace(part)
