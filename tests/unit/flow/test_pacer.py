"""How many requests get out in which window, on virtual time."""

import asyncio
import math
from random import Random

import pytest

from batch.flow.pacer import LimiterPacer, Pacer, Unpaced, pacer_for
from tests.virtual import run_virtual


async def _send(pacer: Pacer, count: int, *, lateness_s: float = 0.0, pause_after: int = -1) -> list[float]:
    """Sends as a lane does; every wake-up is late by `lateness_s`."""
    loop = asyncio.get_running_loop()
    sent: list[float] = []
    while len(sent) < count:
        wait_s = pacer.wait_s(loop.time())
        if wait_s > 0:
            await asyncio.sleep(wait_s + lateness_s)
            continue
        if len(sent) == pause_after:
            pause_after = -1
            await asyncio.sleep(7.0)
        await pacer.take(loop.time())
        sent.append(loop.time())
    return sent


def most_in_a_second(sent: list[float]) -> int:
    """The most requests in any half-open window of one second that starts with one of them."""
    return max(sum(start <= moment < start + 1.0 - 1e-6 for moment in sent) for start in sent)


@pytest.mark.parametrize("per_s", [0.5, 1.0, 2.5, 10.0, 20.0, 50.0, 200.0, 1000.0])
@pytest.mark.parametrize("burst", [1, 3, 10])
@pytest.mark.parametrize("lateness_s", [0.0, 0.0011, 0.02])
def test_no_second_ever_holds_more_than_rate_plus_burst(per_s: float, burst: int, lateness_s: float) -> None:
    sent = run_virtual(_send(pacer_for(per_s, burst), 300, lateness_s=lateness_s, pause_after=150))
    assert most_in_a_second(sent) <= per_s + burst


@pytest.mark.parametrize("per_s", [0.5, 1.0, 10.0, 20.0, 50.0, 200.0, 1000.0])
def test_late_timers_do_not_slow_it_down(per_s: float) -> None:
    sent = run_virtual(_send(pacer_for(per_s, 1), 1_000, lateness_s=0.0011))
    assert 0.99 <= 999 / (sent[-1] - sent[0]) / per_s <= 1.0


@pytest.mark.parametrize("per_s", [5.0, 20.0, 200.0])
def test_a_quota_that_is_exactly_the_rate_is_not_overrun_by_jitter(per_s: float) -> None:
    late = Random(1)
    sent = run_virtual(_send(pacer_for(per_s, 1), 1_000, lateness_s=0.0))
    arrived = sorted(moment + late.uniform(0.0, 0.003) for moment in sent)
    assert most_in_a_second(arrived) <= per_s


@pytest.mark.parametrize(("per_s", "burst"), [(0.5, 1), (10.0, 1), (10.0, 5), (50.0, 3), (200.0, 10)])
def test_where_the_schedule_is_broken_the_bucket_still_keeps_the_bound(per_s: float, burst: int) -> None:
    """The second line of defence: were `acquire` left out, everything here would leave in the same instant."""

    async def scenario() -> list[float]:
        loop = asyncio.get_running_loop()
        pacer, sent = pacer_for(per_s, burst), []
        for _ in range(200):
            pacer.due_s = -math.inf
            await pacer.take(loop.time())
            sent.append(loop.time())
        return sent

    sent = run_virtual(scenario())
    assert most_in_a_second(sent) <= per_s + burst
    assert 199 / (sent[-1] - sent[0]) >= 0.98 * per_s


def test_the_bucket_of_a_new_rate_knows_what_the_old_one_used_up_of_the_burst() -> None:
    async def scenario() -> list[float]:
        loop = asyncio.get_running_loop()
        pacer, sent = pacer_for(10.0, 5), []
        for n in range(50):
            if n == 5:
                pacer = pacer_for(9.0, 5, after=pacer, now_s=loop.time())
                await asyncio.sleep(pacer.wait_s(loop.time()))
            elif n > 5:
                pacer.due_s = -math.inf
            await pacer.take(loop.time())
            sent.append(loop.time())
        return sent

    assert most_in_a_second(run_virtual(scenario())) <= 10.0 + 5


