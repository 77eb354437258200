"""When the breaker takes a service for silent, how it looks for it, and when it takes it for back."""

import math
from random import Random

import msgspec
import pytest

from batch.flow import breaker
from batch.flow.breaker import BreakerState, Failure, Stage

CLOSED = BreakerState()


def unanswered(state: BreakerState, rows: range, *, now_s: float = 100.0, at_fault: bool = False) -> BreakerState:
    """A write of each of these rows meets no service."""
    for row in rows:
        state = breaker.failed(state, now_s, Failure(row=row, ours=False, at_fault=at_fault), Random(1))
    return state


def opened(now_s: float = 100.0) -> BreakerState:
    return unanswered(CLOSED, range(20), now_s=now_s)


def missed(state: BreakerState, now_s: float, *, seed: int = 1) -> BreakerState:
    """The read or trial that is in flight meets no service."""
    return breaker.failed(state, now_s, Failure(row=None, ours=True), Random(seed))


def on_trial() -> BreakerState:
    """The read was answered, and nothing has left since."""
    return breaker.answered(breaker.sent(opened()), ours=True, write=False)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.7])
def test_a_share_of_failures_with_answers_between_them_never_opens_it(share: float) -> None:
    rng, state = Random(7), CLOSED
    for row in range(5_000):
        if rng.random() < share:
            state = unanswered(state, range(row, row + 1))
        else:
            state = breaker.answered(state, ours=False, write=True)
        assert state.stage is Stage.CLOSED


def test_twenty_writes_in_a_row_without_an_answer_open_it_and_nineteen_do_not() -> None:
    nineteen = unanswered(CLOSED, range(19))
    assert (nineteen.stage, nineteen.unanswered) == (Stage.CLOSED, 19)
    state = unanswered(nineteen, range(19, 20), now_s=130.0)
    assert (state.stage, state.opened_at_s) == (Stage.READ, 130.0)


def test_the_same_row_twenty_times_opens_it_while_no_row_is_known_to_be_at_fault() -> None:
    state = CLOSED
    for _ in range(20):
        state = unanswered(state, range(1))
    assert state.stage is Stage.READ


def test_one_answered_write_begins_the_count_anew() -> None:
    state = breaker.answered(unanswered(CLOSED, range(19)), ours=False, write=True)
    assert state == CLOSED
    assert unanswered(state, range(19)).stage is Stage.CLOSED


def test_reads_neither_open_it_nor_keep_it_closed() -> None:
    state = CLOSED
    for _ in range(100):
        state = breaker.failed(state, 100.0, Failure(row=None, ours=False), Random(1))
    assert state == CLOSED
    state = breaker.answered(unanswered(CLOSED, range(19)), ours=False, write=False)
    assert unanswered(state, range(19, 20)).stage is Stage.READ


def test_where_rows_were_found_at_fault_only_twenty_different_rows_open_it() -> None:
    state = CLOSED
    for _ in range(5):
        state = unanswered(state, range(19), at_fault=True)
    assert (state.stage, state.unanswered) == (Stage.CLOSED, 95)
    assert unanswered(state, range(19, 20), at_fault=True).stage is Stage.READ


def test_from_the_tenth_unanswered_write_on_every_second_one_goes_elsewhere() -> None:
    state, asked = CLOSED, []
    for row in range(19):
        asked.append(breaker.asks_elsewhere(state))
        if asked[-1]:
            state = breaker.went_elsewhere(state)
        state = unanswered(state, range(row, row + 1))
    assert asked == [False] * 10 + [True, False] * 4 + [True]
    assert not breaker.asks_elsewhere(breaker.answered(state, ours=False, write=True))


def test_an_answer_to_a_row_from_elsewhere_ends_the_search_also_where_nothing_failed_since() -> None:
    state = breaker.went_elsewhere(CLOSED)
    assert breaker.answered(state, ours=False, write=True) == CLOSED


def test_an_open_breaker_asks_for_no_row_from_elsewhere() -> None:
    assert not breaker.asks_elsewhere(msgspec.structs.replace(opened(), unanswered=30))


@pytest.mark.parametrize(("writes", "silent"), [(0, False), (9, False), (10, True), (19, True), (20, True)])
def test_the_service_is_in_doubt_from_the_tenth_unanswered_write_on(writes: int, *, silent: bool) -> None:
    assert breaker.silent(unanswered(CLOSED, range(writes))) is silent


