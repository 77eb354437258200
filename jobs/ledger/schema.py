"""The tables of a ledger and how its file is opened."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from jobs.run_dir.filesystem import network_filesystem
from jobs.run_dir.own_file import open_own

VERSION = 5
"""Any change of what follows raises it and adds a step to `upgrade`."""
RELEASE = "release"
"""Under this name `meta` says which release gave the ledger its format."""

# `row.leader` is an earlier row that asks for the very same: that one is sent, this one shares its outcome.
# `row.attempts` counts every PUT that may have left, over all sessions; `row.spent` those of them that cost it nothing:
# a `--failed` resume forgave them, or the login was refused, or they tried whether an outage was over. `row.doubt` is 1
# from the commit before a PUT leaves until an answer proves that PUT was not applied. `row.refused` is 1 from a refusal
# on that may be true of the moment only; a second one ends the row. `row.tried` is 1 where an earlier session has sent
# the row: such rows come last. `row.left_out` is 1 for a row that the job does not select, 2 for one beyond its limit,
# 3 for one that its plan could not do, as `row.error_message` says: it is not sent. `row.before_kms_key_id` is what the
# service showed before our first PUT, `row.before_how` says by what, NULL until it is known. `row.wave` is what the row
# has in the column that waves go by. `row.status` stays NULL until the row has ended. `scope.unlisted` says why the
# list of its secrets failed. `session.controls` is a JSON list of what was changed while it ran. `pace` says in a few
# hundred rows how the requests of a session were answered.
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE scope (
    id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, project_id TEXT NOT NULL, region TEXT,
    stopped TEXT, unlisted TEXT, UNIQUE (endpoint, project_id)
) STRICT;
CREATE TABLE held_key (scope INTEGER NOT NULL, kms_key_id TEXT NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (scope, kms_key_id)) STRICT;
CREATE TABLE row (
    row INTEGER PRIMARY KEY, scope INTEGER, secret_name TEXT NOT NULL, kms_key_id TEXT NOT NULL,
    description TEXT, expected_kms_key_id TEXT, region TEXT, project_id TEXT, leader INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0, spent INTEGER NOT NULL DEFAULT 0, doubt INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0, tried INTEGER NOT NULL DEFAULT 0, left_out INTEGER NOT NULL DEFAULT 0,
    before_kms_key_id TEXT, before_how TEXT, wave TEXT,
    status TEXT, http_status INTEGER, error_code TEXT, error_message TEXT, request_id TEXT,
    started_at REAL, finished_at REAL, elapsed_ms REAL
) STRICT;
CREATE TABLE session (
    id INTEGER PRIMARY KEY, started_at REAL NOT NULL, timeout_s REAL NOT NULL,
    ended_at REAL, exit_code INTEGER, stopped TEXT,
    command TEXT, release TEXT, login TEXT, os_user TEXT, host TEXT, changed TEXT, controls TEXT, rows_done INTEGER
) STRICT;
CREATE TABLE pace (
    session INTEGER NOT NULL, at_s REAL NOT NULL, width_s REAL NOT NULL,
    sent INTEGER NOT NULL, refused INTEGER NOT NULL, unanswered INTEGER NOT NULL, code TEXT, allowed_per_s REAL,
    PRIMARY KEY (session, at_s)
) STRICT, WITHOUT ROWID;
"""

ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What a damaged ledger raises; the second where SQLite's own message quotes bytes of it."""
# Where a statement of ours makes no sense, the tables are not ours either: SQLITE_ERROR.
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_MEND = "restore a copy of the file, or start a new run with the manifest"

# The first bytes of the file, as far as the number that is kept for its user (sqlite.org/fileformat.html).
_MAGIC = b"SQLite format 3\0"
_HEAD_BYTES = 64

# By the release that gave it its format, or else by the one that loaded it.
_MADE_BY = f"""SELECT value FROM meta WHERE key = '{RELEASE}'
    UNION ALL SELECT json_extract(value, '$.version') FROM meta WHERE key = 'job'"""  # noqa: S608 - its own text

