import bisect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.sandbox.quota import ProjectQuota, QuotaRate, Rival, SharedWindow, SlidingWindow, parse_rate, parse_rival
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


@pytest.mark.parametrize(("text", "per_s"), [("10/s", 10.0), ("10", 10.0), ("2.5/s", 2.5), ("150/m", 2.5)])
def test_what_a_rival_takes_is_read_as_a_rate_or_a_number_per_second(text: str, per_s: float) -> None:
    assert parse_rival(text) == Rival(per_s=per_s)


@pytest.mark.parametrize("text", ["", "0", "0/s", "-1", "10/d", "auto", "x"])
def test_what_no_rival_can_take_is_refused_with_the_text_in_the_message(text: str) -> None:
    with pytest.raises(ValueError, match=f"rival {text!r}"):
        parse_rival(text)


@pytest.mark.parametrize(("limit", "rival", "left"), [(20, 5, 15), (20, 10, 10), (20, 18, 2), (20, 20, 0)])
def test_a_rival_leaves_what_it_does_not_take_of_every_window(limit: int, rival: int, left: int) -> None:
    """A client that asks for as much as it is given, once it does so, gets the rest of the quota."""
    rate = QuotaRate(limit=limit, window_s=1)
    window = SharedWindow(rate, Rival(per_s=rival))
    # A refused request counts for nothing, so asking often is as good as asking at the right moment.
    through = passed(window, [tick / 200 for tick in range(200 * 20)])
    assert len(through) / 20 == pytest.approx(left, abs=1)


def test_a_rival_that_leaves_gives_the_whole_quota_back() -> None:
    window = SharedWindow(QuotaRate(limit=20, window_s=1), Rival(per_s=15, until_s=10.0))
    through = passed(window, [tick / 200 for tick in range(200 * 20)])
    assert len([at for at in through if 11.0 <= at < 20.0]) == 20 * 9


def test_a_rival_is_there_in_every_project() -> None:
    quota = ProjectQuota(parse_rate("2/s"), rival=Rival(per_s=1.0))
    for project in ("a", "b"):
        assert [quota.check(project, at) is None for at in (0.0, 0.1, 0.2)] == [True, False, False]


@pytest.mark.parametrize(("named", "says"), [(True, "limit:20,time:1 second"), (False, "too many requests")])
def test_a_refusal_names_the_limit_or_does_not(*, named: bool, says: str) -> None:
    quota = ProjectQuota(parse_rate("20/s"), named=named)
    refusals = [quota.check("a", 0.0) for _ in range(21)]
    assert refusals[:20] == [None] * 20
    assert refusals[20] is not None
    assert says in str(refusals[20])
