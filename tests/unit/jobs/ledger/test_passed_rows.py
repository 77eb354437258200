"""Rows that are counted while they pass by come to what SQLite says of them."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from jobs.ledger import Intent, Ledger, ListedKey, Loader, passed_rows, told_rows
from jobs.ledger.passed_rows import PassedRows
from jobs.model import InvalidRow, Outcome, PlannedRow, Scope, SecretUpdate, Status

KEYS = ("a" * 32, "b" * 32, "c" * 32)
PLACES = (None, "eu-west-1", "eu-west-2", None)
ENDS = (*Status, None, None, Status.UPDATED)
ROWS = 120


def scopes() -> list[Scope]:
    return [
        Scope(endpoint="https://kms.example.com", project_id=f"{number:032x}", region=region)
        for number, region in enumerate(PLACES)
    ]


def rows_of(places: Sequence[Scope]) -> list[PlannedRow | InvalidRow]:
    """Those of four projects in turn, of which some repeat one before, are not selected or are invalid."""
    bad = InvalidRow(row=0, secret_name="x", kms_key_id="?", region="r", project_id="p", column="kms_key_id", reason="")
    return [
        PlannedRow(
            row=row,
            scope=places[row % len(places)],
            update=SecretUpdate(
                secret_name=f"s{row % 90}",
                kms_key_id=KEYS[row % 90 % len(KEYS)],
                expected_kms_key_id=KEYS[1] if row % 90 % 4 == 0 else None,
            ),
            selected=row % 90 % 7 != 0,
        )
        if row % 13
        else msgspec.structs.replace(bad, row=row)
        for row in range(1, ROWS + 1)
    ]


def ended(folder: Path) -> Ledger:
    """A ledger in which rows have ended in all ways, and of some the key before is known."""
    loader = Loader(folder)
    loader.add(rows_of(scopes()))
    list(loader.settle_repeats())
    loader.finish([])
    ledger = Ledger(folder)
    ledger.keys_before.begin(1)
    ledger.keys_before.note(1, [ListedKey(secret_name=f"s{n}", kms_key_id=KEYS[n % 2]) for n in range(60)])
    ledger.keys_before.end(1, "no right to list")
    for number in range(1, len(PLACES) + 1):
        for row in ledger.open_rows(number, 0, ROWS):
            if (end := ENDS[row.row % len(ENDS)]) is not None:
                code = f"KMS.{row.row % 3}" if row.row % 5 else None
                ledger.commit(outcomes=[Outcome(row=row.row, status=end, attempts=row.row % 4, error_code=code)])
            elif row.row % 2:
                ledger.commit(intents=[Intent(row=row.row, attempts=1)])
    return ledger


@pytest.mark.parametrize("most", [1, 3, 10_000])
def test_projects_and_keys_are_counted_the_same_however_little_is_kept(
    tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passed_rows, "_MOST_KINDS", most)
    monkeypatch.setattr(told_rows, "_MOST_KEPT", most)
    with ended(tmp_path) as ledger:
        passed = PassedRows()
        rows = [row for block in ledger.told.blocks(passed) for row in block.told()]
        assert rows == list(ledger.told.rows())
        assert ledger.told.scopes(passed) == (found := ledger.told.scopes())
        assert ledger.told.keys(passed) == ledger.told.keys()
    assert [sum(one.rows for one in found), sum(one.left_out for one in found)] == [111, 16]
    assert all((one.done, one.unseen, one.run_again) > (0, 0, 0) for one in found)
    assert found[0].unlisted == "no right to list"


def test_a_row_is_told_with_the_texts_of_its_project_or_its_own_where_it_has_none(tmp_path: Path) -> None:
    with ended(tmp_path) as ledger:
        (block,) = ledger.told.blocks(PassedRows())
        told = [block.row(at) for at in range(ROWS)]
        assert told == list(ledger.told.rows())
    places = [(one.region or "", one.project_id) for one in scopes()]
    assert [(one.region, one.project_id) for one in told] == [
        places[row % len(places)] if row % 13 else ("r", "p") for row in range(1, ROWS + 1)
    ]
