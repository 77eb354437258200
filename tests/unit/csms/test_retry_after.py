"""What is made of the header Retry-After, whatever it holds."""

import time

import pytest

from batch.csms.errors import classify
from batch.csms.messages import WireAnswer
from batch.csms.retry_after import retry_after_s

AT = "Wed, 21 Oct 2026 07:28:10 GMT"
SENT = "Wed, 21 Oct 2026 07:28:00 GMT"
SENT_S = 1_792_567_680.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("007", 7.0),
        ("7.5", 8.0),
        ("7.", 7.0),
        ("0.2", 1.0),
        ("300", 300.0),
        ("301", 300.0),
        ("86400", 300.0),
        ("99999999", 300.0),
        ("9" * 5_000, 300.0),
        ("7, 9", 7.0),
        ("7,9", 7.0),
        (f"7, {AT}", 7.0),
        ("-1", None),
        ("+7", None),
        ("1e3", None),
        ("７", None),
        ("7 s", None),
        ("soon", None),
        ("soon, 7", None),
        ("", None),
        (",", None),
    ],
)
def test_seconds_are_rounded_up_and_capped_and_of_a_list_the_first_counts(
    value: str | None, expected: float | None
) -> None:
    assert retry_after_s(value, date=None, came_s=None) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (AT, 10.0),
        (f"{AT}, 99", 10.0),
        (f"{AT}, {SENT}", 10.0),
        ("Wed Oct 21 07:28:10 2026", 10.0),
        ("Wed Oct 21 07:28:10 2026, 99", 10.0),
        ("Wednesday, 21-Oct-26 07:28:10 GMT", 10.0),
        ("Wed, 21 Oct 2026 06:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 300.0),
        ("Wed, 99 Oct 2026 07:28:00 GMT", None),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
    ],
)
def test_a_date_is_measured_by_the_date_of_the_answer_and_without_one_by_the_local_clock(
    value: str, expected: float | None
) -> None:
    assert retry_after_s(value, date=SENT, came_s=0.0) == expected
    assert retry_after_s(value, date=None, came_s=SENT_S) == expected
    assert retry_after_s(value, date="no date", came_s=SENT_S) == expected
    assert retry_after_s(value, date=None, came_s=None) is None


def test_the_local_clock_may_stand_within_a_second() -> None:
    assert retry_after_s(AT, date=None, came_s=SENT_S + 0.4) == 10.0


def test_a_date_means_the_same_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert retry_after_s("Wed Oct 21 07:28:10 2026", date=SENT, came_s=None) == 10.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_answer_is_measured_from_the_moment_when_it_came() -> None:
    assert classify(WireAnswer(status=503, body=b"", retry_after=AT, came_s=SENT_S)).retry_after_s == 10.0
