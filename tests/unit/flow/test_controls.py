"""What a user changes while requests leave: another rate and a pause take hold at once, whatever was booked."""

import asyncio
from collections.abc import Callable

import pytest

from jobs.rate import Rate
from jobs.run_view import ScopeState
from tests.unit.flow.scope import NAMED, OK, THROTTLED, Scope, fault, run


def later(seconds: float, what: Callable[[], object]) -> None:
    asyncio.get_running_loop().call_later(seconds, what)


def test_a_long_wait_at_a_slow_rate_ends_soon_after_the_rate_was_raised() -> None:
    async def scenario() -> list[float]:
        scope = Scope("1/h")
        await scope.send(OK)
        later(10.0, lambda: scope.door.allow(Rate.parse("10/s")))
        return [scope.at(ticket) for ticket in await scope.send(OK, 3)]

    first, second, third = run(scenario)
    assert 10.0 <= first <= 10.2
    assert (second - first, third - second) == pytest.approx((0.1008, 0.1008), abs=2e-3)


def test_a_lowered_rate_holds_for_the_very_next_request() -> None:
    async def scenario() -> list[float]:
        scope = Scope("100/s", burst=20)
        await scope.send(OK, 10)
        scope.door.allow(Rate.parse("30/m"))
        return [scope.at(ticket) for ticket in await scope.send(OK, 13)]

    left = run(scenario)
    assert left[9] == pytest.approx(left[0], abs=1e-3), "what was left of the burst"
    assert left[11] - left[10] == pytest.approx(2.0, abs=0.05)
    assert left[12] - left[11] == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("before", ["unlimited", "auto", "100/s", "2/s"])
@pytest.mark.parametrize("after", ["5/s", "50/s", "200/5m"])
def test_no_second_holds_more_than_the_higher_of_the_two_rates_and_a_burst(before: str, after: str) -> None:
    async def scenario() -> list[float]:
        scope = Scope(before, burst=3)
        tickets = await scope.send(OK, 30)
        scope.door.allow(Rate.parse(after))
        tickets += await scope.send(OK, 30)
        return [scope.at(ticket) for ticket in tickets[30 if before in {"unlimited", "auto"} else 0 :]]

    left = run(scenario)
    most = max(Rate.parse(rate).per_s for rate in (before, after) if rate not in {"unlimited", "auto"}) + 3
    assert all(sum(at <= other < at + 1.0 for other in left) <= most for at in left)


def test_a_limit_that_the_service_named_holds_whatever_the_user_allows() -> None:
    async def scenario() -> list[float | None]:
        scope = Scope("50/s")
        await scope.send(NAMED)
        named = []
        for rate in ("10/s", "100/s", "unlimited", "auto"):
            scope.door.allow(Rate.parse(rate))
            named.append(scope.door.named_per_s)
        return named

    assert run(scenario) == [10.0, 20.0, 20.0, 20.0]


def test_a_rate_that_others_keep_down_is_not_raised_by_a_higher_one_that_is_allowed() -> None:
    async def scenario() -> tuple[float, float, float]:
        scope = Scope("10/s")
        await scope.send(OK, 20)
        await scope.send(THROTTLED, 10)
        low = scope.door.rate_per_s
        scope.door.allow(Rate.parse("20/s"))
        raised = scope.door.rate_per_s
        scope.door.allow(Rate.parse("1/s"))
        return low, raised, scope.door.rate_per_s

    low, raised, lowered = run(scenario)
    assert low < 10.0
    assert raised == pytest.approx(low, rel=0.01)
    assert lowered == 1.0


def test_a_rate_that_is_sought_continues_to_be_sought_below_the_one_that_is_allowed() -> None:
    async def scenario() -> tuple[float, float, float]:
        scope = Scope("auto")
        scope.door.allow(Rate.parse("4/s"))
        lowered = scope.door.rate_per_s
        scope.door.allow(Rate.parse("auto"))
        again = scope.door.rate_per_s
        scope.door.allow(Rate.parse("500/s"))
        return lowered, again, scope.door.rate_per_s

    assert run(scenario) == (4.0, 10.0, 10.0)


