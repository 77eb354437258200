"""When a key is held back, a scope stopped for want of a right, and a run stopped for its failures."""

import pytest

from batch.csms.client import SecretView
from batch.csms.faults import Fault, FaultKind
from batch.engine.budget import FailureBudget
from batch.engine.fail_fast import KeyWatch, RightsWatch
from jobs.model import Status
from jobs.spec import FailureLimit

OK = SecretView(name="a", kms_key_id="k")


def fault(kind: FaultKind) -> Fault:
    return Fault(kind=kind, code="C.1", message="m", maybe_applied=False)


KEY, FORBIDDEN, REJECTED = (fault(kind) for kind in (FaultKind.KEY, FaultKind.FORBIDDEN, FaultKind.REJECTED))


def test_three_answers_that_blame_a_key_hold_it_and_say_so_once() -> None:
    watch = KeyWatch()
    assert [watch.note("k", KEY), watch.note("k", KEY), watch.holds("k")] == [None, None, False]
    assert watch.note("k", KEY) == "held back: 3 answers blamed the key, none accepted it; C.1: m"
    assert watch.holds("k")
    assert watch.note("k", KEY) is None
    assert not watch.holds("other")


def test_a_key_that_was_accepted_once_is_never_held() -> None:
    watch = KeyWatch()
    watch.note("k", OK)
    assert [watch.note("k", KEY) for _ in range(5)] == [None] * 5
    assert not watch.holds("k")


def test_other_refusals_do_not_blame_the_key() -> None:
    watch = KeyWatch()
    assert [watch.note("k", REJECTED) for _ in range(5)] == [None] * 5


def test_five_refused_rights_in_a_row_with_no_success_ever_stop_a_scope() -> None:
    watch = RightsWatch()
    assert [watch.note(FORBIDDEN) for _ in range(4)] == [None] * 4
    assert watch.note(FORBIDDEN) == "5 refusals in a row and no row ever accepted; C.1: m"


def test_another_answer_between_or_a_success_ever_keeps_the_scope_going() -> None:
    watch = RightsWatch()
    answers = [FORBIDDEN] * 4 + [REJECTED] + [FORBIDDEN] * 4 + [OK] + [FORBIDDEN] * 9
    assert [watch.note(answer) for answer in answers] == [None] * len(answers)


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
