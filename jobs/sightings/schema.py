"""The tables of sightings and how their file is opened."""

import os
import sqlite3
from pathlib import Path

from jobs.ledger.schema import ERRORS, LedgerError, blame, durability, opening
from jobs.run_dir.own_file import open_own

VERSION = 2
"""Any change of what follows raises it."""
MEND = "remove it, and look again"

# `errand` says how far a list of a project has come: `marker` is that of its next page. `secret.versions` is 1 once
# those of the secret were read whole. `wanted` has the rows that a command asks about, which `project` may be unknown;
# `owner` says whose a secret is.
INDEX = "CREATE INDEX wanted_name ON wanted (project, name);"
_TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE project (
    id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, project_id TEXT NOT NULL, region TEXT, account TEXT,
    reads_trouble TEXT, versions_trouble TEXT, stopped TEXT, UNIQUE (endpoint, project_id)
) STRICT;
CREATE TABLE list (
    project INTEGER NOT NULL, number INTEGER NOT NULL, marker TEXT, pages INTEGER NOT NULL DEFAULT 0,
    asked INTEGER NOT NULL DEFAULT 0, whole INTEGER NOT NULL DEFAULT 0, trouble TEXT, PRIMARY KEY (project, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE secret (
    project INTEGER NOT NULL, name TEXT NOT NULL, kms_key_id TEXT NOT NULL, state TEXT NOT NULL,
    pending_deletion INTEGER NOT NULL, frozen INTEGER NOT NULL, description TEXT, enterprise_project_id TEXT,
    auto_rotation INTEGER, created_s INTEGER, updated_s INTEGER, how TEXT NOT NULL, missing INTEGER NOT NULL,
    trouble TEXT, kind TEXT, listed INTEGER NOT NULL, versions INTEGER NOT NULL, versions_trouble TEXT,
    PRIMARY KEY (project, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE version (
    project INTEGER NOT NULL, secret_name TEXT NOT NULL, version_id TEXT NOT NULL, kms_key_id TEXT NOT NULL,
    stages TEXT NOT NULL, created_s INTEGER, PRIMARY KEY (project, secret_name, version_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE key (
    project INTEGER NOT NULL, kms_key_id TEXT NOT NULL, state TEXT NOT NULL, spec TEXT NOT NULL, usage TEXT NOT NULL,
    alias TEXT NOT NULL, "default" INTEGER NOT NULL, trouble TEXT, kind TEXT, PRIMARY KEY (project, kms_key_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE wanted (
    row INTEGER PRIMARY KEY, project INTEGER, name TEXT NOT NULL, kms_key_id TEXT NOT NULL, expected_kms_key_id TEXT,
    project_id TEXT NOT NULL, region TEXT NOT NULL, note TEXT
) STRICT;
{INDEX}
CREATE TABLE owner (
    project INTEGER NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL, PRIMARY KEY (project, name)
) STRICT, WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Opens the sightings of a folder as their only user, every commit durable; makes them where there are none.

    Raises:
        LedgerError: they cannot be made or read, are of another format, or in use.
    """
    try:
        # SQLite would create it 0644; its side files take the mode of this one.
        os.close(open_own(path, os.O_CREAT | os.O_RDWR))
        with opening(path) as connection:
            connection.executescript(f"PRAGMA locking_mode=EXCLUSIVE; PRAGMA busy_timeout=0; {durability(path)}")
            ((found,),) = connection.execute("PRAGMA user_version").fetchall()
            if found == 0:
                # In one transaction, so that a process that dies here leaves tables or none.
                connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version={VERSION}; COMMIT;")
            elif found != VERSION:
                raise LedgerError(path, f"written in format {found}, this release reads {VERSION}: {MEND}")
    except OSError as error:
        raise LedgerError(path, error.strerror or str(error)) from error
    except ERRORS as error:
        raise blame(path, error, mend=MEND) from error
    return connection
