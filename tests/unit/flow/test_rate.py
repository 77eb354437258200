"""How the rate steps down when throttled and comes back, with hand-checked numbers."""

import math
from collections import deque
from collections.abc import Callable
from copy import deepcopy

import pytest

from batch.csms.faults import Quota
from batch.flow import rate
from batch.flow.rate import Mode, RateState
from batch.sandbox.quota import QuotaRate, SlidingWindow
from tests.kit.windows import FixedWindow, TokenBucket, Window


def throttled(state: RateState, now_s: float, quota: Quota | None = None, measured: float | None = None) -> RateState:
    return rate.throttled(state, now_s, quota, measured)


def answered(state: RateState, now_s: float) -> RateState:
    return rate.answered(state, now_s, 1e9)


def test_the_rate_steps_down_by_three_tenths_once_in_two_seconds_and_only_when_it_was_tried() -> None:
    state = throttled(rate.start(10.0), 100.0)
    assert state.per_s == pytest.approx(7.0)
    assert throttled(state, 101.9).per_s == pytest.approx(7.0)
    assert throttled(state, 102.0).per_s == pytest.approx(7.0)
    tested = answered(state, 100.5)
    assert throttled(tested, 101.9).per_s == pytest.approx(7.0)
    assert throttled(tested, 102.0).per_s == pytest.approx(4.9)


def test_a_quota_that_the_service_names_becomes_the_ceiling_but_never_raises_it() -> None:
    named = throttled(rate.start(10.0), 0.0, Quota(requests=200, period_s=300.0))
    assert named.per_s == named.ceiling_per_s == pytest.approx(2 / 3)
    higher = throttled(rate.start(10.0), 0.0, Quota(requests=50, period_s=1.0))
    assert (higher.per_s, higher.ceiling_per_s) == (10.0, 10.0)


def test_an_unlimited_rate_steps_down_from_what_was_really_sent() -> None:
    state = throttled(rate.start(math.inf), 5.0, measured=200.0)
    assert state.per_s == pytest.approx(140.0)
    assert state.ceiling_per_s == math.inf


def test_a_given_rate_is_soon_near_what_was_accepted_and_slowly_back_at_the_ceiling() -> None:
    state = throttled(rate.start(10.0), 100.0)
    assert answered(state, 100.9).per_s == pytest.approx(7.0)
    state = answered(state, 101.0)
    assert state.per_s == pytest.approx(7.5)
    assert answered(state, 101.5).per_s == pytest.approx(7.5)
    assert answered(state, 500.0).per_s == pytest.approx(8.5)
    for second in range(102, 107):
        state = answered(state, float(second))
    assert state.per_s == pytest.approx(9.7)
    assert answered(state, 109.0).per_s == pytest.approx(9.7)
    for second in range(107, 127):
        state = answered(state, float(second))
    assert state.per_s == 10.0


def test_a_given_rate_above_the_quota_comes_back_only_near_what_was_accepted() -> None:
    state = throttled(rate.start(25.0), 100.0, measured=20.0)
    assert state.per_s == pytest.approx(17.5)
    for second in range(101, 104):
        state = answered(state, float(second))
    assert state.per_s == pytest.approx(19.4)


def test_the_rate_never_falls_to_nothing() -> None:
    state = rate.start(10.0)
    for step in range(100):
        state = answered(throttled(state, step * 10.0), step * 10.0)
    assert state.per_s == pytest.approx(0.1)


def test_a_sought_rate_doubles_every_second_but_only_while_it_is_used() -> None:
    state = rate.seek()
    assert (state.mode, state.per_s) == (Mode.SEEKING, 10.0)
    for quarter in range(1, 13):
        state = rate.answered(state, quarter * 0.25, state.per_s)
    assert state.per_s == pytest.approx(80.0)
    assert rate.answered(state, 5.0, 3.0) == state


def test_the_first_refusal_of_a_sought_rate_tells_the_quota() -> None:
    state = rate.throttled(rate.seek(), 10.0, None, 20.0)
    assert state.mode is Mode.HOLDING
    assert state.per_s == pytest.approx(9.7)
    fast = RateState(mode=Mode.SEEKING, per_s=64.0, ceiling_per_s=math.inf, base_per_s=2.0)
    assert rate.throttled(fast, 10.0, None, 20.0).per_s == pytest.approx(19.4)
    assert rate.throttled(fast, 10.0, Quota(requests=300, period_s=60.0), 20.0).per_s == pytest.approx(5.0)


def simulate(window: Window, state: RateState, rows: int) -> tuple[float, int]:
    """Seconds until so many requests passed, and how many were refused; a refusal shuts the gate like the real one."""
    now_s, refused, passed = 0.0, 0, deque[float]()
    done, in_a_row, flowing_since_s = 0, 0, math.inf
    while done < rows:
        now_s += 1.0 / state.per_s
        while passed and passed[0] <= now_s - 1.0:
            passed.popleft()
        if window.take(now_s):
            done, in_a_row = done + 1, 0
            passed.append(now_s)
            flowing_since_s = min(flowing_since_s, now_s)
            state = rate.answered(state, now_s, float(len(passed)))
        else:
            refused += 1
            sustained = float(len(passed)) if now_s - flowing_since_s >= 1.0 else None
            state = rate.throttled(state, now_s, None, sustained)
            flowing_since_s = math.inf
            now_s += min(60.0, 3.5 * 2**in_a_row)
            in_a_row += 1
    return now_s, refused


@pytest.mark.parametrize("per_s", [20, 100])
def test_an_unknown_quota_is_found_and_kept_clear_of(per_s: int) -> None:
    took_s, refused = simulate(SlidingWindow(QuotaRate(limit=per_s, window_s=1)), rate.seek(), 50 * per_s)
    assert took_s <= 50.0 * 1.15
    assert refused <= 0.03 * 50 * per_s


@pytest.mark.parametrize(
    ("window", "rows", "ideal_s", "factor"),
    [
        (SlidingWindow(QuotaRate(limit=5, window_s=1)), 250, 50.0, 1.35),
        (FixedWindow(QuotaRate(limit=20, window_s=1)), 1_000, 50.0, 1.35),
        (FixedWindow(QuotaRate(limit=100, window_s=1)), 5_000, 50.0, 1.35),
        (TokenBucket(QuotaRate(limit=20, window_s=1), burst=20), 1_000, 50.0, 1.35),
        (SlidingWindow(QuotaRate(limit=300, window_s=60)), 1_500, 300.0, 1.6),
    ],
)
def test_a_quota_that_a_second_does_not_show_is_approached_in_steps(
    window: Window, rows: int, ideal_s: float, factor: float
) -> None:
    took_s, refused = simulate(deepcopy(window), rate.seek(), rows)
    assert took_s <= ideal_s * factor
    assert refused <= 0.03 * rows


@pytest.mark.parametrize("window", [SlidingWindow, FixedWindow])
def test_a_given_rate_above_the_quota_still_finishes_near_the_ideal(window: Callable[[QuotaRate], Window]) -> None:
    took_s, refused = simulate(window(QuotaRate(limit=20, window_s=1)), rate.start(25.0), 1_000)
    assert took_s <= 50.0 * 1.35
    assert refused <= 10
