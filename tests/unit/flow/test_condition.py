"""What a scope learns from silence and from answers, when it suspects, and when it gives up; on virtual time."""

import asyncio
import math

import pytest

from batch.csms.faults import NO_SERVICE, FaultKind
from batch.flow.ticket import Pass
from jobs.run_view import ScopeState
from tests.unit.flow.scope import OK, THROTTLED, Scope, fault, run


@pytest.mark.parametrize("kind", sorted(NO_SERVICE))
def test_after_twenty_writes_that_meet_no_service_only_one_read_may_leave_and_only_after_two_seconds(
    kind: FaultKind,
) -> None:
    async def scenario() -> None:
        scope = Scope()
        await scope.send(fault(kind), 20)
        state, again_in_s = scope.standing()
        assert state is ScopeState.OUTAGE
        assert again_in_s is not None
        assert 2.0 <= again_in_s <= 2.4
        assert (scope.door.wants, scope.door.silent) == (Pass.TRIAL, True)
        ticket = await scope.enter()
        assert (ticket.good_for, ticket.forgives) == (Pass.READ, frozenset())
        assert 2.0 <= scope.at(ticket) <= 2.41
        assert scope.standing() == (ScopeState.OUTAGE, None)

    run(scenario)


@pytest.mark.parametrize("kind", sorted(set(FaultKind) - NO_SERVICE))
def test_any_word_of_the_service_itself_keeps_it_closed(kind: FaultKind) -> None:
    async def scenario() -> None:
        scope = Scope()
        for _ in range(3):
            await scope.send(fault(), 19)
            await scope.send(fault(kind))
        assert scope.door.wants is Pass.ROW
        assert not scope.door.silent

    run(scenario)


def test_an_answered_read_lets_one_write_out_and_an_answered_write_everyone() -> None:
    async def scenario() -> None:
        scope = Scope()
        await scope.send(fault(), 20)
        await scope.send(OK)
        trial = await scope.enter()
        assert (trial.good_for, trial.forgives) == (Pass.TRIAL, NO_SERVICE)
        entry = asyncio.create_task(scope.enter())
        await asyncio.sleep(60.0)
        assert not entry.done()
        scope.hear(trial, OK)
        assert (await entry).good_for is Pass.ROW
        assert scope.standing() == (ScopeState.RUNNING, None)

    run(scenario)


@pytest.mark.parametrize(("rows_left", "forgives"), [(4, NO_SERVICE), (3, frozenset())])
def test_a_trial_costs_its_row_an_attempt_only_where_few_rows_are_left(
    rows_left: int, forgives: frozenset[FaultKind]
) -> None:
    async def scenario() -> None:
        scope = Scope()
        await scope.send(fault(), 20)
        await scope.send(OK)
        scope.rows_left = rows_left
        assert (await scope.enter()).forgives == forgives

    run(scenario)


def test_a_trial_that_is_not_answered_is_followed_by_a_read_after_a_longer_while() -> None:
    async def scenario() -> None:
        scope = Scope()
        await scope.send(fault(), 20)
        await scope.send(OK)
        missed_s = scope.at((await scope.send(fault()))[0])
        ticket = await scope.enter()
        assert ticket.good_for is Pass.READ
        assert 3.0 <= scope.at(ticket) - missed_s <= 3.61

    run(scenario)


def test_from_the_tenth_unanswered_write_on_every_second_row_is_one_from_elsewhere() -> None:
    async def scenario() -> list[Pass]:
        scope = Scope()
        return [ticket.good_for for ticket in await scope.send(fault(), 15)]

    assert run(scenario) == [Pass.ROW] * 10 + [Pass.ELSEWHERE, Pass.ROW] * 2 + [Pass.ELSEWHERE]


def test_reads_that_meet_no_service_open_nothing_and_reads_that_are_answered_close_nothing() -> None:
    async def scenario() -> None:
        scope = Scope()
        await scope.send(fault(), 50, write=False)
        assert scope.standing()[0] is ScopeState.RUNNING
        for _ in range(20):
            await scope.send(OK, write=False)
            await scope.send(fault())
        assert scope.standing()[0] is ScopeState.OUTAGE

    run(scenario)


def test_rows_that_are_at_fault_themselves_say_nothing_and_others_must_be_many_then() -> None:
    async def scenario() -> None:
        scope = Scope()
        await scope.send(fault(), 50, row=1, own=True)
        assert scope.door.wants is Pass.ROW
        await scope.send(fault(), 30, row=2)
        assert scope.standing()[0] is ScopeState.RUNNING
        assert not scope.door.silent
        await scope.send(fault(), 19)
        assert scope.standing()[0] is ScopeState.OUTAGE
        assert scope.door.silent
        await scope.send(OK)
        scope.rows_left = 19
        assert (await scope.enter()).forgives == frozenset()

    run(scenario)


