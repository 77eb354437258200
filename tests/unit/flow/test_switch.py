"""How the parts of a scope wait, on virtual time."""

import asyncio
import math

import pytest

from batch.flow.switch import Switch
from tests.virtual import run_virtual


async def _naps(switch: Switch, seconds: float) -> float:
    began_s = asyncio.get_running_loop().time()
    await switch.nap(seconds)
    return asyncio.get_running_loop().time() - began_s


async def _pauses(switch: Switch, seconds: float) -> float:
    began_s = asyncio.get_running_loop().time()
    await switch.sleep(seconds)
    return asyncio.get_running_loop().time() - began_s


@pytest.mark.parametrize(("changed_after_s", "expected_s"), [(3.0, 3.0), (9.0, 5.0)])
def test_a_nap_ends_with_its_time_or_with_a_change(changed_after_s: float, expected_s: float) -> None:
    async def scenario() -> float:
        switch = Switch()
        asyncio.get_running_loop().call_later(changed_after_s, switch.changed.set)
        return await _naps(switch, 5.0)

    assert run_virtual(scenario()) == pytest.approx(expected_s)


def test_an_endless_nap_ends_with_a_change() -> None:
    async def scenario() -> float:
        switch = Switch()
        asyncio.get_running_loop().call_later(1_000.0, switch.changed.set)
        return await _naps(switch, math.inf)

    assert run_virtual(scenario()) == pytest.approx(1_000.0)


def test_a_nap_after_a_change_that_was_not_looked_at_ends_at_once() -> None:
    async def scenario() -> float:
        switch = Switch()
        switch.changed.set()
        return await _naps(switch, 5.0)

    assert run_virtual(scenario()) == pytest.approx(0.0, abs=0.001)


def test_a_pause_is_not_cut_short_by_changes() -> None:
    async def scenario() -> float:
        switch = Switch()
        switch.changed.set()
        for after_s in (1.0, 2.0, 4.9):
            asyncio.get_running_loop().call_later(after_s, switch.changed.set)
        return await _pauses(switch, 5.0)

    assert run_virtual(scenario()) == pytest.approx(5.0)


def test_a_pause_ends_when_the_switch_is_stopped_and_none_begins_after_that() -> None:
    async def scenario() -> tuple[float, float]:
        switch = Switch()
        asyncio.get_running_loop().call_later(3.0, switch.stop)
        return await _pauses(switch, 5.0), await _pauses(switch, 5.0)

    assert run_virtual(scenario()) == pytest.approx((3.0, 0.0), abs=0.001)


def test_a_stop_wakes_what_naps() -> None:
    async def scenario() -> float:
        switch = Switch()
        asyncio.get_running_loop().call_later(3.0, switch.stop)
        return await _naps(switch, math.inf)

    assert run_virtual(scenario()) == pytest.approx(3.0)
