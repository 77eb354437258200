"""When a scope's gate is shut after a refusal, for how long, and how it opens."""

import math
from random import Random

import pytest

from batch.flow import gate
from batch.flow.gate import GateState, Refusal

OPEN = GateState()


def shut(
    state: GateState,
    now_s: float,
    *,
    sent_s: float,
    retry_after_s: float | None = None,
    window_s: float | None = 1.0,
    seed: int = 1,
) -> GateState:
    refusal = Refusal(sent_s=sent_s, retry_after_s=retry_after_s, window_s=window_s)
    return gate.shut(state, now_s, refusal, Random(seed))


@pytest.mark.parametrize(
    ("window_s", "alone", "least_s", "most_s"),
    [
        (1.0, False, 0.15, 0.25),
        (1.0, True, 0.15, 0.25),
        (2.0, False, 0.3, 0.5),
        (5.0, False, 0.75, 1.25),
        (300.0, False, 0.75, 1.25),
        (None, False, 0.15, 0.25),
        (None, True, 0.1, 0.12),
    ],
)
def test_a_refusal_shuts_it_for_a_part_of_the_window_that_is_drawn(
    window_s: float | None, least_s: float, most_s: float, *, alone: bool
) -> None:
    refusal = Refusal(sent_s=99.9, window_s=window_s, alone=alone)
    waits = [gate.wait_s(gate.shut(OPEN, 100.0, refusal, Random(seed)), 100.0) for seed in range(1_000)]
    assert (min(waits), max(waits)) == pytest.approx((least_s, most_s), rel=0.01)


def test_a_retry_after_decides_and_adds_up_to_a_quarter_of_a_second() -> None:
    waits = [gate.wait_s(shut(OPEN, 100.0, sent_s=99.9, retry_after_s=17.0, seed=n), 100.0) for n in range(500)]
    assert (min(waits), max(waits)) == pytest.approx((17.0, 17.25), abs=0.01)


def test_refusals_of_requests_that_were_in_flight_do_not_shut_it_longer() -> None:
    first = shut(OPEN, 100.0, sent_s=99.9)
    assert shut(first, 100.2, sent_s=99.95) == first
    assert shut(first, 100.2, sent_s=100.0) == first


def test_a_retry_after_of_a_request_that_was_in_flight_counts_where_it_is_longer() -> None:
    first = shut(OPEN, 100.0, sent_s=99.9, retry_after_s=10.0)
    later = shut(first, 101.0, sent_s=99.95, retry_after_s=30.0)
    assert (later.open_at_s, later.refusals) == (131.0, 1)
    assert shut(first, 101.0, sent_s=99.95, retry_after_s=2.0) == first


def refusals_in_a_row(count: int, window_s: float | None) -> list[float]:
    """How long each of them shuts it, each of a request that left as soon as it was open."""
    state, now_s, waits = OPEN, 100.0, []
    for n in range(count):
        state = shut(state, now_s, sent_s=now_s, window_s=window_s, seed=n)
        waits.append(gate.wait_s(state, now_s))
        now_s += waits[-1]
    return waits


def test_refusals_with_nothing_accepted_between_double_the_wait() -> None:
    first_s = [gate.wait_s(shut(OPEN, 100.0, sent_s=100.0, seed=n), 100.0) for n in range(5)]
    assert refusals_in_a_row(5, 1.0) == pytest.approx([wait_s * 2**n for n, wait_s in enumerate(first_s)])


@pytest.mark.parametrize(
    ("window_s", "most_s"), [(None, 60.0), (1.0, 15.0), (60.0, 15.0), (120.0, 30.0), (300.0, 60.0)]
)
def test_the_wait_doubles_to_a_minute_or_a_quarter_of_a_long_window(window_s: float | None, most_s: float) -> None:
    waits = refusals_in_a_row(12, window_s)
    assert waits[-3:] == pytest.approx([most_s] * 3)
    assert waits[0] < 2.0


def test_a_thousand_refusals_in_a_row_still_have_a_wait() -> None:
    assert refusals_in_a_row(2_000, None)[-1] == 60.0


def test_the_time_with_nothing_but_refusals_counts_from_the_first_one() -> None:
    first = shut(OPEN, 100.0, sent_s=99.9)
    second = shut(first, 101.0, sent_s=100.9)
    assert (second.refusals, gate.refused_for_s(second, 105.0)) == (2, 5.0)
    assert gate.refused_for_s(OPEN, 105.0) == 0.0


def test_an_answer_opens_it_and_what_comes_next_is_a_first_refusal_again() -> None:
    state = shut(shut(OPEN, 100.0, sent_s=99.9), 101.0, sent_s=100.9)
    opened = gate.answered(state, sent_s=101.5)
    assert (opened, gate.wait_s(opened, 101.0)) == (OPEN, 0.0)
    again = shut(opened, 110.0, sent_s=109.9)
    assert (again.refusals, gate.refused_for_s(again, 111.0)) == (1, 1.0)


@pytest.mark.parametrize("sent_s", [99.95, 100.0])
def test_an_answer_to_a_request_from_before_leaves_it_shut(sent_s: float) -> None:
    state = shut(OPEN, 100.0, sent_s=99.9)
    assert gate.answered(state, sent_s=sent_s) == state


def test_an_open_gate_holds_nothing_back() -> None:
    assert gate.wait_s(OPEN, 100.0) == 0.0
    assert gate.answered(OPEN, sent_s=100.0) is OPEN
    assert math.isinf(OPEN.open_at_s)
    state = shut(OPEN, 100.0, sent_s=99.9)
    assert gate.wait_s(state, 200.0) == 0.0
