"""How many requests get out in which window, on virtual time."""

import asyncio
import math
from random import Random

import pytest

from batch.flow.pacer import Pacer, Unpaced, pacer_for
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


def test_a_burst_leaves_at_once_and_only_after_a_pause() -> None:
    sent = run_virtual(_send(pacer_for(10.0, 5), 20))
    assert sent[4] == sent[0]
    assert sent[5] - sent[4] == pytest.approx(0.1, abs=0.005)


def test_a_new_rate_lets_nothing_out_before_the_old_one_would_have() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        old = pacer_for(0.5, 1)
        await old.take(loop.time())
        return pacer_for(100.0, 1, after=old).wait_s(loop.time())

    assert run_virtual(scenario()) == pytest.approx(2.0, abs=0.02)


def test_an_infinite_rate_is_not_paced() -> None:
    assert isinstance(pacer_for(math.inf, 1), Unpaced)
    sent = run_virtual(_send(Unpaced(), 1_000))
    assert sent[0] == sent[-1]
