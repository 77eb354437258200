"""What becomes of the shards of a campaign, whatever happens to the workers that have them."""

from batch.fleet.controller import Action, Beat, Controller, GiveUp, Leave, Say, Submit, TryEnd

WORKERS = frozenset({"a", "b", "c"})


def controller(shards: int = 1) -> Controller:
    made = Controller(range(shards), still_s=60.0, patience_s=600.0)
    made.begin(0.0)
    return made


def ended(
    one: Controller, number: int, code: int | None, *, worker: str = "a", left: int | None = None
) -> list[Action]:
    end = TryEnd(shard=0, number=number, exit_code=code, worker=worker, reason="why", open_rows=left)
    return [action for action in one.ended(end, WORKERS, 1.0) if not isinstance(action, Say)]


def test_every_open_shard_is_handed_out_once_at_the_start() -> None:
    assert Controller([1, 3], still_s=60.0, patience_s=600.0).begin(0.0) == [
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
    assert ended(one, 2, 137, left=100) == [GiveUp(shard=0, tries=2, reason="ended with 137: why")]
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
    assert ended(one, 1, None) == [Submit(shard=0, number=2)]
    assert ended(one, 2, None) == [Submit(shard=0, number=3)]
    assert isinstance(ended(one, 3, None)[0], GiveUp)


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
    one.stopping = True
    assert ended(one, 1, 143) == []
    assert one.over


def test_no_worker_is_reported_after_a_minute_and_waited_for_as_long_as_an_outage_may_last() -> None:
    one, none = controller(), frozenset[str]()
    assert one.look(none, {}, frozenset(), 0.0) == []
    assert one.look(none, {}, frozenset(), 60.0) == [Say(words="no worker for 60 s: 1 shards wait for one")]
    assert one.look(none, {}, frozenset(), 61.0) == []
    assert one.look(WORKERS, {}, frozenset(), 62.0) == []
    assert one.look(none, {}, frozenset(), 63.0) == []
    assert one.look(none, {}, frozenset(), 663.0) == [Leave(reason="the scheduler has had no worker for 600 s")]


def test_a_process_that_no_longer_renews_its_lease_is_replaced_and_one_that_does_is_left_alone() -> None:
    one, taken = controller(), frozenset({0})
    still, moved = Beat(epoch=1, counter=5, released=False), Beat(epoch=1, counter=6, released=False)
    assert one.look(WORKERS, {0: still}, taken, 0.0) == []
    assert one.look(WORKERS, {0: moved}, taken, 149.0) == []
    assert one.look(WORKERS, {0: moved}, taken, 298.0) == []
    found = one.look(WORKERS, {0: moved}, taken, 299.0)
    assert [action for action in found if isinstance(action, Submit)] == [Submit(shard=0, number=2)]
