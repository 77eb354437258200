"""How the rate steps down when it is refused and rises again, with numbers checked by hand.

The curve after a step down from 20/s, in a quota of 20/s with a window of 1 s: rate(t) = 20 + 0.0048 (t - K)^3, where
K = cbrt(5 / 0.0048) = 10.137 s, since 20/s less a quarter are 15/s.
"""

import math

import msgspec
import pytest

from batch.csms.faults import Quota
from batch.flow import rate
from batch.flow.meter import Reading
from batch.flow.rate import Mode, RateState

TWENTY = Quota(requests=20, period_s=1.0)


def refused(
    state: RateState,
    now_s: float,
    *,
    share: float = 0.1,
    accepted: float = 20.0,
    most: float = 20.0,
    sent_s: float | None = None,
    quota: Quota | None = None,
) -> RateState:
    """A request that left 50 ms ago is refused, as were a tenth of the last ones, where nothing else is said."""
    reading = Reading(refused=share, accepted_per_s=accepted, most_per_s=most)
    return rate.refused(state, now_s, sent_s=now_s - 0.05 if sent_s is None else sent_s, quota=quota, reading=reading)


def stepped(per_s: float = 20.0, now_s: float = 100.0) -> RateState:
    return refused(rate.start(per_s), now_s)


def rates(state: RateState, *at_s: float) -> list[float]:
    return [rate.per_s(state, now_s) for now_s in at_s]


def test_it_begins_with_what_the_user_allows_and_stays_there() -> None:
    assert rates(rate.start(20.0), 0.0, 100.0) == [20.0, 20.0]
    assert rate.per_s(rate.start(math.inf), 100.0) == math.inf


@pytest.mark.parametrize(("share", "per_s"), [(0.02, 20.0), (0.03, 20.0), (0.04, 15.0), (1.0, 15.0)])
def test_it_steps_down_by_a_quarter_only_where_more_than_three_in_a_hundred_are_refused(
    share: float, per_s: float
) -> None:
    assert rate.per_s(refused(rate.start(20.0), 100.0, share=share), 100.0) == pytest.approx(per_s)


def test_it_rises_quickly_at_first_slowly_near_the_refused_rate_and_quickly_again_beyond() -> None:
    state = msgspec.structs.replace(stepped(), ceiling_per_s=100.0)
    assert rates(state, 100.0, 102.0, 105.0, 110.137, 115.0, 120.0, 127.0) == pytest.approx(
        [15.0, 17.414, 19.349, 20.0, 20.552, 24.606, 43.017], abs=0.001
    )


def test_it_never_rises_above_what_the_user_allows() -> None:
    assert rates(stepped(), 110.0, 110.2, 1_000.0) == pytest.approx([20.0] * 3, abs=1e-4)


def test_the_curve_is_as_steep_as_the_quota_is_large() -> None:
    """Ten windows, whatever the rate: K = cbrt(0.25 / 0.00024) = 10.137."""
    assert rates(stepped(200.0), 100.0, 105.0, 110.137) == pytest.approx([150.0, 193.49, 200.0], abs=0.01)


def test_it_does_not_rise_while_nothing_may_leave() -> None:
    state = rate.held(rate.held(stepped(), 2.0), 3.0)
    assert rates(state, 100.0, 104.0, 105.0, 107.0, 110.0) == pytest.approx(
        [15.0, 15.0, 15.0, 17.414, 19.349], abs=0.001
    )
    assert rate.per_s(refused(state, 110.0), 115.0) == pytest.approx(rate.per_s(refused(stepped(), 105.0), 110.0))


def test_it_steps_down_at_most_once_in_a_window() -> None:
    state = stepped()
    assert refused(state, 100.99, sent_s=100.5) == state
    assert rate.per_s(refused(state, 101.0), 101.0) == pytest.approx(rate.per_s(state, 101.0) * 0.75)