def test_where_most_requests_are_not_answered_fewer_are_in_flight_and_more_again_when_they_are() -> None:
    async def scenario() -> None:
        scope = Scope(concurrency=10, max_outage_s=1e6)
        for n in range(64):
            await scope.send(OK if n % 4 == 0 else fault())
        await asyncio.sleep(1.0)
        await scope.send(fault())
        tickets = [await scope.enter() for _ in range(6)]
        entry = asyncio.create_task(scope.enter())
        await asyncio.sleep(1.0)
        assert not entry.done()
        for ticket in tickets:
            scope.hear(ticket, OK)
        scope.hear(await entry, OK)
        await scope.send(OK, 100)
        assert [(await scope.enter()).good_for for _ in range(10)] == [Pass.ROW] * 10

    run(scenario)


@pytest.mark.parametrize("write", [True, False])
def test_it_remembers_when_a_write_and_when_a_read_was_last_answered(*, write: bool) -> None:
    async def scenario() -> None:
        scope = Scope()
        began_s = scope.loop_s
        assert not scope.door.answered_since(0.0, write=write)
        await scope.send(fault(), write=write)
        assert not scope.door.answered_since(began_s, write=write)
        await asyncio.sleep(1.0)
        await scope.send(THROTTLED, write=write)
        assert scope.door.answered_since(began_s + 1.0, write=write)
        assert not scope.door.answered_since(began_s + 1.1, write=write)
        assert not scope.door.answered_since(0.0, write=not write)

    run(scenario)


@pytest.mark.parametrize("write", [True, False])
def test_a_suspicion_opens_the_breaker_where_nothing_of_the_kind_was_answered_since(*, write: bool) -> None:
    async def scenario() -> None:
        scope = Scope()
        await scope.send(OK, write=write)
        scope.door.suspect(scope.loop_s - 1.0, write=write, rows_left=50)
        assert scope.standing()[0] is ScopeState.RUNNING
        await asyncio.sleep(5.0)
        scope.door.suspect(scope.loop_s - 1.0, write=write, rows_left=50)
        assert scope.standing()[0] is ScopeState.OUTAGE

    run(scenario)


@pytest.mark.parametrize(
    ("rows_left", "read_ago_s", "write", "own", "opens"),
    [
        (3, 5.0, True, False, False),
        (4, 5.0, True, False, True),
        (19, 5.0, True, True, False),
        (20, 5.0, True, True, True),
        (3, 9.9, True, False, False),
        (3, 10.1, True, False, True),
        (3, 5.0, False, False, True),
    ],
)
def test_where_few_rows_are_left_and_reads_were_answered_lately_the_rows_are_to_blame(
    rows_left: int, read_ago_s: float, *, write: bool, own: bool, opens: bool
) -> None:
    async def scenario() -> None:
        scope = Scope()
        await scope.send(fault(), own=own)
        await scope.send(OK, write=False)
        await asyncio.sleep(read_ago_s)
        scope.door.suspect(scope.loop_s - 1.0, write=write, rows_left=rows_left)
        assert (scope.standing()[0] is ScopeState.OUTAGE) is opens

    run(scenario)


def test_reads_that_were_answered_since_a_row_first_failed_count_however_long_ago() -> None:
    async def scenario() -> None:
        scope = Scope()
        began_s = scope.loop_s
        await scope.send(OK, write=False)
        await asyncio.sleep(100.0)
        scope.door.suspect(began_s, write=True, rows_left=3)
        assert scope.standing()[0] is ScopeState.RUNNING

    run(scenario)


def test_a_suspicion_does_not_begin_an_outage_anew() -> None:
    async def scenario() -> None:
        scope = Scope(max_outage_s=100.0)
        await scope.send(fault(), 20)
        await asyncio.sleep(60.0)
        scope.door.suspect(scope.loop_s, write=True, rows_left=50)
        assert scope.door.patience_s(scope.loop_s) == pytest.approx(40.0)

    run(scenario)


@pytest.mark.parametrize(("answered", "opens"), [("write", False), ("read", False), (None, True)])
def test_a_request_for_which_there_was_no_login_opens_it_where_nothing_was_answered_since(
    answered: str | None, *, opens: bool
) -> None:
    async def scenario() -> None:
        scope = Scope()
        began_s = scope.loop_s
        if answered:
            await scope.send(OK, write=answered == "write")
        scope.door.withheld(began_s)
        assert (scope.standing()[0] is ScopeState.OUTAGE) is opens

    run(scenario)


