"""The door of a scope: what leaves when, what ends the wait, and what follows a read; on virtual time."""

import asyncio

import pytest

from batch.csms.faults import FaultKind
from batch.flow.slots import Slots
from batch.flow.ticket import Exchange, Pass, Ticket
from jobs.run_view import ScopeState
from tests.unit.flow.keys import Key
from tests.unit.flow.scope import OK, Scope, fault, run


def test_where_nothing_is_wrong_a_request_for_any_row_leaves_at_once_and_is_counted() -> None:
    async def scenario() -> None:
        scope = Scope()
        ticket = await scope.enter()
        assert (ticket.good_for, ticket.forgives, scope.door.wants) == (Pass.ROW, frozenset(), Pass.ROW)
        assert scope.at(ticket) == pytest.approx(0.0, abs=1e-6)
        assert (scope.door.sent, scope.door.in_flight) == (1, 1)
        assert scope.standing() == (ScopeState.RUNNING, None)
        scope.door.leave()
        assert (scope.door.sent, scope.door.in_flight) == (1, 0)

    run(scenario)


def test_requests_are_spaced_out_by_the_rate() -> None:
    async def scenario() -> list[float]:
        scope = Scope("10/s")
        return [scope.at(ticket) for ticket in await scope.send(OK, 3)]

    assert run(scenario) == pytest.approx([0.0, 0.1008, 0.2016], abs=1e-3)


def test_a_burst_leaves_at_once() -> None:
    async def scenario() -> list[float]:
        scope = Scope("10/s", burst=3)
        return [scope.at(ticket) for ticket in await scope.send(OK, 4)]

    assert run(scenario) == pytest.approx([0.0, 0.0, 0.0, 0.1008], abs=1e-3)


def test_no_more_are_in_flight_than_the_user_allows() -> None:
    async def scenario() -> float:
        scope = Scope(concurrency=2)
        first = await scope.enter()
        await scope.enter()
        asyncio.get_running_loop().call_later(5.0, scope.hear, first, OK)
        return scope.at(await scope.enter())

    assert run(scenario) == pytest.approx(5.0, abs=1e-3)


def test_a_wait_for_an_answer_is_a_sleep_and_no_polling() -> None:
    async def scenario() -> int:
        scope, asked = Scope(concurrency=1), 0

        def wanted() -> bool:
            nonlocal asked
            asked += 1
            return True

        first = await scope.enter()
        asyncio.get_running_loop().call_later(5.0, scope.hear, first, OK)
        ticket = await scope.door.enter(wanted, rows_left=lambda: 1)
        assert ticket is not None
        assert ticket.good_for is Pass.ROW
        return asked

    assert run(scenario) <= 3


def test_a_stop_ends_every_wait_with_nothing() -> None:
    async def scenario() -> float:
        scope = Scope("1/h")
        await scope.enter()
        asyncio.get_running_loop().call_later(5.0, scope.switch.stop)
        await scope.refused_entry()
        ended_s = scope.now_s
        await scope.refused_entry()
        return ended_s

    assert run(scenario) == pytest.approx(5.0, abs=1e-3)


def test_a_request_that_is_not_wanted_any_more_does_not_leave() -> None:
    async def scenario() -> None:
        scope = Scope("1/m")
        await scope.refused_entry(lambda: False)
        await scope.enter()
        began_s = scope.loop_s
        await scope.refused_entry(lambda: scope.loop_s < began_s + 30.0)
        assert (scope.door.sent, scope.door.in_flight) == (1, 1)
        assert scope.now_s == pytest.approx(60.48, abs=0.01)

    run(scenario)


@pytest.mark.parametrize("why", ["stopped", "not wanted"])
def test_what_changes_during_the_wait_for_a_slot_counts_and_the_slot_is_given_back(why: str) -> None:
    async def scenario() -> None:
        slots, wanted = Slots(1), True
        other, scope = Scope(slots=slots), Scope(slots=slots)
        ticket = await other.enter()
        entry = asyncio.create_task(scope.door.enter(lambda: wanted, rows_left=lambda: 1))
        await asyncio.sleep(1.0)
        if why == "stopped":
            scope.switch.stop()
        else:
            wanted = False
        other.hear(ticket, OK)
        assert await entry is None
        assert (scope.door.sent, slots.taken) == (0, 0)

    run(scenario)


