"""Who may send, whatever the machines, their clocks and their store do: never two at once, and never for no reason."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.fleet.campaign import Worker
from batch.fleet.lease import (
    LeaseRecord,
    LeaseTimes,
    Sight,
    Take,
    Tenure,
    Wait,
    Watch,
    renewal_due,
    renewed,
    verdict,
    watched,
)
from tests.unit.fleet.owners import BURST, RATE, TIMEOUT_S, Machine, Request, World

USUAL = LeaseTimes()
MINE = LeaseRecord(owner=Worker(host="b", pid=2), nonce="mine", boot="b", lapse_s=30.0, timeout_s=60.0, at=0.0)
THEIRS = LeaseRecord(owner=Worker(host="a", pid=1), nonce="theirs", boot="a", lapse_s=30.0, timeout_s=20.0, at=0.0)
CALM_S, UNTIL_S = 40.0, 85.0


def sight(record: LeaseRecord | None, at_s: float, *, epoch: int = 4, took_s: float = 0.0) -> Sight:
    return Sight(epoch=epoch, record=record, from_s=at_s, until_s=at_s + took_s)


machines = st.builds(
    Machine,
    offset_s=st.floats(0.0, 1e6),
    speed=st.floats(0.99, 1.01),
    there_s=st.floats(0.0, TIMEOUT_S),
    pauses=st.lists(st.tuples(st.floats(0.0, CALM_S), st.floats(0.1, 20.0)), max_size=3).map(tuple),
    fates=st.lists(
        st.sampled_from(["done", "done", "done", "failed", "lied", "hung", "late"]), min_size=1, max_size=12
    ).map(tuple),
    endings=st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from(["clean", "cut off", "killed"])), min_size=1, max_size=4
    ).map(tuple),
    disk_lost=st.booleans(),
)


def by_epoch(requests: list[Request]) -> list[tuple[float, float]]:
    """When the first request of each owner left and its last one arrived."""
    epochs = sorted({one.epoch for one in requests})
    own = [[one for one in requests if one.epoch == epoch] for epoch in epochs]
    return [(min(one.left_s for one in each), max(one.arrived_s for one in each)) for each in own]


@settings(max_examples=80, deadline=None)
@given(st.lists(machines, min_size=2, max_size=3).map(tuple))
def test_no_two_machines_ever_send_at_once_and_the_rate_holds_over_a_hand_over(found: tuple[Machine, ...]) -> None:
    requests = World(found, until_s=UNTIL_S, calm_s=CALM_S).requests
    for (_, last_s), (first_s, _) in pairwise(by_epoch(requests)):
        assert last_s < first_s
    arrived = sorted(one.arrived_s for one in requests)
    for at, start_s in enumerate(arrived):
        later = at + int(RATE + BURST)
        assert later >= len(arrived) or arrived[later] >= start_s + 1.0 - 1e-6
    assert any(one.left_s > CALM_S for one in requests)


def test_a_paused_owner_that_wakes_sends_nothing() -> None:
    paused = Machine(pauses=((10.0, 60.0),))
    requests = World((paused, Machine(offset_s=500.0)), until_s=100.0, calm_s=0.0).requests
    first, second = by_epoch(requests)
    assert first[1] < 10.3
    assert second[0] > first[1] + 6.0


def test_an_owner_whose_store_hangs_for_good_stops_when_its_lease_has_lapsed() -> None:
    hung = Machine(fates=("done", "hung", "hung", "hung", "hung"))
    requests = World((hung,), until_s=9.0, calm_s=200.0).requests
    assert 2.5 < max(one.left_s for one in requests) < 4.0


def test_a_process_that_was_killed_is_replaced_at_once_on_its_own_machine() -> None:
    killed = Machine(endings=((10, "killed"), (1_000, "clean")))
    first, second = by_epoch(World((killed,), until_s=20.0, calm_s=0.0).requests)
    assert 1.0 <= second[0] - first[1] < 3.0


def test_nothing_may_leave_once_the_last_good_renewal_began_too_long_ago() -> None:
    tenure = Tenure(since_s=100.0, lapse_s=30.0)
    assert tenure.why_not(129.9) is None
    assert tenure.why_not(130.0) == "its lease could not be renewed for 30 s"


def test_a_renewal_counts_from_when_it_began() -> None:
    tenure = renewed(Tenure(since_s=100.0, lapse_s=30.0), 110.0, 125.0, taken=False)
    assert tenure.why_not(139.0) is None
    assert tenure.why_not(140.0) is not None


def test_a_renewal_that_succeeds_after_the_lapse_brings_nothing_back() -> None:
    tenure = renewed(Tenure(since_s=100.0, lapse_s=30.0), 129.0, 131.0, taken=False)
    assert tenure.why_not(131.0) is not None
    assert renewed(tenure, 132.0, 132.1, taken=False).why_not(132.1) is not None


def test_a_renewal_that_was_overtaken_takes_no_time_away() -> None:
    tenure = renewed(Tenure(since_s=120.0, lapse_s=30.0), 110.0, 121.0, taken=False)
    assert tenure.why_not(149.0) is None


def test_a_later_owner_ends_the_tenure_whatever_the_clock_says() -> None:
    assert renewed(Tenure(since_s=100.0, lapse_s=30.0), 101.0, 101.0, taken=True).why_not(101.0) is not None


@pytest.mark.parametrize(
    ("now_s", "last_try_s", "failed", "due"),
    [
        (109.9, 100.0, False, False),
        (110.0, 100.0, False, True),
        (111.0, 110.0, True, False),
        (112.0, 110.0, True, True),
        (119.0, 110.0, False, False),
        (120.0, 110.0, False, True),
        (130.0, 110.0, True, False),
    ],
)
def test_a_renewal_is_tried_again_soon_after_a_failure_and_overtakes_one_that_hangs(
    now_s: float, last_try_s: float, *, failed: bool, due: bool
) -> None:
    tenure = Tenure(since_s=100.0, lapse_s=30.0)
    assert renewal_due(tenure, last_try_s, now_s, USUAL, failed=failed) is due


def test_the_first_owner_does_not_wait() -> None:
    assert verdict(None, MINE, USUAL, gone=None) == Take(epoch=1)


def test_a_lease_is_taken_once_it_stood_still_for_a_minute_and_the_longest_timeout() -> None:
    watch = watched(watched(None, sight(THEIRS, 10.0, took_s=2.0)), sight(THEIRS, 131.9))
    step = verdict(watch, MINE, USUAL, gone=None)
    assert isinstance(step, Wait)
    assert step.left_s == pytest.approx(0.1)
    assert verdict(watched(watch, sight(THEIRS, 132.0)), MINE, USUAL, gone=None) == Take(epoch=5)


def test_an_owner_with_longer_times_than_ours_is_waited_for_as_long_as_those_take() -> None:
    slow = LeaseRecord(owner=THEIRS.owner, nonce="x", boot="a", lapse_s=100.0, timeout_s=300.0, at=0.0)
    watch = Watch(last=sight(slow, 499.0), since_s=0.0)
    assert verdict(watch, MINE, USUAL, gone=None) == Wait(left_s=1.0)


def test_any_change_begins_the_wait_again_and_says_that_the_owner_is_alive() -> None:
    moved = LeaseRecord(owner=THEIRS.owner, nonce="theirs", boot="a", lapse_s=30.0, timeout_s=20.0, at=0.0, counter=1)
    watch = watched(watched(None, sight(THEIRS, 0.0)), sight(moved, 119.0))
    assert watch.moved
    assert verdict(watch, MINE, USUAL, gone=None) == Wait(left_s=120.0)


def test_a_lease_that_cannot_be_made_out_counts_as_one_that_is_held() -> None:
    watch = watched(None, sight(None, 0.0))
    assert verdict(watch, MINE, USUAL, gone=None) == Wait(left_s=120.0)


def test_after_an_owner_that_has_ended_the_next_waits_only_for_its_last_request() -> None:
    ended = LeaseRecord(owner=THEIRS.owner, nonce="theirs", boot="a", lapse_s=30.0, timeout_s=20.0, at=0.0, quiet_s=1.0)
    assert verdict(watched(None, sight(ended, 0.0)), MINE, USUAL, gone=None) == Take(epoch=5, quiet_s=1.0)


@pytest.mark.parametrize(("boot", "gone", "taken"), [("b", "theirs", True), ("a", "theirs", False), ("b", "x", False)])
def test_an_owner_that_is_known_to_be_gone_is_known_on_the_same_system_only(
    boot: str, gone: str, *, taken: bool
) -> None:
    owner = LeaseRecord(owner=THEIRS.owner, nonce="theirs", boot=boot, lapse_s=30.0, timeout_s=20.0, at=0.0)
    step = verdict(watched(None, sight(owner, 0.0)), MINE, USUAL, gone=gone)
    assert (step == Take(epoch=5, quiet_s=1.0)) is taken


@pytest.mark.parametrize("text", [{"renew_s": 30.0}, {"lapse_s": 31.0}, {"renew_s": 0.0}, {"snapshot_s": 0.0}])
def test_times_that_would_let_two_send_at_once_are_refused(text: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a lease is renewed before it lapses"):
        LeaseTimes(**text)