def test_it_never_gives_up_while_all_is_well() -> None:
    async def scenario() -> None:
        scope = Scope()
        assert scope.door.patience_s(scope.loop_s) == math.inf
        assert scope.door.given_up(scope.loop_s + 1e9) is None

    run(scenario)


def test_it_gives_up_a_service_that_has_been_down_for_too_long() -> None:
    async def scenario() -> None:
        scope = Scope(max_outage_s=60.0)
        await scope.send(fault(), 20)
        opened_s = scope.loop_s
        assert scope.door.patience_s(opened_s + 20.0) == pytest.approx(40.0, abs=1e-3)
        assert scope.door.given_up(opened_s + 59.9) is None
        assert scope.door.given_up(opened_s + 60.1) == "the service has been down for 60 s"
        assert scope.door.patience_s(opened_s + 100.0) == 0.0
        for _ in range(100):
            ticket = await scope.door.enter(lambda: True, rows_left=lambda: 50)
            if ticket is None:
                break
            scope.hear(ticket, fault())
        assert scope.now_s == pytest.approx(60.0, abs=0.01)

    run(scenario)


def test_giving_up_is_only_worth_a_word_once_refusals_last() -> None:
    async def scenario() -> None:
        scope = Scope(max_outage_s=60.0)
        assert scope.door.gives_up_in_s(scope.loop_s) is None
        await scope.send(THROTTLED)
        refused_s = scope.loop_s
        assert scope.door.gives_up_in_s(refused_s + 4.9) is None
        assert scope.door.gives_up_in_s(refused_s + 10.0) == pytest.approx(50.0, abs=1e-3)
        await scope.send(fault(), 20)
        assert scope.door.gives_up_in_s(scope.loop_s) is not None

    run(scenario)


def test_it_gives_up_a_service_that_refuses_everything_for_too_long() -> None:
    async def scenario() -> None:
        scope = Scope(max_outage_s=60.0)
        await scope.send(THROTTLED)
        refused_s = scope.loop_s
        assert scope.door.given_up(refused_s + 59.9) is None
        assert scope.door.given_up(refused_s + 60.1) == "every request has been refused for its rate for 60 s"
        for _ in range(100):
            ticket = await scope.door.enter(lambda: True, rows_left=lambda: 50)
            if ticket is None:
                break
            scope.hear(ticket, THROTTLED)
        assert scope.now_s == pytest.approx(60.0, abs=0.01)

    run(scenario)


def test_whichever_trouble_began_first_decides_and_is_named() -> None:
    async def scenario() -> None:
        scope = Scope(max_outage_s=60.0)
        await scope.send(fault(), 20)
        down_s = scope.loop_s
        await asyncio.sleep(20.0)
        await scope.send(OK)
        await scope.send(THROTTLED, write=False)
        assert scope.door.patience_s(down_s + 30.0) == pytest.approx(30.0, abs=1e-3)
        assert scope.door.given_up(down_s + 61.0) == "the service has been down for 61 s"

    run(scenario)


def test_a_limit_of_no_time_at_all_gives_up_at_once() -> None:
    async def scenario() -> None:
        scope = Scope(max_outage_s=0.0)
        await scope.send(fault(), 20)
        assert scope.door.given_up(scope.loop_s) == "the service has been down for 0 s"

    run(scenario)


def test_refusals_that_began_before_the_outage_decide_and_are_named() -> None:
    async def scenario() -> None:
        scope = Scope(max_outage_s=60.0)
        tickets = [await scope.enter() for _ in range(20)]
        await scope.send(THROTTLED)
        refused_s = scope.loop_s
        await asyncio.sleep(10.0)
        for ticket in tickets:
            scope.hear(ticket, fault())
        assert scope.standing()[0] is ScopeState.OUTAGE
        assert scope.door.given_up(refused_s + 61.0) == "every request has been refused for its rate for 61 s"

    run(scenario)


def test_an_answer_ends_the_trouble() -> None:
    async def scenario() -> None:
        scope = Scope(max_outage_s=60.0)
        await scope.send(fault(), 20)
        await scope.send(OK, 2)
        assert scope.door.patience_s(scope.loop_s) == math.inf
        await scope.send(THROTTLED)
        await scope.send(OK)
        assert scope.door.given_up(scope.loop_s + 1e9) is None

    run(scenario)