@pytest.mark.parametrize(("retry_after_s", "least_s", "most_s"), [(9.0, 9.0, 9.26), (None, 0.1, 0.13)])
def test_a_gate_that_shuts_during_the_wait_for_a_slot_holds_the_request_back_without_one(
    retry_after_s: float | None, least_s: float, most_s: float
) -> None:
    async def scenario() -> None:
        slots = Slots(2)
        other, scope = Scope(slots=slots), Scope(slots=slots)
        await other.send(OK)
        await scope.send(OK)
        mine, theirs = await scope.enter(), await other.enter()
        other.door.close()
        entry = asyncio.create_task(scope.enter())
        await asyncio.sleep(1.0)
        refusal = fault(FaultKind.THROTTLED, retry_after_s=retry_after_s)
        scope.door.note(mine, Exchange(sent_s=mine.sent_s, answer=refusal, write=True, row=1))
        other.hear(theirs, OK)
        await asyncio.sleep(0.05)
        assert (slots.taken, scope.door.in_flight) == (1, 1)
        assert 1.0 + least_s <= scope.at(await entry) <= 1.0 + most_s

    run(scenario)


def test_a_scope_that_has_ended_leaves_its_share_to_the_others() -> None:
    async def scenario() -> None:
        slots = Slots(4)
        other, scope = Scope(slots=slots), Scope(slots=slots)
        for _ in range(2):
            await scope.enter()
        entry = asyncio.create_task(scope.enter())
        await asyncio.sleep(1.0)
        assert not entry.done()
        other.door.close()
        scope.hear(Ticket(sent_s=scope.loop_s, good_for=Pass.ROW), OK)
        assert (await entry).good_for is Pass.ROW
        assert (await scope.enter()).good_for is Pass.ROW

    run(scenario)


@pytest.mark.parametrize("heard", ["nothing", "an answer", "an outage"])
def test_only_scopes_from_which_nothing_is_heard_share_half_of_the_slots(heard: str) -> None:
    async def scenario() -> None:
        slots = Slots(4)
        scope, *_others = Scope(slots=slots), Scope(slots=slots), Scope(slots=slots)
        if heard != "nothing":
            await scope.send(OK)
        if heard == "an outage":
            await scope.send(fault(), 20)
        await scope.enter()
        assert (slots.for_silent._value == 1) is (heard != "an answer")

    run(scenario)


def test_a_key_that_is_not_proven_lets_one_request_out() -> None:
    async def scenario() -> float:
        key = Key(proven=False)
        scope = Scope(key=key)
        first = await scope.enter()

        def accepted() -> None:
            key.proven = True
            scope.hear(first, OK)

        asyncio.get_running_loop().call_later(5.0, accepted)
        return scope.at(await scope.enter())

    assert run(scenario) == pytest.approx(5.0, abs=1e-3)


def test_the_write_after_a_read_leaves_before_everybody_else_in_the_slot_of_the_read() -> None:
    async def scenario() -> None:
        scope = Scope("10/s", concurrency=2)
        ticket = await scope.enter()
        entry = asyncio.create_task(scope.enter())
        await asyncio.sleep(0.01)
        sent_s = await scope.door.follow(ticket, scope.loop_s + 5.0)
        assert sent_s is not None
        assert sent_s - ticket.sent_s == pytest.approx(0.1008, abs=1e-3)
        assert (scope.door.sent, scope.door.in_flight) == (2, 1)
        assert (await entry).sent_s - sent_s == pytest.approx(0.1008, abs=1e-3)

    run(scenario)


