"""The key before: what the service showed of a secret before our first PUT, kept with its row once and for good."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from sqlite3 import Connection

import msgspec

from jobs.ledger.entries import OPEN_COLUMNS, ListedKey, OpenRow, open_row

Transaction = Callable[[], AbstractContextManager[Connection]]
"""All of a block or nothing."""


class SeenBy(StrEnum):
    """How the key before became known."""

    LIST = "list"
    READ = "read"


# Names are looked up in a table that lasts as long as the connection: a list may come in any order and twice over, and
# a million names are too many to hold. It spills to disk where it grows large.
_NAMES = """CREATE TABLE IF NOT EXISTS temp.listing (scope INTEGER NOT NULL, secret_name TEXT NOT NULL,
    row INTEGER NOT NULL, PRIMARY KEY (scope, secret_name)) STRICT, WITHOUT ROWID"""
_OPEN = "status IS NULL AND leader IS NULL AND left_out = 0"
_UNSEEN = "before_how IS NULL AND attempts = 0 AND doubt = 0"
"""Nothing was sent for the row, and its key before is not known."""
_LAY_OUT = f"""INSERT OR REPLACE INTO temp.listing SELECT scope, secret_name, row FROM stand
    WHERE scope = ? AND {_OPEN}"""  # noqa: S608 - its own text
_COUNT_UNSEEN = f"SELECT COUNT(*) FROM stand WHERE scope = ? AND {_OPEN} AND {_UNSEEN}"  # noqa: S608 - the same
# A page at a time: two statements for each of its names would cost a run a tenth of its CPU.
_OF_PAGE = "scope = ? AND secret_name IN (SELECT value FROM json_each(?))"
_SHOWN = f"SELECT {OPEN_COLUMNS} FROM stand WHERE row IN (SELECT row FROM temp.listing WHERE {_OF_PAGE})"  # noqa: S608 - the same
_TAKEN = f"DELETE FROM temp.listing WHERE {_OF_PAGE}"  # noqa: S608 - the same
_LISTED = f"UPDATE row SET before_kms_key_id = ?, before_how = '{SeenBy.LIST}' WHERE row = ?"  # noqa: S608 - the same
_UNLISTED = "UPDATE scope SET unlisted = ? WHERE id = ? AND unlisted IS NOT ?"
READ = f"""UPDATE row SET before_kms_key_id = ?, before_how = '{SeenBy.READ}' WHERE row = ? AND {_UNSEEN}
    AND NOT EXISTS (SELECT 1 FROM intent i WHERE i.row = row.row AND i.attempts > ?)"""  # noqa: S608 - the same
"""For a row whose first PUT has not left, though it may be on record as about to."""


class Seen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A read showed the key of a row for which nothing has been sent; with `intended` its first PUT is on record as
    about to leave.
    """

    row: int
    kms_key_id: str
    intended: bool

    def values(self) -> tuple[object, ...]:
        """As `READ` takes them."""
        return (self.kms_key_id, self.row, int(self.intended))


class KeysBefore:
    """Matches a project's list, page by page, with the open rows of one scope, and records what it showed."""

    def __init__(self, transaction: Transaction, carried: Transaction) -> None:
        """What is `carried` is durable no later than an intent that is committed after it: a page that a crash takes
        back was followed by no PUT, and is asked for again.
        """
        self._transaction = transaction
        self._carried = carried

    def begin(self, scope_id: int) -> int:
        """Gets ready for the list of a scope; how many of its rows are unseen: nothing was sent for them, and their
        key before is not known.

        Raises:
            LedgerError: the ledger cannot be read, or there is no room for the names.
        """
        with self._transaction() as write:
            write.execute(_NAMES)
            write.execute(_LAY_OUT, (scope_id,))
            ((unseen,),) = write.execute(_COUNT_UNSEEN, (scope_id,)).fetchall()
        return int(unseen)

    def note(self, scope_id: int, page: Sequence[ListedKey]) -> list[tuple[OpenRow, ListedKey]]:
        """Records a page in one transaction, and returns the open rows that it shows, as they were before. A
        secret that a list shows twice counts as it was shown first.

        Raises:
            LedgerError: it cannot be written; nothing of this call is recorded.
        """
        first = {one.secret_name: one for one in reversed(page)}
        of_page = (scope_id, msgspec.json.encode(list(first)).decode())
        with self._carried() as write:
            rows = [open_row(values) for values in write.execute(_SHOWN, of_page)]
            shown = [(row, first[row.update.secret_name]) for row in rows]
            write.execute(_TAKEN, of_page)
            write.executemany(_LISTED, [(one.kms_key_id, row.row) for row, one in shown if row.unseen])
        return shown

    def end(self, scope_id: int, failed: str | None) -> None:
        """The list is over, or it `failed`, which is kept with the scope until another one does not.

        Raises:
            LedgerError: it cannot be written.
        """
        with self._transaction() as write:
            write.execute("DELETE FROM temp.listing WHERE scope = ?", (scope_id,))
            write.execute(_UNLISTED, (failed, scope_id, failed))
