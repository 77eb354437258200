"""Copies of a ledger that is being written: whole as of their beginning, and nothing of them on the event loop."""

import subprocess
import sys
from pathlib import Path

import pytest

from batch.process.beside import within
from jobs.ledger import Intent, Ledger, LedgerError, SessionStart, schema
from jobs.run_dir import names
from tests.unit.jobs.ledger.test_ledger import cell, ended, loaded, planned

ROWS = 3_000
_OPEN = """import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0).execute("SELECT COUNT(*) FROM row").fetchall()
"""


def session_in(folder: Path) -> Ledger:
    ledger = loaded(folder, *(planned(n, f"s{n}") for n in range(1, ROWS + 1)))
    ledger.begin_session(SessionStart(started_at=1.0, timeout_s=60.0, also_failed=False))
    return ledger


def ended_in(folder: Path) -> int:
    with Ledger(folder) as ledger:
        return ROWS - ledger.told.backlog().open_rows


def record(ledger: Ledger, rows: range) -> None:
    for row in rows:
        ledger.commit(intents=[Intent(row=row, attempts=1)])
        ledger.commit(outcomes=[ended(row)])
    ledger.keep_pace([cell(1.0)])


def copy_in(folder: Path) -> Path:
    (folder / "copy").mkdir()
    return folder / "copy" / names.LEDGER


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_copy_is_that_of_its_beginning_whatever_is_recorded_while_a_thread_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(schema, "durability", lambda _: f"PRAGMA journal_mode={mode}; PRAGMA synchronous=OFF;")
    file = copy_in(tmp_path)
    with session_in(tmp_path) as ledger:
        record(ledger, range(1, 101))
        with ledger.copies.begun(file) as copy:
            record(ledger, range(101, 1_401))
            within(copy, 60.0)
        record(ledger, range(1_401, 1_501))
        with Ledger(file.parent) as copied:
            assert copied.loss is not None
    assert ended_in(file.parent) == 100
    assert ended_in(tmp_path) == 1_500


def test_the_log_is_folded_back_again_after_a_copy(tmp_path: Path) -> None:
    file = copy_in(tmp_path)
    with session_in(tmp_path) as ledger:
        with ledger.copies.begun(file) as copy:
            within(copy, 60.0)
        before = (tmp_path / names.LEDGER).stat().st_mtime_ns
        record(ledger, range(1, 3))
        assert (tmp_path / names.LEDGER).stat().st_mtime_ns > before


def test_a_copy_that_is_made_when_the_file_is_written_again_is_refused(tmp_path: Path) -> None:
    file = copy_in(tmp_path)
    with session_in(tmp_path) as ledger:
        with ledger.copies.begun(file) as copy:
            pass
        with pytest.raises(LedgerError, match="written to while"):
            copy()


def test_a_copy_of_a_ledger_that_was_deleted_leaves_no_empty_one_in_its_place(tmp_path: Path) -> None:
    """A shard would be continued from that, and not from its newest snapshot."""
    file = copy_in(tmp_path)
    with session_in(tmp_path) as ledger:
        with ledger.copies.begun(file) as copy:
            (tmp_path / names.LEDGER).unlink()
            with pytest.raises(LedgerError):
                within(copy, 60.0)
        assert not (tmp_path / names.LEDGER).exists()


def test_a_copy_leaves_the_ledger_to_its_only_user(tmp_path: Path) -> None:
    """A process that closes a file loses all its locks on it, if SQLite does not take care of that."""
    with session_in(tmp_path) as ledger:
        with ledger.copies.begun(copy_in(tmp_path)) as copy:
            within(copy, 60.0)
        words = [sys.executable, "-c", _OPEN, str(tmp_path / names.LEDGER)]
        other = subprocess.run(words, capture_output=True, text=True, check=False)
        assert "locked" in other.stderr


def test_a_copy_is_not_begun_where_the_disk_has_no_room_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 10_000

    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage)
    file = copy_in(tmp_path)
    with session_in(tmp_path) as ledger:
        with pytest.raises(LedgerError, match="no room") as found, ledger.copies.begun(file):
            pass
        assert found.value.full
        assert not file.exists()
        record(ledger, range(1, 3))
