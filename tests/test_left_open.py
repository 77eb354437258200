"""What fails on the way leaves no file open: a process that continues would keep it, and newer Pythons warn of it."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batch.csms.auth.credential import CredentialError
from batch.csms.auth.private_file import read_private
from batch.sandbox.journal import Journal
from jobs.ledger import Ledger, LedgerError, Loader, tables
from jobs.run_dir.lock import FileLock

DESCRIPTORS = Path("/proc/self/fd")
pytestmark = pytest.mark.skipif(not DESCRIPTORS.exists(), reason="no list of what is open")


def still_open() -> list[str]:
    found = []
    for one in DESCRIPTORS.iterdir():
        with contextlib.suppress(FileNotFoundError):  # the list is a file too while it is read
            found.append(str(one.readlink()))
    return sorted(found)


def no_database(folder: Path) -> None:
    (folder / "ledger.db").write_bytes(b"no database" * 100)
    Ledger(folder)


def another_format(folder: Path) -> None:
    loader = Loader(folder)
    loader.finish([("job", "{}")])
    with Ledger(folder) as ledger:
        ledger._run("PRAGMA user_version=99")
    Ledger(folder)


@pytest.fixture
def _no_locks_and_no_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network filesystem without a lock service, and on a disk without room for the tables."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(tables, "VIEWS", "CREATE VIEW told AS SELECT FROM nothing;")


FAILURES: dict[str, tuple[Callable[[Path], object], type[Exception], str]] = {
    "a ledger that is none": (no_database, LedgerError, "not a database"),
    "a ledger of another format": (another_format, LedgerError, "format 99"),
}
"""What fails by itself."""
HINDERED: dict[str, tuple[Callable[[Path], object], type[Exception], str]] = {
    "a ledger that cannot be made": (Loader, LedgerError, "syntax error"),
    "a lock that cannot be had": (lambda folder: FileLock(folder / "lock", "run"), OSError, "No locks available"),
    "a folder in place of a credential": (read_private, CredentialError, "Is a directory"),
    "a log of the sandbox on a full disk": (
        lambda _: Journal(epoch_s=0.0, path=Path("/dev/full")),
        OSError,
        "No space left",
    ),
}
"""What fails where nothing can be locked or made."""


@contextlib.contextmanager
def nothing_left_open(kind: type[Exception], message: str) -> Iterator[None]:
    before = still_open()
    # The error is kept until the end: its traceback keeps alive whatever was not closed.
    with pytest.raises(kind, match=message) as error:
        yield
    assert still_open() == before, error


@pytest.mark.parametrize("name", FAILURES)
def test_what_cannot_be_read_is_closed(tmp_path: Path, name: str) -> None:
    fails, kind, message = FAILURES[name]
    with nothing_left_open(kind, message):
        fails(tmp_path)


@pytest.mark.usefixtures("_no_locks_and_no_tables")
@pytest.mark.parametrize("name", HINDERED)
def test_what_cannot_be_made_is_closed(tmp_path: Path, name: str) -> None:
    fails, kind, message = HINDERED[name]
    with nothing_left_open(kind, message):
        fails(tmp_path)
