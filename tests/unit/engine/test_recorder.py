"""When outcomes become durable, and what happens to them when the ledger fails."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from batch.engine.recorder import Recorder
from jobs.ledger import Intent, Ledger, LedgerError, Parked, Seen
from jobs.model import Outcome, Status
from tests.virtual import run_virtual


class FailingLedger:
    """Keeps what is committed; fails the commits whose numbers are given, as full or broken."""

    def __init__(self, *, full: Sequence[int] = (), broken: Sequence[int] = ()) -> None:
        self.full = full
        self.broken = broken
        self.commits = 0
        self.rows: list[int] = []
        self.intents: list[int] = []
        self.said: list[tuple[str | None, str | None, str | None]] = []
        self.seen: list[str] = []

    def commit(
        self,
        *,
        intents: Sequence[Intent] = (),
        outcomes: Sequence[Outcome] = (),
        parked: Sequence[Parked] = (),
        seen: Sequence[Seen] = (),
    ) -> None:
        self.commits += 1
        if self.commits in self.full or self.commits in self.broken:
            raise LedgerError(Path("ledger.db"), "no", full=self.commits in self.full)
        self.rows += [outcome.row for outcome in outcomes] + [-row.row for row in parked]
        self.said += [(one.error_code, one.error_message, one.request_id) for one in outcomes]
        self.said += [(one.error_code, one.error_message, one.request_id) for one in parked]
        self.intents += [intent.row for intent in intents]
        self.seen += [one.kms_key_id for one in seen]


def without_canaries(text: str) -> str:
    return text.replace("canary", "***")


def outcome(row: int) -> Outcome:
    return Outcome(row=row, status=Status.UPDATED, attempts=1)


def recorder(ledger: FailingLedger, errors: list[LedgerError], *, room: list[bool] | None = None) -> Recorder:
    rooms = iter(room or [])
    return Recorder(
        cast("Ledger", ledger), on_broken=errors.append, make_room=lambda: next(rooms, False), clean=without_canaries
    )


def test_outcomes_are_committed_together_within_a_twentieth_of_a_second_and_count_only_then() -> None:
    async def scenario() -> None:
        ledger = FailingLedger()
        record = recorder(ledger, [])
        for row in range(3):
            record.settle(outcome(row))
        record.park(Parked(row=9, attempts=0, doubt=False))
        await asyncio.sleep(0.04)
        assert (ledger.commits, record.committed) == (0, {})
        await asyncio.sleep(0.02)
        assert (ledger.commits, ledger.rows) == (1, [0, 1, 2, -9])
        assert record.committed == {Status.UPDATED: 3}

    run_virtual(scenario())


def test_intents_are_on_record_with_all_that_waits_before_the_first_of_them_may_leave() -> None:
    async def scenario() -> None:
        ledger = FailingLedger()
        record = recorder(ledger, [])
        record.settle(outcome(1))
        for row in (2, 3, 4):
            assert record.intend([Intent(row=row, attempts=1)])
        assert record.on_record(3)
        assert (ledger.commits, ledger.rows, ledger.intents) == (1, [1], [2, 3, 4])
        assert record.on_record(2)
        assert record.on_record(4)
        assert ledger.commits == 1

    run_virtual(scenario())


def test_as_many_intents_as_a_commit_takes_do_not_wait_for_the_first_of_them() -> None:
    async def scenario() -> None:
        ledger = FailingLedger()
        record = recorder(ledger, [])
        assert record.intend([Intent(row=row, attempts=1) for row in range(511)])
        assert ledger.commits == 0
        assert record.intend([Intent(row=511, attempts=1)])
        assert ledger.intents == list(range(512))

    run_virtual(scenario())


def test_a_row_that_is_parked_before_it_could_leave_has_no_intent_on_record() -> None:
    async def scenario() -> None:
        ledger = FailingLedger()
        record = recorder(ledger, [])
        assert record.intend([Intent(row=1, attempts=1), Intent(row=2, attempts=1)])
        record.park(Parked(row=1, attempts=0, doubt=False))
        assert record.flush()
        assert (ledger.rows, ledger.intents) == ([-1], [2])

    run_virtual(scenario())


def test_an_intent_that_could_not_be_recorded_never_counts_as_on_record() -> None:
    for full in (False, True):

        async def scenario(*, full: bool = full) -> None:
            ledger = FailingLedger(full=[1] if full else [], broken=[] if full else [1])
            record = recorder(ledger, [], room=[True])
            assert record.intend([Intent(row=1, attempts=1)])
            assert not record.on_record(1)
            assert not record.on_record(1)
            assert ledger.intents == []

        run_virtual(scenario())


def test_a_broken_ledger_is_told_once_and_nothing_is_intended_any_more() -> None:
    async def scenario() -> None:
        ledger, errors = FailingLedger(broken=[1]), list[LedgerError]()
        record = recorder(ledger, errors)
        record.settle(outcome(1))
        assert not record.flush()
        record.settle(outcome(2))
        assert not record.intend([Intent(row=3, attempts=1)])
        assert (len(errors), ledger.commits) == (1, 1)
        assert [kept.row for kept in record.unrecorded] == [1, 2]

    run_virtual(scenario())


def test_on_a_full_disk_room_is_made_once_and_outcomes_but_no_intents_are_recorded() -> None:
    async def scenario() -> None:
        ledger, errors = FailingLedger(full=[1]), list[LedgerError]()
        record = recorder(ledger, errors, room=[True])
        record.settle(outcome(1))
        assert record.intend([Intent(row=2, attempts=1)])
        assert not record.on_record(2)
        assert (ledger.rows, ledger.intents) == ([1], [])
        record.settle(outcome(3))
        assert not record.intend([Intent(row=4, attempts=1)])
        assert (ledger.rows, ledger.intents, len(errors)) == ([1, 3], [], 1)
        assert record.unrecorded == ()

    run_virtual(scenario())


def test_a_disk_that_stays_full_leaves_its_outcomes_to_be_told_another_way() -> None:
    async def scenario() -> None:
        ledger, errors = FailingLedger(full=[1, 2, 3]), list[LedgerError]()
        record = recorder(ledger, errors, room=[True, False])
        record.settle(outcome(1))
        assert not record.flush()
        assert not record.flush()
        assert [kept.row for kept in record.unrecorded] == [1]

    run_virtual(scenario())


def test_what_the_service_said_is_kept_without_the_credentials_it_echoes() -> None:
    code, message, request_id = "C.1 canary", "m canary", "r canary"
    ended = Outcome(
        row=1, status=Status.FAILED, attempts=1, error_code=code, error_message=message, request_id=request_id
    )
    parked = Parked(row=2, attempts=1, doubt=True, error_code=code, error_message=message, request_id=request_id)

    async def scenario() -> None:
        ledger = FailingLedger()
        record = recorder(ledger, [])
        record.settle(ended)
        record.park(parked)
        record.settle(outcome(3))
        assert record.flush()
        assert sorted(ledger.said, key=str) == [("C.1 ***", "m ***", "r ***")] * 2 + [(None, None, None)]

    run_virtual(scenario())
