"""How many requests a scope may have in flight, with numbers checked by hand."""

import pytest

from batch.flow import concurrency
from batch.flow.concurrency import ConcurrencyState


def lowered(ceiling: int, times: int) -> ConcurrencyState:
    """After so many seconds in which nearly nothing was answered."""
    state = concurrency.start(ceiling)
    for second in range(times):
        state = concurrency.unanswered(state, 100.0 + second, 0.9)
    return state


def test_it_starts_with_as_many_as_the_user_allows() -> None:
    assert concurrency.allowed(concurrency.start(64)) == 64


@pytest.mark.parametrize(("share", "allowed"), [(0.3, 64), (0.6, 64), (0.62, 51), (1.0, 51)])
def test_only_where_more_than_six_in_ten_are_not_answered_it_is_a_fifth_less(share: float, allowed: int) -> None:
    assert concurrency.allowed(concurrency.unanswered(concurrency.start(64), 100.0, share)) == allowed


def test_it_is_lowered_at_most_once_a_second() -> None:
    state = concurrency.unanswered(concurrency.start(64), 100.0, 1.0)
    assert concurrency.unanswered(state, 100.9, 1.0) == state
    assert concurrency.unanswered(state, 101.0, 1.0).limit == pytest.approx(64 * 0.8 * 0.8)


@pytest.mark.parametrize(("ceiling", "floor"), [(64, 16), (32, 8), (16, 4), (8, 4), (3, 3), (1, 1)])
def test_it_never_falls_below_a_quarter_nor_below_four(ceiling: int, floor: int) -> None:
    assert concurrency.allowed(lowered(ceiling, 50)) == floor


def test_as_many_answers_as_may_be_in_flight_give_one_more() -> None:
    state = lowered(64, 50)
    for _ in range(17):
        state = concurrency.answered(state)
    assert 17.0 <= state.limit < 17.1


def test_it_rises_to_the_ceiling_and_not_beyond() -> None:
    state = lowered(16, 50)
    for _ in range(1_000):
        state = concurrency.answered(state)
    assert state.limit == 16.0
    assert concurrency.answered(state) is state