def test_as_long_as_the_schedule_is_right_the_bucket_never_waits() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        pacer, waited_s = pacer_for(50.0, 3), 0.0
        for n in range(500):
            await asyncio.sleep(pacer.wait_s(loop.time()) + 0.003 * (n % 3))
            now_s = loop.time()
            await pacer.take(now_s)
            waited_s += loop.time() - now_s
        return waited_s

    assert run_virtual(scenario()) == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("burst", [1, 4])
def test_a_rate_that_changes_all_the_time_is_never_exceeded(burst: int) -> None:
    async def scenario() -> list[float]:
        loop = asyncio.get_running_loop()
        rng, pacer, sent = Random(1), pacer_for(20.0, burst), []
        for _ in range(500):
            await asyncio.sleep(pacer.wait_s(loop.time()) + rng.choice([0.0, 0.0, 0.0, 0.001, 0.5]))
            if rng.random() < 0.5:
                pacer = pacer_for(rng.uniform(10.0, 20.0), burst, after=pacer, now_s=loop.time())
            if pacer.wait_s(loop.time()) == 0:
                await pacer.take(loop.time())
                sent.append(loop.time())
        return sent

    assert most_in_a_second(run_virtual(scenario())) <= 20 + burst


def test_the_next_request_is_due_an_interval_later_and_a_late_one_is_made_up_for() -> None:
    """At 10/s less 0.8 % the interval is 100.806 ms."""

    async def scenario() -> list[float]:
        loop = asyncio.get_running_loop()
        pacer, waits = pacer_for(10.0, 1), []
        for late_s in (0.0, 0.005, 0.5):
            await asyncio.sleep(pacer.wait_s(loop.time()) + late_s)
            await pacer.take(loop.time())
            waits.append(pacer.wait_s(loop.time()))
        return waits

    assert run_virtual(scenario()) == pytest.approx([0.100806, 0.095806, 0.100806], abs=1e-5)


def test_a_burst_leaves_at_once_and_only_after_a_pause() -> None:
    sent = run_virtual(_send(pacer_for(10.0, 5), 20))
    assert sent[4] == sent[0]
    assert sent[5] - sent[4] == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize(
    ("taken", "pause_s", "left"), [(0, 0.0, 4), (1, 0.0, 3), (4, 0.0, 0), (5, 0.0, 0), (5, 0.3, 1.976), (5, 9.0, 4)]
)
def test_a_new_rate_keeps_what_is_left_of_the_burst(taken: int, pause_s: float, left: float) -> None:
    """The fifth request is due 100.806 ms after the burst has left: 0.3 s after it 1.976 more may."""

    async def scenario() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        old = pacer_for(10.0, 5)
        for _ in range(taken):
            await old.take(loop.time())
        await asyncio.sleep(pause_s)
        new = pacer_for(40.0, 5, after=old, now_s=loop.time())
        assert isinstance(new, LimiterPacer)
        return new.left(loop.time()), new.wait_s(loop.time())

    kept, wait_s = run_virtual(scenario())
    assert kept == pytest.approx(left, abs=0.001)
    assert wait_s == pytest.approx(0.100806 if taken == 5 and not pause_s else 0.0, abs=1e-5)


def test_a_new_rate_lets_nothing_out_before_the_old_one_would_have() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        old = pacer_for(0.5, 1)
        await old.take(loop.time())
        return pacer_for(100.0, 1, after=old, now_s=loop.time()).wait_s(loop.time())

    assert run_virtual(scenario()) == pytest.approx(2.0, abs=0.02)


def test_after_no_pacing_a_whole_burst_is_left() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        pacer = pacer_for(10.0, 5, after=Unpaced(), now_s=loop.time())
        for _ in range(5):
            assert pacer.wait_s(loop.time()) == 0.0
            await pacer.take(loop.time())
        return pacer.wait_s(loop.time())

    assert run_virtual(scenario()) == pytest.approx(0.100806, abs=1e-5)


def test_what_no_timer_can_wait_is_no_wait() -> None:
    pacer = LimiterPacer(10.0, 1, left=0.0, now_s=100.0)
    assert (pacer.wait_s(100.0 - 9e-7), pacer.wait_s(100.0 - 2e-6)) == pytest.approx((0.0, 2e-6), abs=1e-10)


def test_an_infinite_rate_is_not_paced() -> None:
    assert isinstance(pacer_for(math.inf, 1), Unpaced)
    sent = run_virtual(_send(Unpaced(), 1_000))
    assert sent[0] == sent[-1]