def test_answers_to_requests_from_before_the_step_change_nothing() -> None:
    state = stepped()
    assert refused(state, 103.0, sent_s=99.9) == state
    assert refused(state, 103.0, sent_s=100.0) == state
    assert refused(state, 103.0, sent_s=100.1) != state


def test_where_it_was_refused_before_it_was_back_it_rises_a_tenth_less_high() -> None:
    """At 104 s the curve is at 20 - 0.0048 x 6.137^3 = 18.891; 98 % of 20 is 19.6."""
    again = refused(stepped(), 104.0)
    assert (again.low_per_s, again.peak_per_s) == pytest.approx((14.168, 17.002), abs=0.001)


@pytest.mark.parametrize(("now_s", "peak_per_s"), [(105.7, 17.623), (105.9, 19.635), (112.0, 20.0)])
def test_where_it_was_refused_when_it_was_nearly_back_it_rises_as_high(now_s: float, peak_per_s: float) -> None:
    """98 % are reached at K - cbrt(0.4 / 0.0048) = 10.137 - 4.368 = 5.769 s."""
    assert refused(stepped(), now_s).peak_per_s == pytest.approx(peak_per_s, abs=0.001)


def test_it_never_falls_below_one_request_in_ten_seconds() -> None:
    state = rate.start(0.2)
    for n in range(20):
        state = refused(state, 100.0 + n, share=1.0)
    assert [state.low_per_s, *rates(state, 119.0, 120.0)] == pytest.approx([0.1] * 3, abs=0.001)


def test_a_slower_rate_that_the_user_allows_is_never_exceeded_by_that() -> None:
    state = refused(rate.start(0.05), 100.0, share=1.0)
    assert state.low_per_s == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("allowed_per_s", "quota", "ceiling_per_s"),
    [(50.0, TWENTY, 20.0), (10.0, TWENTY, 10.0), (50.0, Quota(300, 60.0), 5.0), (math.inf, Quota(200, 300.0), 2 / 3)],
)
def test_a_quota_that_the_service_names_is_a_ceiling_and_gives_the_window(
    allowed_per_s: float, quota: Quota, ceiling_per_s: float
) -> None:
    state = refused(rate.start(allowed_per_s), 100.0, share=0.02, quota=quota)
    assert (state.named, state.window_s) == (True, quota.period_s)
    assert rates(state, 100.0, 1_000.0) == pytest.approx([ceiling_per_s] * 2)


def test_the_window_of_a_named_quota_is_the_time_of_its_curve() -> None:
    """300 a minute: 3.75/s after the step, and 5/s again after 10.137 minutes."""
    state = refused(rate.start(50.0), 100.0, quota=Quota(300, 60.0))
    assert rates(state, 100.0, 100.0 + 5 * 60, 100.0 + 10.137 * 60) == pytest.approx([3.75, 4.837, 5.0], abs=0.001)
    assert refused(state, 159.0, quota=Quota(300, 60.0)) == state
    assert refused(state, 160.0, quota=Quota(300, 60.0)) != state


def test_naming_the_same_quota_again_says_nothing_new() -> None:
    state = refused(rate.start(50.0), 100.0, quota=TWENTY)
    assert refused(state, 103.0, share=0.02, quota=TWENTY) == state
    assert refused(state, 103.0, share=0.02) == state


def test_another_quota_that_is_named_later_counts_from_then_on() -> None:
    state = refused(rate.start(50.0), 100.0, quota=TWENTY)
    slower = refused(state, 103.0, share=0.02, quota=Quota(300, 60.0))
    assert (rate.per_s(slower, 103.0), slower.window_s, slower.scale_per_s) == (5.0, 60.0, 5.0)
    longer = refused(state, 103.0, share=0.02, quota=Quota(1_200, 60.0))
    assert (rate.per_s(longer, 103.0), longer.window_s) == pytest.approx((rate.per_s(state, 103.0), 60.0))


def test_an_unlimited_rate_steps_down_from_what_the_service_took() -> None:
    state = refused(rate.start(math.inf), 100.0, share=0.04, accepted=180.0, most=200.0)
    assert rates(state, 100.0, 110.137) == pytest.approx([150.0, 200.0], abs=0.01)
    assert rate.per_s(state, 200.0) > 1_000.0