# SQLite folds the log back into the file once it has a thousand pages.
_LOG_PAGES = 1_000
_LEAST_LOG_PAGES = 32
_LOG_PAGES_PER_ROW = 8
# What a row grows by until it has ended, pages that split included: 84 bytes as measured, 150 with a usual message, and
# 41 more once its key before is known.
_BYTES_PER_ROW = 250
# What the pace of a session takes, twice over: a few hundred rows of fifty bytes.
_PACE_PAGES = 12

# What is told of every row. A row that is still open was either never sent, or sent without an answer on record. One
# that was left out is reported as such whatever else is known of it; a repeat shares that with its leader too.
VIEW = """
CREATE VIEW told AS
SELECT r.row AS row, r.secret_name AS secret_name, r.kms_key_id AS kms_key_id,
    COALESCE(s.region, r.region, '') AS region, COALESCE(s.project_id, r.project_id, '') AS project_id,
    CASE WHEN l.left_out THEN 'not_attempted' ELSE
        COALESCE(l.status, CASE WHEN l.doubt THEN 'unknown' ELSE 'not_attempted' END)
    END AS status,
    l.http_status AS http_status, CASE WHEN NOT l.left_out THEN l.error_code END AS error_code,
    CASE WHEN l.left_out = 3 THEN l.error_message WHEN l.left_out THEN 'not selected'
         WHEN l.status IS NOT NULL OR l.error_message IS NOT NULL THEN l.error_message
         WHEN l.doubt THEN 'sent, and no answer is on record'
         ELSE COALESCE(k.reason, s.stopped, (SELECT stopped FROM session ORDER BY id DESC LIMIT 1))
    END AS error_message,
    l.attempts AS attempts, l.request_id AS request_id,
    l.started_at AS started_at, l.finished_at AS finished_at, l.elapsed_ms AS elapsed_ms,
    l.left_out AS left_out, r.scope AS scope, r.expected_kms_key_id AS expected_kms_key_id,
    l.before_kms_key_id AS before_kms_key_id, r.wave AS wave
FROM row r
JOIN row l ON l.row = COALESCE(r.leader, r.row)
LEFT JOIN scope s ON s.id = r.scope
LEFT JOIN held_key k ON k.scope = r.scope AND k.kms_key_id = l.kms_key_id;
"""


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
    """Something in a ledger that another release has written, or nobody."""
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
            connection.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_TABLES} {VIEW}")
            connection.execute(f"PRAGMA user_version={VERSION}")
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(path, str(error)) from error
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """Opens a loaded ledger as its only user, every commit durable.

    EXCLUSIVE comes before WAL: so there is no shared-memory file, and a second process cannot open it at all, which
    keeps clear of SQLite's WAL-reset defect (3.7.0 to 3.51.2, two connections writing). On a network filesystem the
    older journal is used, which asks less of it.

    Raises:
        LedgerError: no such file, not a ledger, of another format, or in use.
    """
    if not path.is_file():
        raise LedgerError(path, "no ledger here: the run never got as far as sending anything")
    if format_of(path) not in {VERSION, None}:
        raise _other_format(path)
    try:
        with opening(path) as connection:
            connection.executescript(f"PRAGMA locking_mode=EXCLUSIVE; PRAGMA busy_timeout=0; {durability(path)}")
            # Also the type of every value; for a million rows it takes a third of a second.
            ((found, *_),) = connection.execute("PRAGMA quick_check(1)").fetchall()
            if found != "ok":
                raise _damaged(path, " ".join(str(found).split()))
    except ERRORS as error:
        raise blame(path, error) from error
    return connection


def format_of(path: Path) -> int | None:
    """The format of a ledger by the head of its file, which is set before it gets its name and never changes in place;
    None where it is no ledger.

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
    with contextlib.suppress(*ERRORS), contextlib.closing(_looking(path)) as connection:
        for (made_by,) in connection.execute(_MADE_BY).fetchmany(1):
            release = f"csms-rekey {made_by}"
    return LedgerError(path, f"written in format {format_of(path)}, this release reads {VERSION}: use {release}")


def _looking(path: Path) -> sqlite3.Connection:
    """Reads a file without touching it, or anything beside it."""
    return sqlite3.connect(f"file:{quote(str(path))}?immutable=1", uri=True)


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
    log_pages = min(_LOG_PAGES, _LEAST_LOG_PAGES + _LOG_PAGES_PER_ROW * rows)
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
