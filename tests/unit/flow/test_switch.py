"""How the parts of a scope wait."""

import asyncio

import pytest

from batch.flow.switch import Switch
from tests.virtual import run_virtual


@pytest.mark.parametrize(("set_after_s", "expected_s"), [(3.0, 3.0), (9.0, 5.0)])
def test_a_nap_ends_with_its_time_or_its_event(set_after_s: float, expected_s: float) -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        switch = Switch()
        loop.call_later(set_after_s, switch.changed.set)
        began_s = loop.time()
        await switch.nap(5.0)
        return loop.time() - began_s

    assert run_virtual(scenario()) == pytest.approx(expected_s)
