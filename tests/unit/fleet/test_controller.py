"""What becomes of the shards of a campaign, whatever happens to the workers that have them."""

import pytest

from batch.fleet.actions import Action, Beat, Bounds, GiveUp, Leave, Say, Seen, Submit, Try
from batch.fleet.controller import Controller
from batch.fleet.tries import Lost, TryEnd

WORKERS = frozenset({"a", "b", "c"})
BOUNDS = Bounds(still_s=150.0, start_s=700.0, outage_s=600.0, stop_s=110.0)


def controller(shards: int = 1) -> Controller:
    made = Controller(range(shards), BOUNDS)
    made.begin()
    return made


def ended(
    one: Controller, number: int, code: int | Lost, *, worker: str = "a", left: int | None = None, at_s: float = 1.0
) -> list[Action]:
    end = TryEnd(shard=0, number=number, exit_code=code, worker=worker, reason="why", open_rows=left)
    return [action for action in one.ended(end, WORKERS, at_s) if not isinstance(action, Say)]


def looked(
    one: Controller,
    at_s: float,
    beats: dict[int, Beat] | None = None,
    on: dict[int, str] | None = None,
    *,
    threads: int = 1,
) -> list[Action]:
    """A look at which each shard's newest try is on a worker."""
    running = {Try(shard, number): worker for shard, worker in (on or {}).items() for number in range(1, 30)}
    seen = Seen(workers=dict.fromkeys(WORKERS, threads), running=running, beats=beats or {})
    return [action for action in one.look(seen, at_s) if not isinstance(action, Say)]


def beat(counter: int, *, epoch: int = 1, released: bool = False) -> Beat:
    return Beat(epoch=epoch, counter=counter, released=released)


def test_every_open_shard_is_handed_out_once_at_the_start() -> None:
    assert Controller([1, 3], BOUNDS).begin() == [
        Submit(shard=1, number=1),
        Submit(shard=3, number=1),
    ]


def test_a_shard_that_has_ended_or_was_stopped_by_a_rule_is_not_tried_again() -> None:
    for code in (0, 1, 3):
        one = controller()
        assert ended(one, 1, code) == []
        assert one.over


def test_a_shard_that_ends_badly_twice_without_progress_is_given_up() -> None:
    one = controller()
    assert ended(one, 1, 137, left=100) == [Submit(shard=0, number=2)]
    assert ended(one, 2, 137, left=100) == [GiveUp(shard=0, tries=2, reason="ended with exit code 137: why")]
    assert one.over


def test_a_shard_that_gets_further_each_time_is_tried_on() -> None:
    one = controller()
    for number in range(1, 20):
        assert ended(one, number, 137, left=100 - number) == [Submit(shard=0, number=number + 1)]


def test_progress_that_is_lost_again_each_time_does_not_count() -> None:
    one = controller()
    assert ended(one, 1, 137, left=60) == [Submit(shard=0, number=2)]
    assert isinstance(ended(one, 2, 137, left=60)[0], GiveUp)


def test_a_shard_may_lose_its_worker_twice_in_a_row_and_not_three_times() -> None:
    one = controller()
    assert ended(one, 1, Lost.WORKER) == [Submit(shard=0, number=2)]
    assert ended(one, 2, Lost.WORKER) == [Submit(shard=0, number=3)]
    assert isinstance(ended(one, 3, Lost.WORKER)[0], GiveUp)


def test_a_shard_that_a_worker_refuses_goes_to_another_until_all_have_refused() -> None:
    one = controller()
    assert ended(one, 1, 2, worker="a") == [Submit(shard=0, number=2, avoid=frozenset("a"))]
    assert ended(one, 2, 2, worker="b") == [Submit(shard=0, number=3, avoid=frozenset("ab"))]
    assert ended(one, 3, 2, worker="c") == [GiveUp(shard=0, tries=3, reason="no worker may take it: why")]


def test_the_end_of_a_try_that_another_has_replaced_says_nothing() -> None:
    one = controller()
    ended(one, 1, 137)
    assert ended(one, 1, 0) == []
    assert not one.over


