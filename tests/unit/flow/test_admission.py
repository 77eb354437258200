"""The door of a scope: what it lets out when, what it learns from answers, and when it gives up; on virtual time."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, TypeVar

import pytest

from batch.csms.client import Answer, SecretView
from batch.csms.faults import NO_SERVICE, Fault, FaultKind, Quota
from batch.flow.admission import Admission
from batch.flow.slots import Slots
from batch.flow.switch import Switch
from batch.flow.ticket import Exchange, Pass, Ticket
from batch.process.clock import Clock
from jobs.rate import Rate
from jobs.run_view import ScopeState
from jobs.spec import Limits
from tests.unit.flow.keys import Key
from tests.virtual import run_virtual

T = TypeVar("T")
OK = SecretView(name="a", kms_key_id="k")


def fault(
    kind: FaultKind = FaultKind.UNAVAILABLE, *, retry_after_s: float | None = None, quota: Quota | None = None
) -> Fault:
    return Fault(kind=kind, code="c", message="m", maybe_applied=True, retry_after_s=retry_after_s, quota=quota)


THROTTLED = fault(FaultKind.THROTTLED)
NAMED = fault(FaultKind.THROTTLED, quota=Quota(requests=20, period_s=1.0))


class Scope:
    """A door on the running loop, and who sends through it: each time another row, whose answer comes at once."""

    def __init__(
        self, rate: str = "unlimited", *, slots: Slots | None = None, key: Key | None = None, **limits: Any
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self.switch = Switch()
        self.door = Admission(
            Limits(rate=Rate.parse(rate), **limits),
            slots=(key or Key()).scope(slots or Slots(1_000)),
            switch=self.switch,
            clock=Clock(self._loop, utc_s=0.0),
            rng=Random(1),
        )
        self.rows_left = 100
        self._row = 0

    @property
    def now_s(self) -> float:
        """Seconds since the test began."""
        return self._loop.time() - self._began_s

    @property
    def loop_s(self) -> float:
        """The loop's own time, as the door wants it."""
        return self._loop.time()

    def at(self, ticket: Ticket) -> float:
        """When a ticket's request left, in seconds since the test began."""
        return ticket.sent_s - self._began_s

    async def enter(self, *, elsewhere: bool = False) -> Ticket:
        ticket = await self.door.enter(lambda: True, rows_left=lambda: self.rows_left, elsewhere=elsewhere)
        assert ticket is not None
        return ticket

    async def refused_entry(self, wanted: Callable[[], bool] = lambda: True) -> None:
        assert await self.door.enter(wanted, rows_left=lambda: self.rows_left) is None

    def hear(
        self, ticket: Ticket, answer: Answer, *, write: bool | None = None, row: int | None = None, own: bool = False
    ) -> None:
        self._row += 1
        self.door.note(
            ticket,
            Exchange(
                sent_s=ticket.sent_s,
                answer=answer,
                write=ticket.good_for is not Pass.READ if write is None else write,
                row=self._row if row is None else row,
                own=own,
            ),
        )
        self.door.leave()

    async def send(self, answer: Answer, count: int = 1, **how: Any) -> list[Ticket]:
        """So many requests, one after another, with the same answer."""
        tickets = []
        for _ in range(count):
            tickets.append(await self.enter(elsewhere=self.door.wants is Pass.ELSEWHERE))
            self.hear(tickets[-1], answer, **how)
        return tickets

    def standing(self) -> tuple[ScopeState, float | None]:
        return self.door.standing(self.loop_s)