def test_an_unlimited_rate_that_took_nothing_yet_is_guessed_at_a_hundred() -> None:
    state = refused(rate.start(math.inf), 100.0, share=0.04, accepted=0.0, most=0.0)
    assert rate.per_s(state, 100.0) == pytest.approx(75.0)


def test_a_sought_rate_doubles_every_second_while_it_is_used() -> None:
    state = rate.seek()
    assert (state.mode, rate.per_s(state, 100.0)) == (Mode.SEEKING, 10.0)
    state = rate.answered(state, 100.0, Reading(accepted_per_s=10.0))
    assert rate.per_s(state, 100.0) == 10.0
    for quarter in range(1, 13):
        state = rate.answered(state, 100.0 + quarter / 4, Reading(accepted_per_s=rate.per_s(state, 100.0)))
    assert rate.per_s(state, 103.0) == pytest.approx(80.0)


@pytest.mark.parametrize(("accepted", "per_s"), [(6.9, 10.0), (7.0, 11.892)])
def test_a_sought_rate_rises_only_where_seven_tenths_of_it_are_used(accepted: float, per_s: float) -> None:
    state = rate.answered(rate.seek(), 100.0, Reading(accepted_per_s=10.0))
    assert rate.per_s(rate.answered(state, 100.25, Reading(accepted_per_s=accepted)), 100.25) == pytest.approx(
        per_s, abs=0.001
    )


def test_a_long_silence_does_not_let_a_sought_rate_leap() -> None:
    state = rate.answered(rate.seek(), 100.0, Reading(accepted_per_s=10.0))
    assert rate.per_s(rate.answered(state, 200.0, Reading(accepted_per_s=10.0)), 200.0) == pytest.approx(
        11.892, abs=0.001
    )


def test_the_first_refusal_ends_the_search_at_what_the_service_took() -> None:
    seeking = msgspec.structs.replace(rate.seek(), low_per_s=64.0)
    state = refused(seeking, 100.0, share=0.02, accepted=38.0, most=40.0)
    assert (state.mode, state.peak_per_s) == (Mode.GIVEN, 40.0)
    assert rates(state, 100.0, 110.137) == pytest.approx([30.0, 40.0], abs=0.01)


@pytest.mark.parametrize(("accepted", "most", "peak_per_s"), [(0.0, 0.0, 10.0), (12.0, 12.0, 10.0), (5.0, 4.0, 5.0)])
def test_a_search_never_ends_above_the_rate_that_was_tried(accepted: float, most: float, peak_per_s: float) -> None:
    state = refused(rate.seek(), 100.0, share=0.02, accepted=accepted, most=most)
    assert (state.peak_per_s, state.low_per_s) == pytest.approx((peak_per_s, 0.75 * peak_per_s))


def test_a_quota_of_which_others_left_little_is_taken_for_one_of_twenty_at_least() -> None:
    """Or it would rise too slowly when they have gone: 20 - 5 = 0.0048 t^3 beyond the peak takes 14.6 s."""
    state = refused(rate.seek(), 100.0, share=0.02, accepted=5.0, most=5.0)
    to_peak_s = (1.25 / 0.0048) ** (1 / 3)
    assert rates(state, 100.0 + to_peak_s, 100.0 + to_peak_s + 14.62) == pytest.approx([5.0, 20.0], abs=0.01)


def test_a_search_that_is_told_the_quota_goes_on_with_that_as_a_given_rate() -> None:
    seeking = msgspec.structs.replace(rate.seek(), low_per_s=64.0)
    state = refused(seeking, 100.0, share=0.02, quota=TWENTY)
    assert (state.mode, rate.per_s(state, 100.0), state.scale_per_s) == (Mode.GIVEN, 20.0, 20.0)
    below = refused(rate.seek(), 100.0, share=0.02, quota=TWENTY)
    assert rate.per_s(below, 100.0) == 10.0