def test_once_everything_is_to_stop_nothing_is_tried_again() -> None:
    one = controller()
    one.stop(0.0)
    assert ended(one, 1, 143) == []
    assert one.over


def test_no_worker_is_reported_after_a_minute_and_waited_for_as_long_as_an_outage_may_last() -> None:
    one = controller()

    def look(at_s: float, *workers: str) -> list[Action]:
        return one.look(Seen(workers=dict.fromkeys(workers, 1), running={}, beats={}), at_s)

    assert look(0.0) == []
    assert look(60.0) == [Say(words="no worker for 60 s; 1 shard to hand out")]
    assert look(61.0) == []
    assert look(62.0, "a") == []
    assert look(63.0) == []
    assert look(663.0) == [Leave(reason="the scheduler has had no worker for 600 s")]


def test_a_process_that_no_longer_renews_its_lease_is_replaced_and_one_that_does_is_left_alone() -> None:
    one, on = controller(), {0: "a"}
    assert looked(one, 0.0, {0: beat(5)}, on) == []
    assert looked(one, 149.0, {0: beat(6)}, on) == []
    assert looked(one, 298.0, {0: beat(6)}, on) == []
    assert looked(one, 299.0, {0: beat(6)}, on) == [Submit(shard=0, number=2, avoid=frozenset("a"))]


@pytest.mark.parametrize("code", [74, 4, 143, 130, 129, Lost.TASK])
def test_what_is_away_for_a_moment_makes_no_poison_shard(code: int | Lost) -> None:
    """Storage or disk, a lease that is held or lapsed, and an end that somebody else wanted: an outage of 9 minutes."""
    one, now_s = controller(), 0.0
    for number in range(1, 12):
        assert ended(one, number, code, at_s=now_s) == []
        now_s += 60.0
        assert one.due(now_s) == [Submit(shard=0, number=number + 1)]
    assert not one.over


def test_the_pauses_between_tries_grow_and_nothing_is_handed_out_in_one() -> None:
    one, now_s, pauses = controller(), 0.0, []
    for number in range(1, 9):
        ended(one, number, 74, at_s=now_s)
        begun_s = now_s
        while not one.due(now_s):
            now_s += 0.5
        pauses.append(now_s - begun_s)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_what_is_away_for_longer_than_an_outage_may_last_is_given_up() -> None:
    one, now_s, number = controller(), 0.0, 1
    while not (done := ended(one, number, 74, at_s=now_s)):
        now_s += 60.0
        assert one.due(now_s)
        number += 1
    assert done == [GiveUp(shard=0, tries=number, reason="ended with exit code 74: why, after 603 s of waiting")]


def test_the_time_for_which_a_shard_waits_for_a_worker_is_no_outage() -> None:
    one = controller()
    ended(one, 1, 74, at_s=0.0)
    assert one.due(1.0)
    assert ended(one, 2, 74, at_s=7_200.0) == []
    assert not one.over


def test_an_outage_that_a_shard_has_outlived_is_forgotten() -> None:
    one = controller()
    for number in range(1, 40):
        assert ended(one, number, 74, left=100 - number, at_s=100.0 * number) == []
        assert one.due(100.0 * number + 99.0)


def test_the_first_report_of_a_shard_is_progress() -> None:
    one = controller()
    assert ended(one, 1, 137) == [Submit(shard=0, number=2)]
    assert ended(one, 2, 137, left=60) == [Submit(shard=0, number=3)]
    assert isinstance(ended(one, 3, 137, left=60)[0], GiveUp)


def test_a_process_that_hangs_before_it_has_its_lease_is_replaced() -> None:
    one, on = controller(), {0: "a"}
    assert looked(one, 0.0, on=on) == []
    assert looked(one, 699.0, on=on) == []
    assert looked(one, 700.0, on=on) == [Submit(shard=0, number=2, avoid=frozenset("a"))]


@pytest.mark.parametrize("before", [beat(7, released=True), beat(7)])
def test_the_lease_of_an_owner_before_is_no_sign_of_life(before: Beat) -> None:
    one, on = controller(), {0: "a"}
    assert looked(one, 0.0, {0: before}, on) == []
    assert looked(one, 699.0, {0: before}, on) == []
    assert looked(one, 700.0, {0: before}, on) == [Submit(shard=0, number=2, avoid=frozenset("a"))]


