"""Brings a ledger of an earlier release to the format of this one: always a copy first, which then takes its place."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jobs.ledger import log_file, schema, tables
from jobs.ledger.journal import Ledger
from jobs.run_dir import names
from jobs.run_dir.durable import PART, rename_durably, sync_folder
from jobs.run_dir.room import require_free

# From each format to the next. What stands here never changes: ledgers of these formats are out in the world. Views
# hold nothing, so they are made again at the end.
_STEPS = {
    2: """
    ALTER TABLE row ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE row ADD COLUMN tried INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE pace (
        session INTEGER NOT NULL, at_s REAL NOT NULL, width_s REAL NOT NULL,
        sent INTEGER NOT NULL, refused INTEGER NOT NULL, unanswered INTEGER NOT NULL, code TEXT, allowed_per_s REAL,
        PRIMARY KEY (session, at_s)
    ) STRICT, WITHOUT ROWID;
    """,
    3: """
    ALTER TABLE row ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE session ADD COLUMN command TEXT;
    ALTER TABLE session ADD COLUMN release TEXT;
    ALTER TABLE session ADD COLUMN login TEXT;
    ALTER TABLE session ADD COLUMN os_user TEXT;
    ALTER TABLE session ADD COLUMN host TEXT;
    ALTER TABLE session ADD COLUMN changed TEXT;
    ALTER TABLE session ADD COLUMN controls TEXT;
    ALTER TABLE session ADD COLUMN rows_done INTEGER;
    """,
    4: """
    ALTER TABLE row ADD COLUMN before_kms_key_id TEXT;
    ALTER TABLE row ADD COLUMN before_how TEXT;
    ALTER TABLE row ADD COLUMN wave TEXT;
    ALTER TABLE scope ADD COLUMN unlisted TEXT;
    """,
    5: """
    CREATE TABLE intent (row INTEGER PRIMARY KEY, attempts INTEGER NOT NULL, spent INTEGER NOT NULL) STRICT;
    CREATE TABLE outcome (
        row INTEGER PRIMARY KEY, status TEXT NOT NULL, attempts INTEGER NOT NULL, http_status INTEGER, error_code TEXT,
        error_message TEXT, request_id TEXT, started_at REAL, finished_at REAL, elapsed_ms REAL
    ) STRICT;
    INSERT INTO outcome SELECT row, status, attempts, http_status, error_code, error_message, request_id, started_at,
        finished_at, elapsed_ms FROM row WHERE status <> 'invalid';
    UPDATE row SET status = NULL, doubt = 0, http_status = NULL, error_code = NULL, error_message = NULL,
        request_id = NULL WHERE status <> 'invalid';
    ALTER TABLE row DROP COLUMN started_at;
    ALTER TABLE row DROP COLUMN finished_at;
    ALTER TABLE row DROP COLUMN elapsed_ms;
    """,
}
_SIDE_FILES = ("-wal", "-journal")
_MARGIN_BYTES = 16 << 20


def upgrade(folder: Path, *, release: str) -> int | None:
    """Upgrades the ledger of a run in place; the format it had, or None where nothing was to be done.

    Only the holder of the run's lock may. Whenever this is cut off, the ledger is whole: the old one or the new one.

    Raises:
        LedgerError: it is damaged or in use.
        OSError: the disk has no room for a copy, or is broken.
    """
    path = folder / names.LEDGER
    found = _older(path)
    if found is not None:
        _require_room(path)
        _fold_back(path, found)
        with _upgraded_copy(path, found, release) as copy:
            rename_durably(copy, path)
    return found


@contextlib.contextmanager
def reading(folder: Path, *, release: str) -> Iterator[Ledger]:
    """The ledger of a run for those who only look: of an earlier format an upgraded copy, and nothing else is touched.

    Raises:
        LedgerError: it is missing, damaged or in use.
        OSError: the disk has no room for a copy, or is broken.
    """
    path = folder / names.LEDGER
    found = _older(path)
    with contextlib.ExitStack() as stack:
        if found is not None:
            _require_room(path)
            folder = stack.enter_context(_upgraded_copy(path, found, release)).parent
        yield stack.enter_context(Ledger(folder))


def _older(path: Path) -> int | None:
    found = schema.format_of(path) if path.is_file() else None
    return found if found in _STEPS else None


# As measured, a copy and the journal of its changes take little more than twice the size of the ledger.
def _require_room(path: Path) -> None:
    require_free(path.parent, 3 * sum(one.stat().st_size for one in _with_side_files(path)) + _MARGIN_BYTES)


def _with_side_files(path: Path) -> list[Path]:
    """The file and what SQLite keeps beside it, which belongs to it."""
    beside = (path.with_name(path.name + ending) for ending in _SIDE_FILES)
    return [path, *(one for one in beside if one.exists())]


def _fold_back(path: Path, found: int) -> None:
    """Leaves all there is in one file: what stands beside it must never meet another file of its name."""
    closed = f"{log_file.CLOSED};" if log_file.has_log(path) else ""
    with _blaming(path), schema.opening(path) as connection:
        # A journal that a killed process left, although its transaction was over, goes only with the next one.
        connection.executescript(
            f"PRAGMA busy_timeout=0; PRAGMA journal_mode=DELETE; BEGIN IMMEDIATE; PRAGMA user_version={found};"
            f" {closed} COMMIT;"
        )
        connection.close()
    if _with_side_files(path) != [path]:
        raise schema.LedgerError(path, "its log cannot be folded back into it")
    sync_folder(path.parent)


@contextlib.contextmanager
def _upgraded_copy(path: Path, found: int, release: str) -> Iterator[Path]:
    """In a separate folder, which is removed at the end, or swept later if the process was killed."""
    with tempfile.TemporaryDirectory(prefix=PART, dir=path.parent) as folder:
        for one in _with_side_files(path):
            shutil.copy(one, folder)
        _step_up(Path(folder, path.name), found, release)
        yield Path(folder, path.name)


def _step_up(path: Path, found: int, release: str) -> None:
    """Takes a copy, which is not needed should this fail, from step to step; it is one file again when that is done."""
    closed = log_file.CLOSED if log_file.has_log(path) else ""
    with _blaming(path), schema.opening(path) as connection:
        connection.executescript("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=DELETE; PRAGMA synchronous=OFF;")
        # What is read together holds nothing; no column can go that it names.
        connection.execute("DROP VIEW told")
        for number in range(found, tables.VERSION):
            connection.executescript(f"BEGIN; {closed}; {_STEPS[number]} PRAGMA user_version={number + 1}; COMMIT;")
        connection.executescript(f"BEGIN; {tables.VIEWS} COMMIT;")
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (tables.RELEASE, release))
        connection.close()


@contextlib.contextmanager
def _blaming(path: Path) -> Iterator[None]:
    try:
        yield
    except schema.ERRORS as error:
        raise schema.blame(path, error) from error