def test_a_given_rate_learns_nothing_from_answers() -> None:
    state = stepped()
    assert rate.answered(state, 105.0, Reading(accepted_per_s=20.0)) == state


def unexplained(state: RateState, *at_s: float, accepted: float = 30.0, most: float = 50.0) -> RateState:
    """Refusals at a rate far below what the service took lately."""
    for now_s in at_s:
        state = refused(state, now_s, share=0.1, accepted=accepted, most=most)
    return state


def test_three_refusals_within_ten_seconds_at_a_rate_that_the_service_took_before_are_chance() -> None:
    state = unexplained(stepped(50.0), 103.0, 104.0)
    assert rate.per_s(state, 104.0) < 40.0
    state = unexplained(state, 105.0)
    assert rates(state, 105.0, 164.9) == [50.0, 50.0]
    assert unexplained(state, 106.0, 110.0) == msgspec.structs.replace(
        state, unexplained_s=(105.0, 106.0, 110.0), believed_until_s=170.0
    )


def test_two_of_them_or_three_in_more_than_ten_seconds_are_not() -> None:
    assert unexplained(stepped(50.0), 103.0, 104.0, 113.1).believed_until_s == -math.inf
    assert unexplained(stepped(50.0), 103.0, 104.0, 112.9).believed_until_s == pytest.approx(172.9)


def test_what_was_taken_for_chance_is_tried_again_after_a_minute() -> None:
    state = unexplained(stepped(50.0), 103.0, 104.0, 105.0)
    explained = refused(state, 164.9, accepted=50.0, most=50.0)
    assert rate.per_s(explained, 164.9) == 50.0
    assert rate.per_s(refused(explained, 165.0, accepted=50.0, most=50.0), 165.0) == pytest.approx(37.5)


@pytest.mark.parametrize(
    ("accepted", "most", "chance"),
    [(44.0, 50.0, True), (45.0, 50.0, False), (0.0, 50.0, False), (2.0, 8.0, True), (1.0, 6.0, False)],
)
def test_a_refusal_is_unexplained_where_six_a_second_fewer_were_accepted_than_lately_and_not_none(
    accepted: float, most: float, *, chance: bool
) -> None:
    state = unexplained(stepped(50.0), 103.0, 104.0, 105.0, accepted=accepted, most=most)
    assert (state.believed_until_s == 165.0) is chance


@pytest.mark.parametrize(("share", "believed"), [(0.2, True), (0.22, False)])
def test_more_than_one_in_five_refused_is_never_chance(share: float, *, believed: bool) -> None:
    state = unexplained(stepped(50.0), 103.0, 104.0, 105.0)
    after = refused(state, 107.0, share=share, accepted=30.0, most=50.0)
    assert (after.believed_until_s > 107.0) is believed
    assert (rate.per_s(after, 107.0) == 50.0) is believed
    assert (after.unexplained_s == ()) is not believed


@pytest.mark.parametrize(("most", "regained_per_s"), [(30.0, 40.0), (45.0, 45.0), (70.0, 50.0)])
def test_once_chance_is_known_the_rate_is_back_at_what_was_possible_and_never_above_the_allowed(
    most: float, regained_per_s: float
) -> None:
    state = msgspec.structs.replace(stepped(50.0), peak_per_s=40.0, unexplained_s=(103.0, 104.0))
    state = refused(state, 105.0, accepted=most - 10.0, most=most)
    assert rates(state, 105.0, 150.0) == [regained_per_s] * 2
    assert state.peak_per_s == regained_per_s


def test_a_limit_that_is_named_is_never_taken_for_chance() -> None:
    state = refused(rate.start(50.0), 100.0, quota=Quota(50, 1.0))
    for now_s in (103.0, 104.0, 105.0):
        state = refused(state, now_s, accepted=10.0, most=50.0, quota=Quota(50, 1.0))
    assert state.believed_until_s == -math.inf
    assert rate.per_s(state, 105.0) < 25.0