def run(scenario: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return run_virtual(scenario())


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


def test_a_gate_that_shuts_during_the_wait_for_a_slot_holds_the_request_back_without_one() -> None:
    async def scenario() -> None:
        slots = Slots(2)
        other, scope = Scope(slots=slots), Scope(slots=slots)
        await other.send(OK)
        await scope.send(OK)
        mine, theirs = await scope.enter(), await other.enter()
        other.door.close()
        entry = asyncio.create_task(scope.enter())
        await asyncio.sleep(1.0)
        refusal = fault(FaultKind.THROTTLED, retry_after_s=9.0)
        scope.door.note(mine, Exchange(sent_s=mine.sent_s, answer=refusal, write=True, row=1))
        other.hear(theirs, OK)
        await asyncio.sleep(1.0)
        assert (slots.taken, scope.door.in_flight) == (1, 1)
        assert 10.0 <= scope.at(await entry) <= 10.26

    run(scenario)


# Refusals for the rate.


@pytest.mark.parametrize(
    ("refusal", "least_s", "most_s"),
    [
        (THROTTLED, 0.1, 0.12),
        (NAMED, 0.15, 0.25),
        (fault(FaultKind.THROTTLED, retry_after_s=7.0), 7.0, 7.25),
        (fault(FaultKind.THROTTLED, quota=Quota(requests=900, period_s=3.0)), 0.45, 0.75),
    ],
)
def test_a_refusal_for_the_rate_shuts_the_gate_for_everybody(refusal: Fault, least_s: float, most_s: float) -> None:
    async def scenario() -> None:
        scope = Scope("1000/s")
        await scope.send(refusal)
        state, again_in_s = scope.standing()
        assert state is ScopeState.THROTTLED
        assert again_in_s is not None
        assert least_s <= again_in_s <= most_s
        ticket = await scope.enter()
        assert least_s <= scope.at(ticket) <= most_s + 0.001
        assert ticket.forgives == {FaultKind.THROTTLED}
        scope.hear(ticket, OK)
        assert scope.standing() == (ScopeState.RUNNING, None)
        assert (await scope.enter()).forgives == frozenset()

    run(scenario)


def test_more_than_three_in_a_hundred_refused_are_not_alone_and_shut_the_gate_longer() -> None:
    async def scenario() -> list[float]:
        scope, waits = Scope("1000/s"), []
        for _ in range(3):
            await scope.send(THROTTLED)
            waits.append(scope.standing()[1] or 0.0)
            await scope.send(OK, 5)
        return waits

    alone_s, *others = run(scenario)
    assert alone_s <= 0.12
    assert all(0.15 <= wait_s <= 0.25 for wait_s in others)


def test_refusals_that_the_rate_does_not_explain_are_alone_again_and_the_rate_is_back() -> None:
    async def scenario() -> None:
        scope = Scope("50/s")
        await scope.send(OK, 100)
        for _ in range(3):
            await scope.send(THROTTLED, 2)
            await scope.send(OK, 15)
        assert scope.door.rate_per_s == pytest.approx(50.0, rel=0.03)
        await scope.send(THROTTLED)
        wait_s = scope.standing()[1]
        assert wait_s is not None
        assert wait_s <= 0.12

    run(scenario)


def test_the_rate_steps_down_where_too_many_are_refused_and_rises_again_but_not_behind_a_shut_gate() -> None:
    async def scenario() -> None:
        scope = Scope("20/s")
        await scope.send(OK, 40)
        await scope.send(NAMED, 2)
        assert scope.door.rate_per_s < 15.0 + 0.01
        shut_s = scope.standing()[1]
        assert shut_s is not None
        await asyncio.sleep(shut_s)
        assert scope.door.rate_per_s == pytest.approx(15.0, abs=0.001)
        await asyncio.sleep(5.0)
        assert scope.door.rate_per_s == pytest.approx(19.349, abs=0.001)

    run(scenario)


def test_the_next_request_is_due_by_the_rate_at_which_the_last_one_left() -> None:
    """Not by that of the last answer: between two of a slow scope the curve rises a lot."""

    async def scenario() -> list[float]:
        scope = Scope("20/s")
        await scope.send(OK, 40)
        await scope.send(NAMED, 2)
        await scope.send(OK)
        await asyncio.sleep(30.0)
        return [scope.at(await scope.enter()) for _ in range(2)]

    first_s, second_s = run(scenario)
    assert second_s - first_s == pytest.approx(1 / (20 * 0.992), abs=1e-3)


def test_a_rate_that_differs_by_less_than_a_hundredth_keeps_its_pacer() -> None:
    async def scenario() -> None:
        scope = Scope("20/s")
        await scope.send(OK, 40)
        await scope.send(NAMED, 2)
        await scope.send(OK)
        pacer = scope.door._pacer
        await scope.send(OK)
        assert scope.door._pacer is pacer
        await scope.send(OK, 5)
        assert scope.door._pacer is not pacer

    run(scenario)


def test_an_unlimited_rate_is_paced_after_the_first_real_refusals() -> None:
    async def scenario() -> None:
        scope = Scope()
        await scope.send(OK, 50)
        assert scope.door.rate_per_s == math.inf
        await scope.send(THROTTLED, 2)
        await asyncio.sleep(1.0)
        # 50 within the last second were accepted.
        assert 37.0 <= scope.door.rate_per_s <= 50.0

    run(scenario)


def test_a_rate_that_is_to_be_found_doubles_each_second_until_it_is_refused() -> None:
    async def scenario() -> None:
        scope = Scope("auto")
        await scope.send(OK, 60)
        assert scope.now_s == pytest.approx(3.0, abs=0.5)
        assert 30.0 <= scope.door.rate_per_s <= 60.0
        await scope.send(THROTTLED)
        assert scope.door.rate_per_s < 40.0

    run(scenario)


def test_an_answer_without_the_service_is_no_refusal_for_the_rate_and_opens_the_gate() -> None:
    async def scenario() -> None:
        scope = Scope("1000/s")
        await scope.send(THROTTLED)
        await scope.send(fault())
        assert scope.standing()[0] is ScopeState.RUNNING

    run(scenario)


# Silence.


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


# Suspicion.


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


# Giving up.


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


# A write that follows its read.


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
        assert await scope.door.follow(ticket, scope.loop_s + 0.001) is not None

    run(scenario)


def test_it_does_not_leave_into_an_outage_unless_it_is_the_trial_itself() -> None:
    async def scenario() -> None:
        scope = Scope()
        ticket = await scope.enter()
        await scope.send(fault(), 20)
        assert await scope.door.follow(ticket, scope.loop_s + 60.0) is None
        await scope.send(OK)
        trial = await scope.enter()
        assert trial.good_for is Pass.TRIAL
        assert await scope.door.follow(trial, scope.loop_s + 60.0) is not None

    run(scenario)


def test_a_stop_ends_its_wait_too() -> None:
    async def scenario() -> None:
        scope = Scope("1/m")
        ticket = await scope.enter()
        asyncio.get_running_loop().call_later(5.0, scope.switch.stop)
        assert await scope.door.follow(ticket, scope.loop_s + 100.0) is None
        assert scope.now_s == pytest.approx(5.0, abs=1e-3)

    run(scenario)


# Slots.


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
