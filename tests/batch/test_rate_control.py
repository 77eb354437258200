"""How the rate steps down when throttled and comes back, with hand-checked numbers."""

import math

import pytest

from batch import rate_control
from batch.csms.faults import Quota
from batch.rate_control import RateState


def throttled(state: RateState, now_s: float, quota: Quota | None = None, measured: float = 1e9) -> RateState:
    return rate_control.throttled(state, now_s, quota, measured)


def test_the_rate_steps_down_by_three_tenths_at_most_once_in_two_seconds() -> None:
    state = throttled(rate_control.start(10.0), 100.0)
    assert state.per_s == pytest.approx(7.0)
    assert throttled(state, 101.9).per_s == pytest.approx(7.0)
    assert throttled(state, 102.0).per_s == pytest.approx(4.9)


def test_a_quota_that_the_service_names_becomes_the_ceiling_but_never_raises_it() -> None:
    named = throttled(rate_control.start(10.0), 0.0, Quota(requests=200, period_s=300.0))
    assert named.per_s == named.ceiling_per_s == pytest.approx(2 / 3)
    higher = throttled(rate_control.start(10.0), 0.0, Quota(requests=50, period_s=1.0))
    assert (higher.per_s, higher.ceiling_per_s) == (10.0, 10.0)


def test_an_unlimited_rate_steps_down_from_what_was_really_sent() -> None:
    state = throttled(rate_control.start(math.inf), 5.0, measured=200.0)
    assert state.per_s == pytest.approx(140.0)
    assert state.ceiling_per_s == math.inf


def test_clean_answers_raise_the_rate_by_a_twentieth_of_its_base_a_second_never_above_the_ceiling() -> None:
    state = throttled(rate_control.start(10.0), 100.0)
    assert rate_control.answered(state, 100.9).per_s == pytest.approx(7.0)
    state = rate_control.answered(state, 101.0)
    assert state.per_s == pytest.approx(7.5)
    assert rate_control.answered(state, 101.5).per_s == pytest.approx(7.5)
    assert rate_control.answered(state, 500.0).per_s == pytest.approx(8.5)
    for second in range(102, 120):
        state = rate_control.answered(state, float(second))
    assert state.per_s == 10.0


def test_the_rate_never_falls_to_nothing() -> None:
    state = rate_control.start(10.0)
    for step in range(100):
        state = throttled(state, step * 10.0)
    assert state.per_s == pytest.approx(0.1)
