"""What refusals in a row mean for a scope and a key, and when a run is stopped for its failures."""

import msgspec
import pytest

from batch.csms.client import SecretView
from batch.csms.faults import Fault, FaultKind
from batch.engine.budget import FailureBudget
from batch.engine.fail_fast import FailFast
from jobs.model import Status
from jobs.spec import FailureLimit

OK = SecretView(name="a", kms_key_id="k")


def fault(kind: FaultKind) -> Fault:
    return Fault(kind=kind, code="C.1", message="m", maybe_applied=False)


KEY, FORBIDDEN, REJECTED = fault(FaultKind.KEY), fault(FaultKind.FORBIDDEN), fault(FaultKind.REJECTED)
ABSENT, LOST, FOREIGN = fault(FaultKind.ABSENT), fault(FaultKind.LOST), fault(FaultKind.FOREIGN)


def refused(watch: FailFast, answer: Fault, rows: range, key: str = "k") -> None:
    for row in rows:
        assert watch.note(row, key, answer, write=True) is False


@pytest.mark.parametrize("answer", [FORBIDDEN, ABSENT])
def test_five_rows_refused_in_a_row_have_three_from_elsewhere_asked(answer: Fault) -> None:
    watch = FailFast()
    refused(watch, answer, range(4))
    assert watch.of_scope is None
    refused(watch, answer, range(4, 5))
    streak = watch.of_scope
    assert streak is not None
    for sent in range(3):
        assert (streak.wants_more, streak.waits) == (True, sent > 0)
        streak.sent += 1
    assert (streak.wants_more, streak.waits) == (False, True)
    streak.heard = 3
    assert not streak.waits


def test_the_same_row_refused_again_and_again_is_one_row() -> None:
    watch = FailFast()
    for _ in range(9):
        watch.note(1, "k", FORBIDDEN, write=True)
    assert watch.of_scope is None


def test_a_row_that_is_accepted_ends_every_streak() -> None:
    watch = FailFast()
    refused(watch, FORBIDDEN, range(5))
    watch.note(9, "k", OK, write=True)
    assert watch.of_scope is None
    refused(watch, FORBIDDEN, range(4))
    assert watch.of_scope is None


def test_a_read_that_is_answered_says_nothing_about_the_right_to_write() -> None:
    watch = FailFast()
    refused(watch, FORBIDDEN, range(5))
    watch.note(9, "k", OK, write=False)
    assert watch.of_scope is not None


@pytest.mark.parametrize("answer", [REJECTED, KEY, LOST])
def test_other_faults_are_no_streak_of_the_scope(answer: Fault) -> None:
    watch = FailFast()
    refused(watch, answer, range(9))
    assert watch.of_scope is None


def test_a_key_that_is_blamed_five_times_waits_for_rows_of_its_own_from_elsewhere_and_is_held() -> None:
    watch = FailFast()
    refused(watch, KEY, range(5))
    assert watch.holds("k")
    assert not watch.holds("other")
    (streak,) = watch.of_keys()
    assert streak.key == "k"
    watch.hold("k", 100.0)
    assert list(watch.of_keys()) == []
    assert (watch.due(129.9), watch.due(130.0)) == (None, "k")
    assert watch.due_in_s(110.0) == 20.0
    assert watch.held() == ("k",)


def test_a_held_key_is_released_by_the_first_row_of_it_that_is_accepted() -> None:
    watch = FailFast()
    refused(watch, KEY, range(5))
    watch.hold("k", 0.0)
    assert watch.note(9, "other", OK, write=True) is False
    assert watch.holds("k")
    assert watch.note(9, "k", OK, write=True) is True
    assert not watch.holds("k")
    assert watch.due_in_s(0.0) == float("inf")


def test_three_rows_that_hear_nothing_but_a_stranger_have_others_asked_and_any_word_of_the_service_ends_that() -> None:
    watch = FailFast()
    refused(watch, FOREIGN, range(3))
    streak = watch.of_scope
    assert streak is not None
    assert "C.1: m" in streak.reason
    watch.note(9, "k", REJECTED, write=True)
    assert watch.of_scope is None


def test_what_never_left_says_nothing() -> None:
    watch = FailFast()
    refused(watch, msgspec.structs.replace(FORBIDDEN, withheld=True), range(9))
    assert watch.of_scope is None


@pytest.mark.parametrize(
    ("limit", "statuses", "stops_at"),
    [
        (None, [Status.FAILED] * 500, None),
        (FailureLimit(count=0), [Status.UPDATED, Status.REJECTED], 2),
        (FailureLimit(count=2), [Status.UNKNOWN] * 5, 3),
        (FailureLimit(percent=50.0), [Status.FAILED] * 150, 100),
        (FailureLimit(percent=10.0), ([Status.UPDATED] * 9 + [Status.FAILED]) * 30, None),
        (FailureLimit(percent=9.0), ([Status.UPDATED] * 9 + [Status.FAILED]) * 30, 100),
    ],
)
def test_a_run_stops_when_more_rows_failed_than_it_may_and_a_percentage_waits_for_a_hundred(
    limit: FailureLimit | None, statuses: list[Status], stops_at: int | None
) -> None:
    budget = FailureBudget(limit)
    stops = [count for count, status in enumerate(statuses, start=1) if budget.note(status) is not None]
    assert (stops[0] if stops else None) == stops_at
