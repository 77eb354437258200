"""When a scope takes its service for down, how it looks for it, and when it takes it for back."""

from random import Random

import pytest

from batch.flow import breaker
from batch.flow.breaker import BreakerState, Stage


def failures(state: BreakerState, count: int, *, now_s: float = 100.0) -> BreakerState:
    for _ in range(count):
        state = breaker.failed(state, now_s, ours=False, rng=Random(1))
    return state


def opened(now_s: float = 100.0) -> BreakerState:
    return failures(BreakerState(), 20, now_s=now_s)


def missed(state: BreakerState) -> BreakerState:
    """The next read or trial leaves as soon as it may and meets nothing."""
    now_s = state.next_s
    assert breaker.wait_s(state, now_s) == 0.0
    return breaker.failed(breaker.sent(state), now_s, ours=True, rng=Random(1))


def test_twenty_failures_in_a_row_open_it_and_nineteen_do_not() -> None:
    assert failures(BreakerState(), 19).stage is Stage.CLOSED
    assert opened().stage is Stage.READ


@pytest.mark.parametrize(("failure_share", "opens"), [(0.05, False), (0.15, False), (0.5, True), (1.0, True)])
def test_it_opens_by_the_share_of_failures_not_by_their_number(failure_share: float, *, opens: bool) -> None:
    rng, state = Random(7), BreakerState()
    for _ in range(5_000):
        if rng.random() < failure_share:
            state = breaker.failed(state, 100.0, ours=False, rng=rng)
        else:
            state = breaker.answered(state, ours=False, write=True)
    assert (state.stage is not Stage.CLOSED) is opens


def test_nothing_leaves_an_open_breaker_but_a_read_after_two_seconds_and_only_one() -> None:
    state = opened(100.0)
    assert 2.0 <= breaker.wait_s(state, 100.0) <= 2.4
    assert breaker.wait_s(breaker.sent(state), 1_000.0) == float("inf")


def test_reads_that_meet_nothing_come_at_growing_intervals_of_two_to_twelve_seconds() -> None:
    state, gaps = opened(), []
    for _ in range(12):
        before_s = state.next_s
        state = missed(state)
        gaps.append(state.next_s - before_s)
    assert all(2.0 <= gap <= 12.0 for gap in gaps)
    assert gaps[0] < gaps[1] < gaps[2]
    assert gaps[-1] >= 10.0


def test_an_answered_read_lets_one_ordinary_request_out_and_its_answer_everyone() -> None:
    state = breaker.answered(breaker.sent(opened()), ours=True, write=True)
    assert (state.stage, breaker.wait_s(state, 101.0)) == (Stage.TRIAL, 0.0)
    state = breaker.sent(state)
    assert breaker.wait_s(state, 101.0) == float("inf")
    state = breaker.answered(state, ours=True, write=True)
    assert (state.stage, breaker.wait_s(state, 101.0)) == (Stage.CLOSED, 0.0)


def test_a_trial_that_meets_nothing_goes_back_to_reads_and_the_outage_goes_on() -> None:
    state = breaker.sent(breaker.answered(breaker.sent(opened(100.0)), ours=True, write=True))
    state = breaker.failed(state, 130.0, ours=True, rng=Random(1))
    assert state.stage is Stage.READ
    assert breaker.down_for_s(state, 130.0) == 30.0


def test_answers_to_requests_from_before_say_nothing_while_it_is_open() -> None:
    state = breaker.sent(opened())
    assert breaker.answered(state, ours=False, write=True) == state
    assert breaker.failed(state, 105.0, ours=False, rng=Random(1)) == state


def test_a_service_that_only_seems_back_costs_half_as_many_rows_the_next_time() -> None:
    once = breaker.answered(breaker.sent(opened()), ours=True, write=False)
    state = breaker.answered(breaker.sent(once), ours=True, write=True)
    assert failures(state, 9).stage is Stage.CLOSED
    assert failures(state, 10).stage is Stage.READ


def test_an_answered_read_in_place_of_a_trial_leaves_the_outage_as_it_is() -> None:
    """Or a service that can be read but not written would never be given up, and use up every row."""
    trial = breaker.sent(breaker.answered(breaker.sent(opened(100.0)), ours=True, write=False))
    after = breaker.answered(trial, ours=True, write=False)
    assert (after.stage, after.opened_at_s, breaker.wait_s(after, 101.0)) == (Stage.TRIAL, 100.0, 0.0)


def test_a_suspicion_opens_it_at_once() -> None:
    state = breaker.suspect(BreakerState(), 100.0, rng=Random(1))
    assert (state.stage, state.opened_at_s) == (Stage.READ, 100.0)
    assert 2.0 <= breaker.wait_s(state, 100.0) <= 2.4
