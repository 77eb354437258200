"""What a ledger keeps, in which order, and what it tells of rows that have not ended."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from jobs.ledger import (
    Control,
    Elsewhere,
    Intent,
    Ledger,
    LedgerError,
    Loader,
    PaceCell,
    Parked,
    SessionRecord,
    SessionStart,
)
from jobs.ledger.cutting import count_places
from jobs.ledger.keys import KeyCounts
from jobs.ledger.passed_rows import PassedRows
from jobs.ledger.record import read_record
from jobs.model import Group, InvalidRow, Outcome, PlannedRow, Scope, SecretUpdate, Status
from jobs.run_dir import names
from jobs.shard import Shard, ShardBy

SCOPE = Scope(endpoint="https://kms.example.com", project_id="0" * 32)
OTHER = Scope(endpoint="https://kms.example.com", project_id="1" * 32, region="r")
KEY, KEY2 = "a" * 32, "b" * 32


def planned(row: int, name: str, key: str = KEY, *, scope: Scope = SCOPE, description: str | None = None) -> PlannedRow:
    update = SecretUpdate(secret_name=name, kms_key_id=key, description=description)
    return PlannedRow(row=row, scope=scope, update=update)


def loaded(folder: Path, *rows: PlannedRow | InvalidRow) -> Ledger:
    loader = Loader(folder)
    loader.add(rows)
    assert list(loader.settle_repeats()) is not None
    loader.finish([("job", "{}")])
    return Ledger(folder)


def ended(row: int, status: Status = Status.UPDATED) -> Outcome:
    return Outcome(row=row, status=status, attempts=1, http_status=200, request_id="r")


def cell(at_s: float, **fields: Any) -> PaceCell:
    plain = PaceCell(at_s=at_s, width_s=1.0, sent=50, refused=1, unanswered=3, code="504", allowed_per_s=50.0)
    return msgspec.structs.replace(plain, **fields)


def statuses(ledger: Ledger) -> list[str]:
    return [told.outcome.status.value for told in ledger.told.rows()]


def test_rows_come_back_per_scope_in_manifest_order_in_pages(tmp_path: Path) -> None:
    rows = [planned(n, f"s{n}", scope=OTHER if n % 3 == 0 else SCOPE) for n in range(1, 10)]
    with loaded(tmp_path, *rows) as ledger:
        first, second = ledger.open_scopes()
        assert (first.scope, first.open_rows, second.scope, second.open_rows) == (SCOPE, 6, OTHER, 3)
        page = ledger.open_rows(first.id, 0, 4)
        assert [row.row for row in page] == [1, 2, 4, 5]
        assert [row.row for row in ledger.open_rows(first.id, 5, 4)] == [7, 8]
        assert [row.row for row in ledger.open_rows(second.id, 0, 4)] == [3, 6, 9]


def test_rows_that_ask_for_the_same_share_one_request_and_its_outcome(tmp_path: Path) -> None:
    with loaded(tmp_path, planned(1, "a"), planned(2, "b"), planned(3, "a"), planned(4, "a")) as ledger:
        (scope,) = ledger.open_scopes()
        assert [row.row for row in ledger.open_rows(scope.id, 0, 9)] == [1, 2]
        ledger.commit(outcomes=[ended(1, Status.FAILED)])
        assert statuses(ledger) == ["failed", "not_attempted", "failed", "failed"]
        assert [told.outcome.row for told in ledger.told.rows_of(Group.RUN_AGAIN)] == [1, 2, 3, 4]


SPELT = "0D0466B0-e727-4d9c-b35d-f84bb474a37f"


@pytest.mark.parametrize("other", [SPELT.lower(), SPELT.upper(), SPELT.replace("-", "")])
def test_one_key_in_two_spellings_is_one_request_and_each_row_keeps_its_own(tmp_path: Path, other: str) -> None:
    rows = [planned(1, "a", SPELT), planned(2, "a", other)]
    guarded = [
        PlannedRow(row=row, scope=SCOPE, update=SecretUpdate(secret_name="b", kms_key_id=KEY, expected_kms_key_id=key))
        for row, key in ((3, SPELT), (4, other))
    ]
    with loaded(tmp_path, *rows, *guarded) as ledger:
        assert [row.row for row in ledger.open_rows(1, 0, 9)] == [1, 3]
        ledger.commit(outcomes=[ended(1), ended(3)])
        assert statuses(ledger) == ["updated"] * 4
        assert [told.kms_key_id for told in ledger.told.rows()] == [SPELT, other, KEY, KEY]


def test_a_repeat_in_another_spelling_of_a_held_key_waits_for_it_too(tmp_path: Path) -> None:
    with loaded(tmp_path, planned(1, "a", SPELT), planned(2, "a", SPELT.upper())) as ledger:
        ledger.hold_key(1, SPELT, "disabled")
        assert [told.outcome.error_message for told in ledger.told.rows()] == ["disabled", "disabled"]
        assert [(held.kms_key_id, held.rows) for held in ledger.told.held_keys()] == [(SPELT, 2)]


@pytest.mark.parametrize(
    "second",
    [planned(3, "a", KEY2), planned(3, "a", description="x"), planned(3, "a", description="")],
)
def test_rows_that_contradict_each_other_are_all_invalid(tmp_path: Path, second: PlannedRow) -> None:
    loader = Loader(tmp_path)
    loader.add([planned(1, "a"), planned(2, "b"), second])
    conflicts = list(loader.settle_repeats())
    assert [(c.row, c.reason) for c in conflicts] == [
        (1, "a later row asks for something else for the same secret"),
        (3, "row 1 asks for something else for the same secret"),
    ]
    loader.finish([])
    with Ledger(tmp_path) as ledger:
        assert statuses(ledger) == ["invalid", "not_attempted", "invalid"]


def test_the_same_name_in_another_project_is_another_secret(tmp_path: Path) -> None:
    with loaded(tmp_path, planned(1, "a"), planned(2, "a", KEY2, scope=OTHER)) as ledger:
        assert statuses(ledger) == ["not_attempted", "not_attempted"]


def test_an_intent_without_an_outcome_is_told_as_unknown_and_stays_open(tmp_path: Path) -> None:
    with loaded(tmp_path, planned(1, "a"), planned(2, "b")) as ledger:
        ledger.commit(intents=[Intent(row=1, attempts=1)])
    with Ledger(tmp_path) as ledger:
        assert statuses(ledger) == ["unknown", "not_attempted"]
        row = ledger.open_rows(1, 0, 9)[0]
        assert (row.attempts, row.doubt) == (1, True)


def test_an_intent_that_never_left_can_be_taken_back(tmp_path: Path) -> None:
    with loaded(tmp_path, planned(1, "a")) as ledger:
        ledger.commit(intents=[Intent(row=1, attempts=1)])
        ledger.commit(parked=[Parked(row=1, attempts=0, doubt=False)])
        assert statuses(ledger) == ["not_attempted"]


@pytest.mark.parametrize(("spent", "doubt", "refused"), [(0, True, False), (2, False, False), (3, True, True)])
def test_a_row_that_is_put_aside_is_taken_up_as_it_stood(
    tmp_path: Path, spent: int, *, doubt: bool, refused: bool
) -> None:
    parked = Parked(row=1, attempts=4, spent=spent, doubt=doubt, refused=refused, http_status=504, error_code="x")
    with loaded(tmp_path, planned(1, "a")) as ledger:
        ledger.commit(parked=[parked])
        (row,) = ledger.open_rows(1, 0, 9)
        assert (row.attempts, row.spent, row.doubt, row.refused) == (4, spent, doubt, refused)
        assert statuses(ledger) == ["unknown" if doubt else "not_attempted"]


def test_a_committed_outcome_is_never_overwritten_by_a_parked_state(tmp_path: Path) -> None:
    with loaded(tmp_path, planned(1, "a")) as ledger:
        ledger.commit(outcomes=[ended(1)])
        ledger.commit(parked=[Parked(row=1, attempts=9, doubt=True, error_code="x")])
        (told,) = ledger.told.rows()
        assert told.outcome == ended(1)


def test_resume_takes_failed_and_unknown_rows_up_again_only_when_asked_to(tmp_path: Path) -> None:
    rows = [planned(n, f"s{n}") for n in range(1, 6)]
    with loaded(tmp_path, *rows) as ledger:
        ledger.commit(
            outcomes=[
                ended(1),
                ended(2, Status.FAILED),
                ended(3, Status.UNKNOWN),
                ended(4, Status.REJECTED),
            ]
        )
        ledger.begin_session(SessionStart(started_at=1.5))
        assert [row.row for row in ledger.open_rows(1, 0, 9)] == [5]
        assert [scope.open_rows for scope in ledger.open_scopes()] == [1]
        assert [scope.open_rows for scope in ledger.open_scopes(also_failed=True)] == [3]
        ledger.begin_session(SessionStart(started_at=2.5, also_failed=True))
        assert [row.row for row in ledger.open_rows(1, 0, 9)] == [5]
        again = ledger.open_rows(1, 0, 9, tried=True)
        assert [(row.row, row.attempts, row.spent, row.doubt) for row in again] == [(2, 1, 1, False), (3, 1, 1, True)]


def test_what_a_session_meant_to_send_counts_in_the_next_one_only_where_nothing_was_heard_of_it(tmp_path: Path) -> None:
    with loaded(tmp_path, *(planned(n, f"s{n}") for n in range(1, 5))) as ledger:
        ledger.begin_session(SessionStart(started_at=1.5))
        ledger.commit(intents=[Intent(row=row, attempts=1) for row in (1, 2, 3, 4)])
        ledger.commit(outcomes=[ended(1), ended(2, Status.FAILED)], parked=[Parked(row=3, attempts=0, doubt=False)])
    with Ledger(tmp_path) as ledger:
        assert ledger.told.so_far().in_doubt == 1
        ledger.begin_session(SessionStart(started_at=2.5, also_failed=True))
        assert [row.row for row in ledger.open_rows(1, 0, 9)] == [3]
        again = ledger.open_rows(1, 0, 9, tried=True)
        assert [(row.row, row.attempts, row.spent, row.doubt) for row in again] == [(2, 1, 1, False), (4, 1, 0, True)]
        ledger.commit(intents=[Intent(row=2, attempts=2, spent=1)])
        row, _ = ledger.open_rows(1, 0, 9, tried=True)
        assert (row.attempts, row.spent, row.doubt) == (2, 1, True)
        ledger.commit(outcomes=[ended(2), ended(4)])
        assert statuses(ledger) == ["updated", "updated", "not_attempted", "updated"]


def test_rows_that_were_not_attempted_say_why_the_scope_or_the_run_stopped(tmp_path: Path) -> None:
    with loaded(tmp_path, planned(1, "a"), planned(2, "b", KEY2), planned(3, "c", scope=OTHER)) as ledger:
        ledger.begin_session(SessionStart(started_at=1.0))
        ledger.end_session(ended_at=2.0, exit_code=3, stopped="too long")
        ledger.stop_scope(1, "down")
        ledger.hold_key(1, KEY2, "bad key")
        assert [told.outcome.error_message for told in ledger.told.rows()] == ["down", "bad key", "too long"]
        ledger.begin_session(SessionStart(started_at=3.0))
        assert {told.outcome.error_message for told in ledger.told.rows()} == {None}


def test_counts_cover_every_status_and_every_row(tmp_path: Path) -> None:
    bad = InvalidRow(
        row=2, secret_name="?", kms_key_id="", region="", project_id="", column="secret_name", reason="no name"
    )
    with loaded(tmp_path, planned(1, "a"), bad, planned(3, "a")) as ledger:
        ledger.commit(outcomes=[ended(1)])
        counts = {count.status: count.rows for count in ledger.told.counts()}
        assert set(counts) == set(Status)
        assert {status: rows for status, rows in counts.items() if rows} == {Status.UPDATED: 2, Status.INVALID: 1}


def test_only_one_process_at_a_time_opens_a_ledger_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    with loaded(tmp_path, planned(1, "a")) as ledger:
        ledger.commit(outcomes=[ended(1)])
        assert {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {
            "ledger.db": "0o600",
            "ledger.db-wal": "0o600",
        }
        with pytest.raises(LedgerError, match="locked"):
            Ledger(tmp_path)


def test_a_load_that_was_cut_short_leaves_nothing_that_could_be_resumed(tmp_path: Path) -> None:
    loader = Loader(tmp_path)
    loader.add([planned(1, "a")])
    loader.abandon()
    with pytest.raises(LedgerError, match="no ledger here"):
        Ledger(tmp_path)


def test_a_session_keeps_the_last_word_on_its_pace_and_sums_it_up(tmp_path: Path) -> None:
    with loaded(tmp_path, planned(1, "a")) as ledger:
        ledger.begin_session(SessionStart(started_at=1.0))
        ledger.keep_pace([cell(0.0), cell(1.0)])
        ledger.keep_pace([cell(0.0, width_s=2.0, sent=100), cell(2.0, unanswered=9, code="502", allowed_per_s=None)])
        ledger.begin_session(SessionStart(started_at=2.0))
        ledger.keep_pace([cell(0.0, unanswered=0, code=None)])
    with Ledger(tmp_path) as ledger:
        kept = [(session, one.at_s, one.width_s, one.allowed_per_s) for session, one in ledger.told.pace()]
        assert kept == [(1, 0.0, 2.0, 50.0), (1, 2.0, 1.0, None), (2, 0.0, 1.0, 50.0)]
        sums = [(one.sent, one.refused, one.unanswered, one.code) for one in ledger.told.sessions()]
        assert sums == [(150, 2, 12, "502"), (50, 1, 0, None)]


def test_a_held_key_is_told_with_the_rows_that_wait_for_it(tmp_path: Path) -> None:
    of_key = (planned(2, "b", KEY2), planned(3, "b", KEY2), planned(4, "c", KEY2))
    with loaded(tmp_path, planned(1, "a"), *of_key) as ledger:
        ledger.commit(outcomes=[ended(4)])
        ledger.hold_key(1, KEY2, "disabled")
        (held,) = ledger.told.held_keys()
        assert (held.project_id, held.kms_key_id, held.reason, held.rows) == ("0" * 32, KEY2, "disabled", 2)


@pytest.mark.parametrize(
    ("release", "named"), [(("release", "8.1"), "8.1"), (("job", '{"version": "7.0"}'), "7.0"), (("x", "y"), None)]
)
def test_a_ledger_of_a_later_format_is_refused_with_the_release_it_needs_and_stays_as_it_is(
    tmp_path: Path, release: tuple[str, str], named: str | None
) -> None:
    with loaded(tmp_path, planned(1, "a")) as ledger:
        ledger._run("DELETE FROM meta")
        ledger._run("INSERT INTO meta VALUES (?, ?)", release)
        ledger._run("PRAGMA user_version=99")
    before = (tmp_path / "ledger.db").read_bytes()
    needed = f"csms-rekey {named}" if named else "another release"
    with pytest.raises(LedgerError, match=f"ledger.db: written in format 99, this release reads 6: use {needed}$"):
        Ledger(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"ledger.db": before}


@pytest.mark.parametrize("record", ["{", "[]", '{"version": 1}', '{"spec": {"limits": {"burst": 0}}}'])
def test_a_job_that_this_release_cannot_read_is_an_error_of_the_ledger(tmp_path: Path, record: str) -> None:
    with loaded(tmp_path, planned(1, "a")) as ledger:
        ledger._run("UPDATE meta SET value = ?", (record,))
        with pytest.raises(LedgerError, match=r"ledger.db: its job cannot be read by this release: ."):
            read_record(ledger)


def test_a_status_of_a_later_release_is_an_error_of_the_ledger_for_every_reader(tmp_path: Path) -> None:
    with loaded(tmp_path, planned(1, "a")) as ledger:
        ledger.commit(outcomes=[ended(1)])
        ledger._run("UPDATE outcome SET status = 'waived'")
        for read in (ledger.told.counts, ledger.told.backlog, lambda: list(ledger.told.rows())):
            with pytest.raises(LedgerError, match="waived"):
                read()


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database" * 100)
    with pytest.raises(LedgerError, match="not a database"):
        Ledger(tmp_path)


def test_a_damaged_ledger_is_told_as_such_before_anything_is_made_of_it(tmp_path: Path) -> None:
    with loaded(tmp_path, *(planned(n, f"s{n}") for n in range(1, 2_000))):
        pass
    file = tmp_path / "ledger.db"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] + b"\xff" * (len(whole) - len(whole) // 2))
    with pytest.raises(LedgerError, match=r"ledger\.db: damaged: "):
        Ledger(tmp_path)


def test_a_page_that_is_damaged_is_told_as_such_also_while_a_run_is_going(tmp_path: Path) -> None:
    with loaded(tmp_path, *(planned(n, f"s{n}") for n in range(1, 3_000))):
        pass
    file = tmp_path / "ledger.db"
    half = file.stat().st_size // 2
    with Ledger(tmp_path) as ledger:
        with file.open("r+b") as raw:
            raw.seek(half)
            raw.write(b"\xff" * half)
        ledger._run("PRAGMA shrink_memory")
        with pytest.raises(LedgerError, match=r"ledger\.db: damaged: "):
            ledger.open_rows(1, 0, 3_000)
        with pytest.raises(LedgerError, match=r"ledger\.db: damaged: "):
            list(ledger.told.rows())


@pytest.mark.parametrize("rows", [1, 40, pytest.param(600, marks=pytest.mark.slow)])
def test_what_a_run_records_needs_no_room_beyond_what_it_took_before_it_began(tmp_path: Path, rows: int) -> None:
    with loaded(tmp_path, *(planned(n, f"s{n}") for n in range(1, rows + 1))) as ledger:
        ledger.begin_session(SessionStart(started_at=1.0))
        before = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
        assert before["ledger.db-wal"] >= 4_096 * 8
        for row in range(1, rows + 1):
            for attempt in range(1, 6):
                ledger.commit(intents=[Intent(row=row, attempts=attempt)])
            outcome = msgspec.structs.replace(ended(row, Status.FAILED), error_message="x" * 500, request_id="r" * 32)
            ledger.commit(outcomes=[outcome])
            if row % 20 == 1:
                ledger.keep_pace([cell(second) for second in range(240)])
        assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == before


def test_a_row_that_was_put_aside_and_is_sent_again_in_one_commit_is_in_doubt(tmp_path: Path) -> None:
    """The other way round a crash would have lost the PUT that was about to leave."""
    with loaded(tmp_path, planned(1, "a")) as ledger:
        (scope,) = ledger.open_scopes()
        refused = Parked(row=1, attempts=1, spent=1, doubt=False, refused=True, error_code="CSMS.0302")
        ledger.commit(parked=[refused], intents=[Intent(row=1, attempts=2, spent=1)])
        (row,) = ledger.open_rows(scope.id, 0, 9)
        assert (row.attempts, row.spent, row.doubt, row.refused) == (2, 1, True, True)


def test_rows_that_an_earlier_session_has_sent_come_apart_from_the_others(tmp_path: Path) -> None:
    with loaded(tmp_path, *(planned(n, f"s{n}") for n in range(1, 6))) as ledger:
        (scope,) = ledger.open_scopes()
        refused = Parked(row=4, attempts=0, doubt=False, refused=True)
        ledger.commit(intents=[Intent(row=2, attempts=1)], parked=[refused])
        assert [row.row for row in ledger.open_rows(scope.id, 0, 9)] == [1, 2, 3, 4, 5]
        ledger.begin_session(SessionStart(started_at=0.0))
        assert [row.row for row in ledger.open_rows(scope.id, 0, 9)] == [1, 3, 5]
        assert [row.row for row in ledger.open_rows(scope.id, 0, 9, tried=True)] == [2, 4]
        assert ledger.last_row(scope.id) == 5
        found = ledger.open_row(scope.id, Elsewhere(after_row=0, backwards=True, before_row=5))
        assert found is not None
        assert found.row == 3


def limited(folder: Path, limit: int, *rows: PlannedRow | InvalidRow) -> Ledger:
    loader = Loader(folder)
    loader.add(rows)
    list(loader.settle_repeats())
    loader.leave_out_beyond(limit)
    loader.finish([("job", "{}")])
    return Ledger(folder)


@pytest.mark.parametrize(
    ("limit", "sent", "left"), [(1, [1], 4), (2, [1, 4], 2), (3, [1, 4, 7], 1), (4, [1, 4, 7, 8], 0)]
)
def test_a_limit_counts_requests_and_leaves_out_all_behind(
    tmp_path: Path, limit: int, sent: list[int], left: int
) -> None:
    """Rows that are invalid or contradict each other make no request, and a repeat belongs to the row before it."""
    contradicting = [planned(2, "x"), planned(3, "x", KEY2)]
    rows = [planned(1, "a"), *contradicting, planned(4, "b"), planned(5, "a"), planned(6, "b"), planned(7, "c")]
    with limited(tmp_path, limit, *rows, planned(8, "d")) as ledger:
        assert [row.row for row in ledger.open_rows(1, 0, 9)] == sent
        assert ledger.told.left_out() == left
        told = statuses(ledger)
        assert [row for row, status in enumerate(told, 1) if status == "invalid"] == [2, 3]
        assert ledger.told.so_far().beyond_limit == 4 - limit
        assert ledger.lift_limit() == left
        assert [row.row for row in ledger.open_rows(1, 0, 9)] == [1, 4, 7, 8]
        assert (ledger.told.left_out(), ledger.told.so_far().beyond_limit, ledger.lift_limit()) == (0, 0, 0)


def test_rows_that_are_not_selected_stay_out_of_limits_and_contradictions(tmp_path: Path) -> None:
    """Nothing takes them in again, and one that is invalid is not told so."""
    rows = [planned(1, "a"), planned(2, "b"), planned(3, "b", KEY2), planned(4, "c"), planned(5, "d")]
    unselected = [msgspec.structs.replace(row, selected=False) for row in rows[:3]]
    bad = InvalidRow(
        row=6, secret_name="", kms_key_id="", region="", project_id="", column="x", reason="y", selected=False
    )
    with limited(tmp_path, 1, *unselected, *rows[3:], bad) as ledger:
        assert [row.row for row in ledger.open_rows(1, 0, 9)] == [4]
        assert ledger.lift_limit() == 1
        assert [row.row for row in ledger.open_rows(1, 0, 9)] == [4, 5]
        assert statuses(ledger) == ["not_attempted"] * 6
        assert [told.left_out for told in ledger.told.rows()] == [True, True, True, False, False, True]


def left_out(ledger: Ledger, **rows: int) -> None:
    """Marks rows by the names of their secrets, as loading does."""
    for name, why in rows.items():
        ledger._run("UPDATE row SET left_out = ? WHERE secret_name = ?", (why, name))


def test_a_row_that_was_left_out_is_never_handed_out_and_is_told_as_not_selected(tmp_path: Path) -> None:
    bad = InvalidRow(row=6, secret_name="x", kms_key_id="", region="", project_id="", column="kms_key_id", reason="no")
    names = {1: "a", 2: "b", 3: "c", 4: "b", 5: "d"}
    with loaded(tmp_path, *(planned(row, name) for row, name in names.items()), bad) as ledger:
        left_out(ledger, b=1, c=2, x=1)
        (scope,) = ledger.open_scopes(also_failed=True)
        assert (scope.open_rows, ledger.told.backlog(also_failed=True).open_rows) == (2, 2)
        assert [row.row for row in ledger.open_rows(scope.id, 0, 9)] == [1, 5]
        assert (found := ledger.open_row(scope.id, Elsewhere(after_row=1))) is not None
        assert found.row == 5
        ledger.begin_session(SessionStart(started_at=1.0, also_failed=True))
        ledger.commit(outcomes=[ended(1), ended(5, Status.FAILED)])
        told = [(row.left_out, row.outcome.status.value, row.outcome.error_message) for row in ledger.told.rows()]
        unselected = (True, "not_attempted", "not selected")
        failed = (False, "failed", None)
        assert told == [(False, "updated", None), unselected, unselected, unselected, failed, unselected]
        assert [row.outcome.row for row in ledger.told.rows_of(Group.RUN_AGAIN)] == [5]
        assert list(ledger.told.rows_of(Group.FIX_FIRST)) == []
        assert {one.status: one.rows for one in ledger.told.counts() if one.rows} == {
            Status.UPDATED: 1,
            Status.FAILED: 1,
        }
        assert ledger.told.left_out() == 4
        assert [(one.rows, one.done, one.left_out) for one in ledger.told.scopes()] == [(5, 1, 3)]


def test_a_session_keeps_who_runs_it_and_how_what_was_changed_meanwhile_and_how_many_rows_it_ended(
    tmp_path: Path,
) -> None:
    start = SessionStart(
        started_at=1.0,
        command="resume",
        release="9.9",
        login="access keys, ends in ABCD",
        os_user="ann",
        host="box",
        changed="--rate 30/s",
    )
    with loaded(tmp_path, *(planned(n, f"s{n}") for n in range(1, 5))) as ledger:
        ledger.begin_session(SessionStart(started_at=0.0))
        ledger.commit(outcomes=[ended(1)])
        ledger.begin_session(start)
        ledger.note_control(2.0, '--rate "5/s"')
        ledger.note_control(3.5, "--pause")
        ledger.commit(outcomes=[ended(2), ended(3)])
        ledger.commit(intents=[Intent(row=4, attempts=1)])
    with Ledger(tmp_path) as ledger:
        first, second = ledger.told.sessions()
    assert (first.command, first.controls, first.rows_done) == (None, (), 1)
    assert second == SessionRecord(
        id=2,
        ended_at=None,
        exit_code=None,
        stopped=None,
        controls=(Control(at=2.0, words='--rate "5/s"'), Control(at=3.5, words="--pause")),
        rows_done=2,
        **{name: getattr(start, name) for name in ("started_at", "command", "release", "login", "os_user", "host")},
        changed="--rate 30/s",
    )


def keys_counted_by_row(ledger: Ledger) -> KeyCounts:
    passed = PassedRows()
    assert sum(len(block.numbers) for block in ledger.told.blocks(passed))
    return ledger.told.keys(passed)


def test_each_target_key_is_told_with_its_rows_its_projects_and_the_keys_it_replaces(tmp_path: Path) -> None:
    dashed = "aaaaaaaa-AAAA-aaaa-aaaa-aaaaaaaaaaaa"
    old = [f"{n:032x}" for n in range(1, 23)]

    def expecting(row: int, key: str, expected: str | None, scope: Scope = SCOPE) -> PlannedRow:
        update = SecretUpdate(secret_name=f"s{row}", kms_key_id=key, expected_kms_key_id=expected)
        return PlannedRow(row=row, scope=scope, update=update)

    many = (expecting(4 + n, KEY2, key) for n, key in enumerate(old))
    bad = InvalidRow(row=99, secret_name="x", kms_key_id="?", region="", project_id="", column="kms_key_id", reason="")
    rows = (expecting(1, KEY, old[0]), expecting(2, dashed, None), expecting(3, KEY, old[0].upper(), OTHER))
    with loaded(tmp_path, *rows, *many, bad) as ledger:
        left_out(ledger, s2=1)
        ledger.commit(outcomes=[ended(1), ended(3, Status.REJECTED)])
        found = ledger.told.keys()
        assert keys_counted_by_row(ledger) == found
    second, first = found.keys
    assert (first.kms_key_id, first.projects, first.rows, first.left_out) == (dashed, 2, 2, 1)
    assert [first.of(group) for group in Group] == [1, 1, 0]
    assert (first.old_keys, first.more_old_keys) == ((old[0],), 0)
    assert (second.kms_key_id, second.rows, second.old_keys, second.more_old_keys) == (KEY2, 22, tuple(old[:20]), 2)
    assert found.more == 0


def test_of_more_target_keys_than_can_be_listed_those_with_the_most_rows_are(tmp_path: Path) -> None:
    rows = [planned(n, f"s{n}", f"{n:032x}") for n in range(1, 106)]
    with loaded(tmp_path, *rows, planned(106, "again", f"{105:032x}")) as ledger:
        found = ledger.told.keys()
        assert keys_counted_by_row(ledger) == found
    assert (len(found.keys), found.more, found.keys[0].kms_key_id) == (100, 5, f"{105:032x}")


@pytest.mark.parametrize("count", [1, 2, 20])
def test_each_row_of_a_manifest_is_cut_out_for_one_shard_whatever_its_share_is(tmp_path: Path, count: int) -> None:
    scopes = [Scope(endpoint=SCOPE.endpoint, project_id=f"{number:032x}") for number in range(20)]
    bad = InvalidRow(
        row=101, secret_name="?", kms_key_id="", region="", project_id="", column="secret_name", reason="no name"
    )
    loaded(tmp_path, *(planned(n, f"s{n}", scope=scopes[n % 20]) for n in range(1, 101)), bad).close()
    count_places(tmp_path / names.LEDGER)
    found = []
    for index in range(count):
        folder = tmp_path / f"{index}"
        folder.mkdir()
        loader = Loader(folder)
        cut = loader.cut(tmp_path / names.LEDGER, Shard(index, count), ShardBy.PROJECT)
        assert (cut.rows, cut.invalid) == (101, 1)
        loader.finish([("job", "{}")])
        with Ledger(folder) as ledger:
            rows = [told.outcome.row for told in ledger.told.rows()]
            assert cut.rows_here == len(rows)
            found += rows
            assert rows == sorted(rows)
    assert sorted(found) == list(range(1, 102))


def test_the_ledger_of_a_shard_has_the_size_of_its_own_rows(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    loader = Loader(whole)
    loader.add(planned(n, f"s{n}", scope=OTHER if n % 4 else SCOPE) for n in range(1, 4_001))
    loader.finish([("job", "{}")])
    count_places(whole / names.LEDGER)
    sizes = {}
    for shard in (Shard(0, 1), Shard(1, 2)):
        folder = tmp_path / f"of {shard.count}"
        folder.mkdir()
        loader = Loader(folder)
        rows = loader.cut(whole / names.LEDGER, shard, ShardBy.PROJECT).rows_here
        loader.finish([("job", "{}")])
        with Ledger(folder) as ledger:
            assert sum(one.open_rows for one in ledger.open_scopes()) == rows
        assert [path.name for path in folder.iterdir()] == [names.LEDGER]
        assert (folder / names.LEDGER).stat().st_mode & 0o777 == 0o600
        sizes[rows] = (folder / names.LEDGER).stat().st_size
    assert [path.name for path in whole.iterdir()] == [names.LEDGER]
    assert sizes[1_000] < 0.4 * sizes[4_000]


def test_rows_are_counted_once_for_all_that_is_asked_of_them_and_again_after_something_was_written(
    tmp_path: Path,
) -> None:
    with loaded(tmp_path, planned(1, "s1"), planned(2, "s2")) as ledger:
        ran: list[str] = []
        ledger._connection.set_trace_callback(ran.append)
        told = ledger.told
        assert (told.backlog().open_rows, told.left_out(), told.carried(), told.so_far().rows) == (2, 0, 0, 2)
        assert len(ran) == 1
        ledger.commit(outcomes=[ended(1)])
        assert told.backlog().open_rows == 1


@pytest.mark.parametrize(
    ("known", "status"), [(Status.UPDATED, "up"), (Status.UPDATED, "updated verified"), (None, "waived")]
)
def test_a_status_that_no_release_knows_is_not_counted_as_one_that_it_is_like(
    tmp_path: Path, known: Status | None, status: str
) -> None:
    with loaded(tmp_path, planned(1, "s1"), planned(2, "s2")) as ledger:
        ledger.commit(outcomes=[ended(1)] if known is None else [ended(1), ended(2, known)])
        ledger._run("UPDATE outcome SET status = ? WHERE row = 1", (status,))
        with pytest.raises(LedgerError, match="not one that it knows"):
            ledger.told.counts()