def test_nothing_holds_back_while_it_is_closed() -> None:
    state = breaker.sent(unanswered(CLOSED, range(19)))
    assert (breaker.wait_s(state, 100.0), breaker.down_for_s(state, 200.0)) == (0.0, 0.0)
    assert not state.pending


def test_nothing_leaves_an_open_breaker_but_one_read_after_two_seconds() -> None:
    state = opened(100.0)
    assert 2.0 <= breaker.wait_s(state, 100.0) <= 2.4
    assert breaker.wait_s(state, 101.0) == pytest.approx(breaker.wait_s(state, 100.0) - 1.0)
    assert breaker.wait_s(state, 103.0) == 0.0
    assert breaker.wait_s(breaker.sent(state), 1_000.0) == math.inf


def test_reads_that_miss_come_at_intervals_of_two_seconds_that_grow_by_half_to_ten() -> None:
    state, now_s, least = opened(100.0), 100.0, []
    for _ in range(12):
        least.append(min(missed(breaker.sent(state), now_s, seed=seed).next_s - now_s for seed in range(200)))
        now_s = state.next_s
        state = missed(breaker.sent(state), now_s)
    assert least == pytest.approx([3.0, 4.5, 6.75, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0], rel=0.01)


def test_every_interval_is_drawn_up_to_a_fifth_longer() -> None:
    waits = [breaker.wait_s(breaker.suspect(100.0, rng=Random(seed)), 100.0) for seed in range(500)]
    assert (min(waits), max(waits)) == pytest.approx((2.0, 2.4), abs=0.01)


def test_an_outage_of_days_still_has_a_next_interval() -> None:
    state = opened()
    for _ in range(10_000):
        state = missed(breaker.sent(state), state.next_s)
    assert state.misses == 10_000


def test_an_answered_read_lets_one_write_out_and_its_answer_everyone() -> None:
    state = on_trial()
    assert (state.stage, breaker.wait_s(state, 101.0)) == (Stage.TRIAL, 0.0)
    assert breaker.wait_s(breaker.sent(state), 101.0) == math.inf
    assert breaker.answered(breaker.sent(state), ours=True, write=True) == CLOSED


def test_an_answered_read_in_place_of_the_trial_leaves_the_outage_unchanged() -> None:
    """Otherwise a service that can be read but not written would never be given up, and would use up every row."""
    state = breaker.answered(breaker.sent(on_trial()), ours=True, write=False)
    assert (state.stage, state.opened_at_s, breaker.wait_s(state, 101.0)) == (Stage.TRIAL, 100.0, 0.0)


def test_a_trial_that_misses_is_followed_by_a_read_after_a_longer_interval_and_the_outage_continues() -> None:
    state = missed(breaker.sent(on_trial()), 130.0)
    assert (state.stage, state.misses, breaker.down_for_s(state, 130.0)) == (Stage.READ, 1, 30.0)
    assert 3.0 <= breaker.wait_s(state, 130.0) <= 3.6


@pytest.mark.parametrize("state", [opened(), on_trial()], ids=["read", "trial"])
def test_any_write_that_is_answered_closes_it_also_one_from_before(state: BreakerState) -> None:
    assert breaker.answered(breaker.sent(state), ours=False, write=True) == CLOSED


def test_what_left_before_it_opened_says_nothing_by_failing_and_a_read_nothing_by_being_answered() -> None:
    state = breaker.sent(opened())
    assert unanswered(state, range(50, 60), now_s=105.0) == state
    assert breaker.answered(state, ours=False, write=False) == state


def test_a_suspicion_opens_it_at_once_with_a_first_interval() -> None:
    state = breaker.suspect(100.0, rng=Random(1))
    assert (state.stage, state.opened_at_s, state.misses) == (Stage.READ, 100.0, 0)
    assert 2.0 <= breaker.wait_s(state, 100.0) <= 2.4


@pytest.mark.parametrize(
    ("rows_left", "at_fault", "few"),
    [(0, False, True), (3, False, True), (4, False, False), (19, True, True), (20, True, False)],
)
def test_three_rows_are_few_and_nineteen_where_others_were_at_fault(
    rows_left: int, *, at_fault: bool, few: bool
) -> None:
    assert breaker.few(rows_left, at_fault=at_fault) is few
    assert breaker.forgives(on_trial(), rows_left, at_fault=at_fault) is not few


@pytest.mark.parametrize("state", [CLOSED, opened()], ids=["closed", "read"])
def test_only_a_trial_is_forgiven(state: BreakerState) -> None:
    assert not breaker.forgives(state, 100, at_fault=False)
