"""What a scope makes of refusals for its rate: the gate, the rate and the pace together; on virtual time."""

import asyncio
import math
from itertools import pairwise

import pytest

from batch.csms.faults import Fault, FaultKind, Quota
from jobs.run_view import ScopeState
from tests.unit.flow.scope import NAMED, OK, THROTTLED, Scope, fault, run


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


def test_refusals_that_were_in_flight_together_hold_the_rate_back_once() -> None:
    async def scenario() -> None:
        scope = Scope("20/s", burst=3)
        await scope.send(OK, 20)
        await scope.send(NAMED)
        await scope.send(OK, 20)
        await asyncio.sleep(1.0)
        for ticket in [await scope.enter() for _ in range(3)]:
            scope.hear(ticket, NAMED)
        shut_s = scope.standing()[1]
        assert shut_s is not None
        assert scope.door.named_per_s == 20.0
        await asyncio.sleep(shut_s + 5.0)
        assert scope.door.rate_per_s == pytest.approx(19.349, abs=0.001)

    run(scenario)


def test_a_rate_that_rises_gives_no_new_burst_and_takes_none_away() -> None:
    async def scenario() -> tuple[list[float], list[float]]:
        scope = Scope("20/s", burst=3)
        await scope.send(OK, 40)
        await scope.send(NAMED, 2)
        rising = [scope.at(ticket) for ticket in await scope.send(OK, 60)]
        await asyncio.sleep(5.0)
        return rising[5:], [scope.at(ticket) for ticket in await scope.send(OK, 4)]

    rising, after = run(scenario)
    assert min(later - earlier for earlier, later in pairwise(rising)) >= 1 / 20
    assert [at_s - after[0] for at_s in after] == pytest.approx([0.0, 0.0, 0.0, 0.0504], abs=0.001)


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