def test_nothing_leaves_in_a_pause_and_everything_after_it() -> None:
    async def scenario() -> tuple[float, float]:
        scope = Scope("1/s")
        await scope.send(OK)
        scope.door.pause()
        later(60.0, scope.door.proceed)
        (first, second) = await scope.send(OK, 2)
        return scope.at(first), scope.at(second)

    assert run(scenario) == pytest.approx((60.0, 61.008), abs=0.02)


def test_a_stop_ends_a_pause_at_once_with_nothing() -> None:
    async def scenario() -> float:
        scope = Scope()
        scope.door.pause()
        later(5.0, scope.switch.stop)
        await scope.refused_entry()
        return scope.now_s

    assert run(scenario) == pytest.approx(5.0, abs=1e-3)


@pytest.mark.parametrize(("answer", "state"), [(fault(), ScopeState.OUTAGE), (THROTTLED, ScopeState.THROTTLED)])
def test_a_pause_does_not_count_for_the_longest_outage(answer: object, state: ScopeState) -> None:
    async def scenario() -> list[bool]:
        scope = Scope(max_outage_s=100.0)
        await scope.send(answer, 20 if state is ScopeState.OUTAGE else 1)  # type: ignore[arg-type]  # one of the two
        assert scope.standing()[0] is state
        await asyncio.sleep(60.0)
        scope.door.pause()
        await asyncio.sleep(1_000.0)
        given_up = [scope.door.given_up(scope.loop_s) is not None]
        scope.door.proceed()
        for wait_s in (30.0, 15.0):
            await asyncio.sleep(wait_s)
            given_up.append(scope.door.given_up(scope.loop_s) is not None)
        return given_up

    assert run(scenario) == [False, False, True]


@pytest.mark.parametrize("paused", [False, True])
def test_the_time_between_two_waves_does_not_count_for_the_longest_outage(*, paused: bool) -> None:
    """Nor does a pause that begins or ends within it change that."""

    async def scenario() -> list[float]:
        scope = Scope(max_outage_s=100.0)
        await scope.send(fault(), 20)
        await asyncio.sleep(60.0)
        scope.door.close()
        if paused:
            later(100.0, scope.door.pause)
            later(200.0, scope.door.proceed)
        await asyncio.sleep(1_000.0)
        waiting_s = scope.door.patience_s(scope.loop_s)
        scope.door.reopen()
        return [waiting_s, scope.door.patience_s(scope.loop_s)]

    assert run(scenario) == [float("inf"), pytest.approx(40.0, abs=1e-3)]


def test_a_pause_outlasts_the_time_between_two_waves() -> None:
    async def scenario() -> float:
        scope = Scope()
        scope.door.close()
        scope.door.pause()
        scope.door.reopen()
        later(60.0, scope.door.proceed)
        await scope.enter()
        return scope.now_s

    assert run(scenario) == pytest.approx(60.0, abs=0.01)


def test_an_outage_that_begins_in_a_pause_counts_from_its_end() -> None:
    async def scenario() -> tuple[float, float]:
        scope = Scope(max_outage_s=100.0)
        tickets = [await scope.enter() for _ in range(20)]
        scope.door.pause()
        await asyncio.sleep(30.0)
        for ticket in tickets:
            scope.hear(ticket, fault())
        await asyncio.sleep(30.0)
        paused_s = scope.door.patience_s(scope.loop_s)
        scope.door.proceed()
        return paused_s, scope.door.patience_s(scope.loop_s)

    paused_s, after_s = run(scenario)
    assert paused_s == float("inf")
    assert after_s == pytest.approx(100.0, abs=1e-3)


def test_a_trial_that_did_not_leave_leaves_the_way_open_for_another() -> None:
    async def scenario() -> float:
        scope = Scope()
        await scope.send(fault(), 20)
        ticket = await scope.enter()
        scope.door.pause()
        scope.door.withdraw(ticket)
        scope.door.leave()
        later(60.0, scope.door.proceed)
        again = await scope.enter()
        assert again.good_for is ticket.good_for
        return again.sent_s - ticket.sent_s

    assert run(scenario) == pytest.approx(60.0, abs=0.1)
