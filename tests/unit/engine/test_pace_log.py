"""What is counted of the answers to a session's requests, and in how many cells."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.csms.faults import Fault, FaultKind
from batch.engine.pace_log import MOST_CELLS, PaceLog
from jobs.ledger import PaceCell

BEGUN_S = 1_000.0
GATEWAY = Fault(kind=FaultKind.UNAVAILABLE, code="APIGW.0201", message="", maybe_applied=True, http_status=504)
THROTTLED = Fault(kind=FaultKind.THROTTLED, code="APIG.0308", message="", maybe_applied=False, http_status=429)
REFUSED = Fault(kind=FaultKind.FORBIDDEN, code="CSMS.0302", message="", maybe_applied=False, http_status=403)


def log_of(*answers: tuple[float, Fault | None], allowed_per_s: float = 20.0) -> PaceLog:
    log = PaceLog(BEGUN_S, clean=lambda text: text.replace("canary", "***"))
    for at_s, fault in answers:
        log.note(BEGUN_S + at_s, fault, lambda: allowed_per_s)
    return log


def cell(at_s: float, **fields: object) -> PaceCell:
    plain = PaceCell(at_s=at_s, width_s=1.0, sent=1, refused=0, unanswered=0, code=None, allowed_per_s=20.0)
    return msgspec.structs.replace(plain, **fields)


def lost(code: str) -> Fault:
    return Fault(kind=FaultKind.LOST, code=code, message="", maybe_applied=True)


@pytest.mark.parametrize(
    ("fault", "counted"),
    [
        (None, {}),
        (REFUSED, {}),
        (THROTTLED, {"refused": 1}),
        (GATEWAY, {"unanswered": 1, "code": "504"}),
        (lost("timeout"), {"unanswered": 1, "code": "timeout"}),
        (lost("x canary"), {"unanswered": 1, "code": "x ***"}),
        (
            msgspec.structs.replace(GATEWAY, kind=FaultKind.LOST, code="mismatch", http_status=200),
            {"unanswered": 1, "code": "mismatch"},
        ),
        (msgspec.structs.replace(GATEWAY, kind=FaultKind.FOREIGN), {"unanswered": 1, "code": "504"}),
    ],
)
def test_an_answer_counts_in_the_second_in_which_it_came(fault: Fault | None, counted: dict[str, object]) -> None:
    assert log_of((3.2, fault)).cells() == (cell(3.0, **counted),)


def test_a_request_that_never_left_is_not_counted() -> None:
    assert log_of((3.2, msgspec.structs.replace(GATEWAY, withheld=True))).cells() == ()


def test_a_second_without_an_answer_has_no_cell_and_a_rate_without_limit_no_figure() -> None:
    cells = log_of((0.1, None), (0.9, None), (7.0, None), allowed_per_s=float("inf")).cells()
    assert cells == (cell(0.0, sent=2, allowed_per_s=None), cell(7.0, allowed_per_s=None))


def test_the_commonest_code_is_told() -> None:
    answers = [(0.1, lost("timeout")), (0.2, lost("502")), (0.3, lost("502"))]
    assert log_of(*answers).cells() == (cell(0.0, sent=3, unanswered=3, code="502"),)


def test_a_service_with_a_new_code_for_every_request_takes_no_memory() -> None:
    answers = [(0.1, lost(f"code {number}")) for number in range(1_000)]
    log = log_of((0.0, lost("first")), *answers)
    assert log.cells() == (cell(0.0, sent=1_001, unanswered=1_001, code="first"),)
    assert len(log._cells[0].codes) < 50


def test_cells_double_in_width_and_their_rates_are_averaged() -> None:
    log = log_of((0.5, GATEWAY), allowed_per_s=30.0)
    log.note(BEGUN_S + 1.5, None, lambda: 10.0)
    log.note(BEGUN_S + MOST_CELLS, THROTTLED, lambda: 5.0)
    assert log.cells() == (
        cell(0.0, width_s=2.0, sent=2, unanswered=1, code="504"),
        cell(MOST_CELLS, width_s=2.0, refused=1, allowed_per_s=5.0),
    )


@given(st.lists(st.floats(0, 1e7), max_size=300))
def test_however_long_it_takes_the_cells_are_few_and_nothing_is_lost(moments_s: list[float]) -> None:
    log = log_of(*((at_s, GATEWAY) for at_s in sorted(moments_s)))
    cells = log.cells()
    assert len(cells) <= MOST_CELLS
    assert sum(one.sent for one in cells) == sum(one.unanswered for one in cells) == len(moments_s)
    assert len({one.width_s for one in cells}) <= 1


def test_it_is_to_be_put_on_record_every_ten_seconds() -> None:
    log = PaceLog(BEGUN_S, clean=str)
    due = [second for second in range(36) if log.note(BEGUN_S + second, None, lambda: 1.0)]
    assert due == [10, 20, 30]
