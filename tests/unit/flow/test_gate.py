"""When a scope's gate is shut, for how long, and how it opens."""

from random import Random

import pytest

from batch.flow import gate
from batch.flow.gate import GateState


def shut(state: GateState, now_s: float, *, sent_s: float, retry_after_s: float | None = None) -> GateState:
    return gate.shut(state, now_s, sent_s=sent_s, retry_after_s=retry_after_s, rng=Random(1))


def test_a_refusal_shuts_the_gate_for_two_to_five_seconds() -> None:
    for seed in range(50):
        state = gate.shut(GateState(), 100.0, sent_s=99.9, retry_after_s=None, rng=Random(seed))
        assert 2.0 <= gate.wait_s(state, 100.0) <= 5.0


def test_a_retry_after_decides_and_adds_at_most_a_quarter_second() -> None:
    state = shut(GateState(), 100.0, sent_s=99.9, retry_after_s=17.0)
    assert 17.0 <= gate.wait_s(state, 100.0) <= 17.25


def test_refusals_of_requests_already_on_their_way_do_not_shut_it_longer() -> None:
    first = shut(GateState(), 100.0, sent_s=99.9)
    assert shut(first, 100.2, sent_s=99.95) == first


def test_a_retry_after_of_a_request_already_on_its_way_still_counts() -> None:
    first = shut(GateState(), 100.0, sent_s=99.9)
    assert gate.wait_s(shut(first, 100.2, sent_s=99.95, retry_after_s=30.0), 100.2) >= 29.9


def test_refusals_in_a_row_double_the_wait_up_to_a_minute() -> None:
    state, now_s, waits = GateState(), 0.0, []
    for _ in range(8):
        state = shut(state, now_s, sent_s=now_s)
        waits.append(gate.wait_s(state, now_s))
        now_s += waits[-1]
        state = gate.sent(state)
    assert waits[1] == pytest.approx(2 * waits[0])
    assert waits[-1] == 60.0


def test_the_first_request_after_a_refusal_goes_alone_and_its_answer_opens_the_gate() -> None:
    state = shut(GateState(), 100.0, sent_s=99.9)
    reopened_s = 100.0 + gate.wait_s(state, 100.0)
    assert gate.wait_s(state, reopened_s) == 0.0
    probing = gate.sent(state)
    assert gate.wait_s(probing, reopened_s) == float("inf")
    assert gate.answered(probing, sent_s=99.99) == probing
    assert gate.wait_s(gate.answered(probing, sent_s=reopened_s), reopened_s) == 0.0
