"""What a ledger keeps of the key before: the first that was shown, and only while nothing can have been sent."""

from pathlib import Path

import pytest

from jobs.ledger import Intent, Ledger, ListedKey, Loader, Parked, Seen
from jobs.ledger.passed_rows import PassedRows
from jobs.model import Outcome, PlannedRow, Scope, SecretUpdate, Status

SCOPE = Scope(endpoint="https://kms.example.com", project_id="a" * 32)
OTHER = Scope(endpoint="https://kms.example.com", project_id="b" * 32)
NEW, OLD, THIRD, FOURTH = (letter * 32 for letter in "abcd")


def loaded(folder: Path, rows: int = 4) -> Ledger:
    """Rows s1, s2, ... of one project, one of the same name as s1 in another, and a repeat of s1."""
    loader = Loader(folder)
    names = [*((f"s{row}", SCOPE) for row in range(1, rows + 1)), ("s1", OTHER), ("s1", SCOPE)]
    loader.add(
        PlannedRow(row=row, scope=scope, update=SecretUpdate(secret_name=name, kms_key_id=NEW))
        for row, (name, scope) in enumerate(names, 1)
    )
    list(loader.settle_repeats())
    loader.finish([])
    return Ledger(folder)


def listed(*shown: tuple[str, str]) -> list[ListedKey]:
    return [ListedKey(secret_name=name, kms_key_id=key) for name, key in shown]


def befores(ledger: Ledger) -> list[str | None]:
    return [row.before_kms_key_id for row in ledger.told.rows()]


def test_each_page_is_matched_with_the_rows_of_its_project_and_the_first_that_is_shown_counts(tmp_path: Path) -> None:
    with loaded(tmp_path) as ledger:
        before = ledger.keys_before
        assert before.begin(1) == 4
        shown = before.note(1, listed(("s1", OLD), ("nobody", OLD), ("s1", THIRD), ("s3", "")))
        assert [(row.row, row.unseen, one.kms_key_id) for row, one in shown] == [(1, True, OLD), (3, True, "")]
        assert before.note(1, listed(("s1", THIRD), ("s2", OLD))) != []
        before.end(1, None)
        assert befores(ledger) == [OLD, OLD, None, None, None, OLD]
        assert before.begin(1) == 1
        assert [row.seen for row in ledger.open_rows(1, 0, 9)] == [True, True, True, False]
        assert [row.unseen for row, _ in before.note(1, listed(("s2", THIRD), ("s3", THIRD)))] == [False, False]
        assert befores(ledger) == [OLD, OLD, None, None, None, OLD]


@pytest.mark.parametrize(
    ("attempts", "intended", "told"), [(0, False, OLD), (1, True, OLD), (1, False, None), (2, True, None)]
)
def test_a_read_counts_only_until_the_first_put_can_have_left(
    tmp_path: Path, attempts: int, told: str | None, *, intended: bool
) -> None:
    with loaded(tmp_path) as ledger:
        if attempts:
            ledger.commit(intents=[Intent(row=1, attempts=attempts)])
        ledger.commit(seen=[Seen(row=1, kms_key_id=OLD, intended=intended)])
        assert befores(ledger)[0] == told
        if told is not None:
            ledger.commit(seen=[Seen(row=1, kms_key_id=THIRD, intended=True)])
            assert befores(ledger)[0] == told


def test_a_list_never_tells_the_key_before_of_a_row_whose_put_was_intended(tmp_path: Path) -> None:
    with loaded(tmp_path) as ledger:
        ledger.commit(intents=[Intent(row=1, attempts=1), Intent(row=2, attempts=1)])
        ledger.commit(parked=[Parked(row=2, attempts=0, doubt=False)])
        assert ledger.keys_before.begin(1) == 3
        shown = ledger.keys_before.note(1, listed(*((f"s{n}", OLD) for n in range(1, 5))))
        assert [row.unseen for row, _ in shown] == [False, True, True, True]
        assert befores(ledger) == [None, OLD, OLD, OLD, None, None]


def test_rows_that_have_ended_are_in_no_list(tmp_path: Path) -> None:
    with loaded(tmp_path) as ledger:
        ledger.commit(outcomes=[Outcome(row=1, status=Status.REJECTED, attempts=0)])
        assert ledger.keys_before.begin(1) == 3
        assert ledger.keys_before.note(1, listed(("s1", OLD))) == []


def test_why_a_list_failed_is_kept_with_its_project_and_counts_the_rows_that_go_without(tmp_path: Path) -> None:
    with loaded(tmp_path) as ledger:
        ledger.keys_before.begin(1)
        ledger.keys_before.end(1, "CSMS.0302: no right")
        ledger.commit(intents=[Intent(row=2, attempts=1)], outcomes=[Outcome(row=1, status=Status.UPDATED, attempts=1)])
        told = [(scope.unlisted, scope.unseen) for scope in ledger.told.scopes()]
        assert told == [("CSMS.0302: no right", 3), (None, 0)]
        ledger.keys_before.begin(1)
        ledger.keys_before.end(1, None)
        assert ledger.told.scopes()[0].unlisted is None


def test_old_keys_are_those_that_were_seen_and_else_those_that_are_expected(tmp_path: Path) -> None:
    loader = Loader(tmp_path)
    loader.add(
        PlannedRow(
            row=row,
            scope=SCOPE,
            update=SecretUpdate(secret_name=f"s{row}", kms_key_id=NEW, expected_kms_key_id=expected),
        )
        for row, expected in enumerate((None, OLD, OLD, None), 1)
    )
    loader.finish([])
    with Ledger(tmp_path) as ledger:
        ledger.keys_before.begin(1)
        ledger.keys_before.note(1, listed(("s1", THIRD.upper()), ("s3", NEW), ("s4", THIRD)))
        (key,) = ledger.told.keys().keys
        passed = PassedRows()
        assert sum(len(block.numbers) for block in ledger.told.blocks(passed)) == 4
        assert ledger.told.keys(passed).keys == (key,)
    assert [one.lower() for one in key.old_keys] == [OLD, THIRD]


def test_a_row_that_was_not_selected_or_that_drifted_makes_no_old_key(tmp_path: Path) -> None:
    """A rollback of a part concerns no other key, and what somebody else chose is not to be retired."""
    loader = Loader(tmp_path)
    expected = {"s1": OLD, "s2": THIRD, "s3": OLD}
    loader.add(
        PlannedRow(
            row=row,
            scope=SCOPE,
            update=SecretUpdate(secret_name=name, kms_key_id=NEW, expected_kms_key_id=key),
            selected=name != "s2",
        )
        for row, (name, key) in enumerate(expected.items(), 1)
    )
    loader.finish([])
    with Ledger(tmp_path) as ledger:
        ledger.keys_before.begin(1)
        ledger.keys_before.note(1, listed(("s1", OLD), ("s3", FOURTH)))
        ledger.commit(outcomes=[Outcome(row=3, status=Status.DRIFTED, attempts=0)])
        (key,) = ledger.told.keys().keys
        passed = PassedRows()
        assert sum(len(block.numbers) for block in ledger.told.blocks(passed)) == 3
        assert ledger.told.keys(passed).keys == (key,)
        assert (key.old_keys, list(ledger.told.old_keys())) == ((OLD,), [OLD])
