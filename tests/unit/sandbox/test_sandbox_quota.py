import bisect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.sandbox.quota import QuotaRate, SlidingWindow, parse_rate
from tests.kit.windows import FixedWindow, TokenBucket, Window


@pytest.mark.parametrize(
    ("text", "limit", "window_s", "words"),
    [
        ("20/s", 20, 1, "limit:20,time:1 second"),
        ("300/m", 300, 60, "limit:300,time:1 minute"),
        ("200/5m", 200, 300, "limit:200,time:5 minute"),
        ("5/10s", 5, 10, "limit:5,time:10 second"),
        ("9/h", 9, 3600, "limit:9,time:60 minute"),
    ],
)
def test_a_rate_is_read_and_worded(text: str, limit: int, window_s: int, words: str) -> None:
    rate = parse_rate(text)
    assert (rate.limit, rate.window_s, str(rate)) == (limit, window_s, words)


@pytest.mark.parametrize("text", ["", "20", "0/s", "20/0s", "-1/s", "20/d", "20 /s", "1.5/s", "\u0662/s"])
def test_what_is_not_a_rate_is_refused_with_the_text_in_the_message(text: str) -> None:
    with pytest.raises(ValueError, match="rate limit"):
        parse_rate(text)


def passed(window: Window, times: list[float]) -> list[float]:
    return [at for at in times if window.take(at)]


MOMENTS = st.lists(st.integers(0, 50), max_size=80).map(lambda tenths: [tenth / 10 for tenth in sorted(tenths)])


@given(times=MOMENTS, limit=st.integers(1, 5))
def test_no_window_sees_more_than_the_limit_and_no_request_is_refused_without_need(
    times: list[float], limit: int
) -> None:
    """The sliding window is exact: it refuses if and only if the limit has passed in the last second."""
    window = SlidingWindow(QuotaRate(limit=limit, window_s=1))
    through: list[float] = []
    for at in times:
        recent = len(through) - bisect.bisect_right(through, at - 1 + 1e-9)
        assert window.take(at) == (recent < limit)
        if recent < limit:
            through.append(at)


def test_a_client_that_keeps_to_the_rate_exactly_is_never_refused() -> None:
    """Sums of floats miss the edge of the window by a hair, which must not count."""
    at, times = 0.0, []
    for _ in range(2000):
        times.append(at)
        at += 0.05
    assert passed(SlidingWindow(QuotaRate(limit=20, window_s=1)), times) == times
    assert passed(TokenBucket(QuotaRate(limit=20, window_s=1), burst=1), times) == times


def test_a_fixed_window_lets_twice_the_limit_pass_around_its_edge() -> None:
    window = FixedWindow(QuotaRate(limit=2, window_s=1))
    assert passed(window, [0.9, 0.95, 0.99, 1.0, 1.05, 1.1]) == [0.9, 0.95, 1.0, 1.05]


@pytest.mark.parametrize(("burst", "at_once"), [(None, 4), (1, 1), (2, 2)])
def test_a_bucket_lets_a_burst_pass_and_then_the_rate(burst: int | None, at_once: int) -> None:
    bucket = TokenBucket(QuotaRate(limit=4, window_s=1), burst=burst)
    assert len(passed(bucket, [0.0] * 10)) == at_once
    assert passed(bucket, [0.1, 0.25, 0.3, 0.5]) == [0.25, 0.5]
