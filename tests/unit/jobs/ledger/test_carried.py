"""A list is recorded without waiting for the disk: whatever a loss of power leaves, it is there if an intent is."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.ledger import Intent, Ledger, LedgerError, ListedKey, Loader
from jobs.ledger.log_file import log_of
from jobs.model import PlannedRow, Scope, SecretUpdate

OLD, NEW = "a" * 32, "b" * 32
FULL, NORMAL = 2, 1
ROWS = 100
LOG_HEAD_BYTES, ENTRY_BYTES = 32, 24 + 4_096


def loaded(folder: Path) -> Ledger:
    loader = Loader(folder)
    scope = Scope(endpoint="https://kms.example.com", project_id="c" * 32)
    loader.add(
        PlannedRow(row=row, scope=scope, update=SecretUpdate(secret_name=f"s{row}", kms_key_id=NEW))
        for row in range(1, ROWS + 1)
    )
    loader.finish([])
    return Ledger(folder)


def level_of(ledger: Ledger) -> int:
    return int(ledger._connection.execute("PRAGMA synchronous").fetchone()[0])


def left_by_power(log: bytes) -> Iterator[bytes]:
    """What may be left of a log: it ends after any entry, or one of its entries never reached the disk."""
    for at in range(LOG_HEAD_BYTES, len(log) + 1, ENTRY_BYTES):
        yield log[:at]
        yield log[:at] + bytes(len(log[at : at + ENTRY_BYTES])) + log[at + ENTRY_BYTES :]


def test_whatever_is_left_of_the_log_no_intent_is_found_without_the_list_before_it(tmp_path: Path) -> None:
    ledger = loaded(tmp_path)
    ledger.keys_before.begin(1)
    ledger.keys_before.note(1, [ListedKey(secret_name=f"s{row}", kms_key_id=OLD) for row in range(1, ROWS + 1)])
    ledger.keys_before.end(1, None)
    ledger.commit(intents=[Intent(row=row, attempts=1) for row in range(1, ROWS + 1)])
    file, log = ledger.path.read_bytes(), log_of(ledger.path).read_bytes()
    ledger.close()
    found = set()
    for number, left in enumerate(left_by_power(log)):
        path = tmp_path / f"{number}.db"
        path.write_bytes(file)
        log_of(path).write_bytes(left)
        with sqlite3.connect(path) as connection:
            ((intents,),) = connection.execute("SELECT COUNT(*) FROM intent").fetchall()
            ((listed,),) = connection.execute("SELECT COUNT(*) FROM row WHERE before_how = 'list'").fetchall()
        connection.close()
        found.add((intents, listed))
    assert found == {(0, 0), (0, ROWS), (ROWS, ROWS)}


def fail_in(ledger: Ledger) -> None:
    with ledger.keys_before._carried() as write:
        write.execute("UPDATE row SET before_how = 'list'")
        write.execute("no statement")


def test_every_other_commit_waits_for_the_disk_also_after_a_list_that_could_not_be_recorded(tmp_path: Path) -> None:
    with loaded(tmp_path) as ledger:
        with ledger.keys_before._carried():
            assert level_of(ledger) == NORMAL
        assert level_of(ledger) == FULL
        with pytest.raises(LedgerError):
            fail_in(ledger)
        assert level_of(ledger) == FULL
        ledger.commit(intents=[Intent(row=1, attempts=1)])
        assert [row.seen for row in ledger.open_rows(1, 0, 2)] == [False, False]
