"""Puts the rows of several shards' ledgers into one, as if a single run had done them all."""

from collections.abc import Iterable
from pathlib import Path

from jobs.ledger import accounts, schema
from jobs.ledger.assembly import Assembly
from jobs.ledger.new_ledger import part_of, seal

# What is sorted there at the end: rows of shards interleave, and a table that is filled out of order takes long.
# The cache has room for a page of each of a few thousand shards.
_STAGE = """
PRAGMA staged.cache_size = -12000;
CREATE TABLE staged.row AS SELECT * FROM main.row LIMIT 0;
CREATE TABLE staged.intent AS SELECT * FROM main.intent LIMIT 0;
CREATE TABLE staged.outcome AS SELECT * FROM main.outcome LIMIT 0;
CREATE TABLE staged.account (scope TEXT PRIMARY KEY, account TEXT NOT NULL);
CREATE TABLE staged.session AS SELECT 0 AS shard, * FROM main.session LIMIT 0;
CREATE TABLE staged.pace AS SELECT 0 AS shard, * FROM main.pace LIMIT 0;
"""
_OPEN = """status IS NULL AND leader IS NULL AND left_out = 0 AND row NOT IN (SELECT row FROM shard.outcome)"""
# A row that is still open says why; in the ledger of a shard that may stand with its scope or with its last session.
_WHY = f"""CASE WHEN error_message IS NULL AND {_OPEN}
    THEN (SELECT t.error_message FROM shard.told t WHERE t.row = r.row) ELSE error_message END"""  # noqa: S608 - its own text
_REST = f"""
INSERT OR IGNORE INTO staged.account SELECT key, value FROM json_each(
    (SELECT value FROM shard.meta WHERE key = '{accounts.META}'));
INSERT INTO staged.intent SELECT * FROM shard.intent;
INSERT INTO staged.outcome SELECT * FROM shard.outcome;
INSERT OR IGNORE INTO main.scope SELECT * FROM shard.scope;
INSERT OR IGNORE INTO main.held_key SELECT * FROM shard.held_key;
"""  # noqa: S608 - its own text
_MISSING = "'no ledger of its shard was merged'"
_FILLED = f"CASE WHEN status IS NULL AND leader IS NULL AND left_out = 0 THEN {_MISSING} ELSE error_message END"
# Rows are wide: to sort only where they are, and fetch them in that order, takes a quarter less.
_SORT = f"""
INSERT INTO main.meta SELECT '{accounts.META}', named FROM
    (SELECT json_group_object(scope, account) AS named FROM staged.account) WHERE named <> '{{}}';
CREATE TABLE staged.sorted AS SELECT rowid AS at FROM staged.row ORDER BY row;
INSERT INTO main.row SELECT r.* FROM staged.sorted s CROSS JOIN staged.row r ON r.rowid = s.at ORDER BY s.rowid;
INSERT INTO main.intent SELECT * FROM staged.intent ORDER BY row;
INSERT INTO main.outcome SELECT * FROM staged.outcome ORDER BY row;
CREATE TABLE staged.renumbered AS
    SELECT shard, id AS was, ROW_NUMBER() OVER (ORDER BY started_at, shard, id) AS id FROM staged.session;
CREATE UNIQUE INDEX staged.by_shard ON renumbered (shard, was);
"""  # noqa: S608 - its own text


class Merging:
    """A ledger that is filled from others; only `finish` gives it its name."""

    def __init__(self, folder: Path) -> None:
        """Starts it in a folder.

        Raises:
            LedgerError: it cannot be created.
        """
        self._folder = folder
        schema.create(part_of(folder)).close()
        self._into = Assembly(part_of(folder), _STAGE)
        self._connection = self._into.connection
        self._take_open = f"SELECT {self._columns(_WHY)} FROM shard.row r"  # noqa: S608 - our own names
        self._take_ended = f"SELECT {self._columns('error_message')} FROM shard.row"  # noqa: S608 - the same
        self._shards = 0

    def take(self, ledger: Path) -> int:
        """Adds all that the ledger of a shard holds; it must be closed, so that it is one file. Returns how many of its
        rows are open.

        Raises:
            LedgerError: that one cannot be read, or this one cannot be written.
        """
        self._shards += 1
        with self._into.attached(ledger):
            ((open_rows,),) = self._connection.execute(f"SELECT COUNT(*) FROM shard.row WHERE {_OPEN}").fetchall()  # noqa: S608 - its own text
            self._insert_rows(self._take_open if open_rows else self._take_ended)
            self._connection.executescript(_REST)
            for table in ("session", "pace"):
                self._connection.execute(
                    f"INSERT INTO staged.{table} SELECT ?, * FROM shard.{table}",  # noqa: S608 - our own names
                    (self._shards,),
                )
        return int(open_rows)

    def fill(self, ledger: Path) -> None:
        """Adds the rows of a ledger of the whole that no shard had, as they were loaded.

        Raises:
            LedgerError: it cannot be read, or this one cannot be written.
        """
        with self._into.attached(ledger):
            self._connection.execute("CREATE TABLE staged.known AS SELECT row FROM staged.row")
            self._insert_rows(f"SELECT {self._columns(_FILLED)} FROM shard.row r WHERE row NOT IN staged.known")  # noqa: S608 - our own names
            self._connection.executescript(_REST)

    def finish(self, meta: Iterable[tuple[str, str]]) -> None:
        """Puts rows and sessions in order and makes the ledger durable.

        Raises:
            LedgerError: it cannot be written, or two shards have the same row.
        """
        with self._into.blaming():
            self._connection.executescript(_SORT)
            for table, number in (("session", "id"), ("pace", "session")):
                columns = ", ".join(name for name in self._into.columns(table) if name != number)
                self._connection.execute(
                    f"INSERT INTO main.{table} ({number}, {columns}) SELECT n.id, {columns} FROM staged.{table} t"  # noqa: S608 - our own names
                    f" JOIN staged.renumbered n ON n.shard = t.shard AND n.was = t.{number} ORDER BY n.id"
                )
            self._connection.execute("DETACH staged")
            self._connection.execute("BEGIN")
        # Nothing is sent from it.
        seal(self._connection, self._folder, meta, for_runs=False)

    def abandon(self) -> None:
        """Closes the file and leaves it unchanged; safe to call twice."""
        self._connection.close()

    def _insert_rows(self, select: str) -> None:
        self._connection.execute(f"INSERT INTO staged.row {select}")

    def _columns(self, message: str) -> str:
        return ", ".join(message if name == "error_message" else name for name in self._into.columns("row"))