def test_a_process_that_hangs_after_its_lease_is_released_is_replaced() -> None:
    one, on = controller(), {0: "a"}
    for at_s, shown in ((0.0, beat(1)), (10.0, beat(2)), (20.0, beat(3, released=True))):
        assert looked(one, at_s, {0: shown}, on) == []
    assert looked(one, 719.0, {0: beat(3, released=True)}, on) == []
    assert looked(one, 720.0, {0: beat(3, released=True)}, on) == [Submit(shard=0, number=2, avoid=frozenset("a"))]


def test_a_shard_that_waits_on_a_worker_whose_threads_are_busy_is_left_there() -> None:
    one, on = controller(2), {0: "a", 1: "a"}
    for tick in range(100):
        assert looked(one, 60.0 * tick, {1: beat(tick)}, on) == []
    assert looked(one, 6_000.0, {1: beat(99)}, on) == []
    assert [action.shard for action in looked(one, 6_600.0, {1: beat(99)}, on) if isinstance(action, Submit)] == [1]


def test_a_shard_that_shows_nothing_beside_another_on_two_threads_is_replaced() -> None:
    one, on = controller(2), {0: "a", 1: "a"}
    found: list[Action] = []
    for tick in range(13):
        found += looked(one, 60.0 * tick, {1: beat(tick)}, on, threads=2)
    assert found == [Submit(shard=0, number=2, avoid=frozenset("a"))]


def test_a_shard_that_waits_for_a_worker_is_not_replaced() -> None:
    one = controller()
    assert looked(one, 0.0) == []
    assert looked(one, 7_200.0) == []


def test_a_shard_of_which_nothing_is_seen_on_three_workers_is_given_up() -> None:
    one = controller()
    for number in (1, 2):
        looked(one, 1_000.0 * number, on={0: "a"})
        assert looked(one, 1_000.0 * number + 700.0, on={0: "a"}) == [
            Submit(shard=0, number=number + 1, avoid=frozenset("a"))
        ]
    looked(one, 3_000.0, on={0: "b"})
    reason = "nothing was seen of it: for 700 s, on b"
    assert looked(one, 3_700.0, on={0: "b"}) == [GiveUp(shard=0, tries=3, reason=reason)]


def test_what_could_not_be_seen_says_nothing_about_a_shard() -> None:
    one, on = controller(), {0: "a"}
    looked(one, 0.0, {0: beat(1)}, on)
    looked(one, 10.0, {0: beat(2)}, on)
    one.blind(500.0)
    assert looked(one, 501.0, {0: beat(2)}, on) == []
    assert looked(one, 650.0, {0: beat(2)}, on)


def test_a_stop_ends_in_time_and_names_the_shards_that_have_not_confirmed_it() -> None:
    one, on = controller(3), {0: "a", 2: "b"}
    looked(one, 0.0, on=on)
    one.stop(10.0)
    ended(one, 1, 143)
    assert looked(one, 100.0, on=on) == []
    assert one.overdue(119.0) is None
    assert one.overdue(120.0) == (2,)


def test_a_stop_waits_longer_for_a_process_that_is_seen_to_live_and_not_for_ever() -> None:
    one, on = controller(2), {0: "a", 1: "b"}
    one.stop(0.0)
    for tick in range(23):
        assert one.overdue(10.0 * tick) is None
        looked(one, 10.0 * tick, {0: beat(tick)}, on)
    assert one.overdue(230.0) == (0, 1)


def test_a_stop_waits_no_longer_once_a_process_is_not_seen_to_live() -> None:
    one, on = controller(), {0: "a"}
    one.stop(0.0)
    for at_s in (0.0, 50.0, 60.0, 100.0):
        looked(one, at_s, {0: beat(min(int(at_s), 60))}, on)
    assert one.overdue(119.0) is None
    assert one.overdue(120.0) == (0,)


def test_a_shard_in_a_pause_is_over_once_everything_is_to_stop() -> None:
    one = controller()
    ended(one, 1, 74)
    one.stop(2.0)
    assert one.over
    assert one.due(100.0) == []
