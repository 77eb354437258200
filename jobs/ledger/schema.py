"""How the file of a ledger is made and opened, and what is said where that fails."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from jobs.ledger import tables
from jobs.run_dir.filesystem import network_filesystem
from jobs.run_dir.own_file import open_own

ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What a damaged ledger raises; the second where SQLite's own message quotes bytes of it."""
# Where a statement of ours makes no sense, the tables are not ours either: SQLITE_ERROR.
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_MEND = "restore a copy of the file, or start a new run with the manifest"

# The first bytes of the file, as far as the number that is kept for its user (sqlite.org/fileformat.html).
_MAGIC = b"SQLite format 3\0"
_HEAD_BYTES = 64

# By the release that gave it its format, or else by the one that loaded it.
_MADE_BY = f"""SELECT value FROM meta WHERE key = '{tables.RELEASE}'
    UNION ALL SELECT json_extract(value, '$.version') FROM meta WHERE key = 'job'"""  # noqa: S608 - its own text

# SQLite folds the log back into the file once it has a thousand pages.
LOG_PAGES = 1_000
_LEAST_LOG_PAGES = 32
_LOG_PAGES_PER_ROW = 8
# What a row grows by until it has ended, pages that split included: 84 bytes as measured, 150 with a usual message, and
# 41 more once its key before is known.
_BYTES_PER_ROW = 250
# What the pace of a session takes, twice over: a few hundred rows of fifty bytes.
_PACE_PAGES = 12


class LedgerError(Exception):
    """The ledger cannot be read or written; `reason` is SQLite's or the system's own word, `full` that the disk has no
    room.
    """

    def __init__(self, path: Path, reason: str, *, full: bool = False) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.full = full


def blame(path: Path, error: Exception, *, mend: str = _MEND) -> LedgerError:
    """What SQLite says, as an error of this ledger; `error` is one of `ERRORS`."""
    name = getattr(error, "sqlite_errorname", "")
    text = isinstance(error, UnicodeDecodeError) or str(error).startswith("Could not decode")
    reason = "a text in it is not UTF-8" if text else " ".join(str(error).split())
    damage = text or name == "SQLITE_ERROR" or name.startswith(_DAMAGED)
    return _damaged(path, reason, mend) if damage else LedgerError(path, reason, full=name == "SQLITE_FULL")


def unreadable(path: Path, what: str, reason: object) -> LedgerError:
    """Something in a ledger that another release has written, or no release."""
    return LedgerError(
        path, f"{what} cannot be read by this release: {reason}; use the one that wrote it, or if that is this: {_MEND}"
    )


def _damaged(path: Path, reason: str, mend: str = _MEND) -> LedgerError:
    return LedgerError(path, f"damaged: {reason}; {mend}")


def create(path: Path) -> sqlite3.Connection:
    """Makes a new, empty ledger for loading, readable by the owner only.

    Nothing is durable until the loader says so: a ledger under this name is never resumed.

    Raises:
        LedgerError: the file exists or cannot be made.
    """
    try:
        # SQLite would create it 0644; its side files take the mode of this one.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600))
        with opening(path) as connection:
            connection.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {tables.TABLES} {tables.VIEWS}")
            connection.execute(f"PRAGMA user_version={tables.VERSION}")
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(path, str(error)) from error
    return connection


def connect(path: Path, *, just_made: bool = False) -> sqlite3.Connection:
    """Opens a loaded ledger as its only user, every commit durable; one that was `just_made` is not looked through.

    EXCLUSIVE comes before WAL: so there is no shared-memory file, and a second process cannot open it at all, which
    keeps clear of SQLite's WAL-reset defect (3.7.0 to 3.51.2, two connections writing). On a network filesystem the
    older journal is used, which asks less of it.

    Raises:
        LedgerError: no such file, not a ledger, of another format, or in use.
    """
    if not path.is_file():
        raise LedgerError(path, "no ledger here: the run never got as far as sending anything")
    if format_of(path) not in {tables.VERSION, None}:
        raise _other_format(path)
    try:
        with opening(path) as connection:
            connection.executescript(f"PRAGMA locking_mode=EXCLUSIVE; PRAGMA busy_timeout=0; {durability(path)}")
            if not just_made:
                _look_through(connection, path)
    except ERRORS as error:
        raise blame(path, error) from error
    return connection


def _look_through(connection: sqlite3.Connection, path: Path) -> None:
    # Also the type of every value; for a million rows it takes a third of a second.
    ((found, *_),) = connection.execute("PRAGMA quick_check(1)").fetchall()
    if found != "ok":
        raise _damaged(path, " ".join(str(found).split()))


def format_of(path: Path) -> int | None:
    """The format of a ledger by the head of its file, which is set before it gets its name and never changes in place;
    None where it is not a ledger.

    Raises:
        LedgerError: it cannot be read.
    """
    try:
        # SQLite would follow a link, and write into the ledger of another run.
        with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise LedgerError(path, error.strerror or str(error)) from error
    return int.from_bytes(head[-4:]) if len(head) == _HEAD_BYTES and head.startswith(_MAGIC) else None


def _other_format(path: Path) -> LedgerError:
    release = "another release"
    with contextlib.suppress(*ERRORS), contextlib.closing(looking(path)) as connection:
        for (made_by,) in connection.execute(_MADE_BY).fetchmany(1):
            release = f"csms-rekey {made_by}"
    return LedgerError(path, f"written in format {format_of(path)}, this release reads {tables.VERSION}: use {release}")


def looking(path: Path) -> sqlite3.Connection:
    """Reads a file without touching it, or anything beside it."""
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)


@contextlib.contextmanager
def opening(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that stays open only if the block ends well."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def take_room(connection: sqlite3.Connection, rows: int) -> None:
    """Grows the write-ahead log to what it can need before SQLite folds it back, and the file by what the outcomes of
    so many open rows will need: from then on recording overwrites what is there already, also on a disk that others
    have filled.
    """
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        return
    page_bytes = int(connection.execute("PRAGMA page_size").fetchone()[0])
    log_pages = min(LOG_PAGES, _LEAST_LOG_PAGES + _LOG_PAGES_PER_ROW * rows)
    pages = log_pages + _PACE_PAGES + rows * _BYTES_PER_ROW // page_bytes
    # Where freed pages are overwritten, as some builds of SQLite do, all of them would go through the log once more.
    connection.execute("PRAGMA secure_delete = OFF").fetchone()
    connection.execute("DROP TABLE IF EXISTS room")
    connection.execute("CREATE TABLE room (bytes BLOB NOT NULL) STRICT")
    for left in range(pages, 0, -log_pages):
        connection.execute("INSERT INTO room VALUES (zeroblob(?))", (min(left, log_pages) * page_bytes,))
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
    connection.execute("DROP TABLE room")
    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()


def durability(path: Path) -> str:
    """How every commit of a file there becomes durable."""
    if network_filesystem(path.parent) is not None:
        return "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;"
    return "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