def test_two_such_writes_leave_one_after_the_other_and_both_before_everybody_else() -> None:
    async def scenario() -> None:
        scope = Scope("10/s", burst=2)
        first, second = await scope.enter(), await scope.enter()
        follows = [asyncio.create_task(scope.door.follow(one, scope.loop_s + 5.0)) for one in (first, second)]
        await asyncio.sleep(0.0)
        entry = asyncio.create_task(scope.enter())
        one_s, other_s = await asyncio.gather(*follows)
        assert one_s is not None
        assert other_s is not None
        assert max(one_s, other_s) < (await entry).sent_s

    run(scenario)


def test_it_waits_for_the_gate_too() -> None:
    async def scenario() -> None:
        scope = Scope("1000/s")
        ticket = await scope.enter()
        await scope.send(fault(FaultKind.THROTTLED, retry_after_s=3.0))
        sent_s = await scope.door.follow(ticket, scope.loop_s + 5.0)
        assert sent_s is not None
        assert 3.0 <= sent_s - ticket.sent_s <= 3.26

    run(scenario)


@pytest.mark.parametrize(("until_s", "waited_s"), [(2.0, 0.0), (-1.0, 0.0)])
def test_it_does_not_leave_where_the_read_would_be_too_old(until_s: float, waited_s: float) -> None:
    async def scenario() -> None:
        scope = Scope("1000/s")
        ticket = await scope.enter()
        await scope.send(fault(FaultKind.THROTTLED, retry_after_s=3.0))
        assert await scope.door.follow(ticket, scope.loop_s + until_s) is None
        assert scope.now_s == pytest.approx(waited_s, abs=1e-2)
        assert scope.door.sent == 2
        # And the way is free again for the others.
        assert scope.at(await scope.enter()) <= 3.3

    run(scenario)


def test_a_read_that_is_too_old_already_is_not_followed_though_nothing_holds_it_back() -> None:
    async def scenario() -> None:
        scope = Scope()
        ticket = await scope.enter()
        assert await scope.door.follow(ticket, scope.loop_s - 0.001) is None
        assert await scope.door.follow(ticket, scope.loop_s) is not None

    run(scenario)


def test_it_does_not_leave_into_an_outage_unless_it_is_the_trial_itself() -> None:
    async def scenario() -> None:
        scope = Scope()
        ticket = await scope.enter()
        await scope.send(fault(), 20)
        await asyncio.sleep(1.5)
        assert await scope.door.follow(ticket, scope.loop_s + 60.0) is None
        await scope.send(OK)
        trial = await scope.enter()
        assert trial.good_for is Pass.TRIAL
        assert await scope.door.follow(trial, scope.loop_s + 60.0) is not None

    run(scenario)


async def _read_of_a_trial(scope: Scope) -> Ticket:
    """An outage, a read that is answered, and then the read of the row that is on trial."""
    await scope.send(fault(), 20)
    await scope.send(OK)
    trial = await scope.enter()
    scope.door.note(trial, Exchange(sent_s=trial.sent_s, answer=OK, write=False, row=1))
    return trial


def test_while_the_write_of_a_trial_follows_and_until_it_is_answered_nothing_else_leaves() -> None:
    async def scenario() -> None:
        scope = Scope("1/s")
        trial = await _read_of_a_trial(scope)
        entry = asyncio.create_task(scope.enter())
        assert await scope.door.follow(trial, scope.loop_s + 5.0) is not None
        await asyncio.sleep(60.0)
        assert not entry.done()
        scope.hear(trial, OK)
        assert (await entry).good_for is Pass.ROW

    run(scenario)


def test_where_the_write_of_a_trial_could_not_follow_another_trial_may_leave() -> None:
    async def scenario() -> None:
        scope = Scope("1/s")
        trial = await _read_of_a_trial(scope)
        assert await scope.door.follow(trial, scope.loop_s + 0.5) is None
        assert (await scope.enter()).good_for is Pass.TRIAL

    run(scenario)


def test_a_stop_ends_its_wait_too() -> None:
    async def scenario() -> None:
        scope = Scope("1/m")
        ticket = await scope.enter()
        asyncio.get_running_loop().call_later(5.0, scope.switch.stop)
        assert await scope.door.follow(ticket, scope.loop_s + 100.0) is None
        assert scope.now_s == pytest.approx(5.0, abs=1e-3)

    run(scenario)
