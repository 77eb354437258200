"""One call of `fleet run`, in virtual time: folder, scheduler and processes fail in turn, and it ends as it should."""

from collections.abc import Iterator

import pytest

from batch.fleet import campaign
from batch.fleet.campaign import Stop
from batch.fleet.standing import ShardState
from reports import Exit
from tests.fleet.model_cluster import AwayStore, Child, Played, fleet


@pytest.fixture(autouse=True)
def _store_is_there() -> Iterator[None]:
    yield
    AwayStore.away = False


def ended_well(one: Played) -> None:
    end = one.run()
    assert (end.left, end.given_up) == (None, ()), one.said
    assert len(one.storage.names(campaign.END)) == 2


def test_a_campaign_without_trouble_ends_with_its_last_shard() -> None:
    one = fleet()
    ended_well(one)
    assert one.took_s < 25.0


def test_what_stays_on_the_screen_is_how_the_campaign_ended() -> None:
    one = fleet({0: [Child(for_s=9_000.0)], 1: [Child(for_s=9_000.0)]})
    one.cluster.at(50.0, lambda: one.asked.append("me"))
    one.run()
    assert {shard.state for shard in one.screen.views[-1].shards} == {ShardState.STOPPED}


def test_a_folder_that_cannot_be_read_for_five_minutes_ends_nothing_and_is_shown() -> None:
    one = fleet({0: [Child(for_s=400.0)], 1: [Child(for_s=400.0)]})
    one.cluster.loses_the_storage(20.0, 320.0)
    ended_well(one)
    troubles = [view.trouble for view in one.screen.views if view.trouble is not None]
    assert troubles
    assert "bucket is away" in troubles[-1]
    assert one.screen.views[-1].trouble is None
    assert sum("tried again for up to 10m" in line for line in one.screen.lines) == 1
    assert sum("answer again, after" in line for line in one.screen.lines) == 1


def test_a_folder_that_is_away_at_the_first_look_ends_nothing_and_is_shown() -> None:
    one = fleet()
    one.cluster.loses_the_storage(0.0, 300.0)
    ended_well(one)
    assert "bucket is away" in (one.screen.views[0].trouble or "")
    assert len(one.screen.views[0].shards) == 2
    assert sum("tried again for up to 10m" in line for line in one.screen.lines) == 1


def test_a_folder_that_is_away_from_the_first_look_on_ends_the_call_within_the_time_of_an_outage() -> None:
    one = fleet()
    one.cluster.loses_the_storage(0.0)
    assert one.run().exit_code is Exit.CANNOT_WRITE
    assert 600.0 <= one.took_s <= 650.0


def test_a_stop_before_the_first_look_hands_nothing_out_and_is_written() -> None:
    one = fleet()
    one.cluster.loses_the_storage(0.0, 20.0)
    one.cluster.at(10.0, lambda: one.asked.append("me"))
    assert one.run().left is None
    assert one.storage.get(campaign.STOP) is not None
    assert one.cluster.handed_out == []


def test_the_time_for_which_the_folder_is_away_does_not_count_against_a_child_that_begins() -> None:
    one = fleet({0: [Child(renews=False, for_s=1_000.0)]})
    one.cluster.loses_the_storage(30.0, 600.0)
    ended_well(one)
    assert [shard for shard, _ in one.cluster.handed_out] == [0, 1]


def test_an_answer_that_comes_while_the_folder_is_away_is_not_lost() -> None:
    one = fleet({0: [Child(for_s=30.0, code=137)], 1: [Child(for_s=30.0, code=137)]})
    one.cluster.loses_the_storage(25.0, 60.0)
    ended_well(one)
    assert [shard for shard, _ in one.cluster.handed_out] == [0, 1, 0, 1]


def test_a_folder_that_stays_away_ends_the_call_within_the_time_of_an_outage() -> None:
    one = fleet({0: [Child(for_s=9_000.0)]})
    one.cluster.loses_the_storage(20.0)
    end = one.run()
    assert end.exit_code is Exit.CANNOT_WRITE
    assert end.left is not None
    assert "bucket is away" in end.left
    assert 600.0 <= one.took_s <= 650.0


def test_a_scheduler_that_does_not_answer_for_five_minutes_ends_nothing_and_is_shown() -> None:
    one = fleet({0: [Child(for_s=400.0)]})
    one.cluster.is_silent(10.0, 310.0)
    ended_well(one)
    assert any("the scheduler does not answer" in (view.trouble or "") for view in one.screen.views)


def test_a_scheduler_that_never_answers_again_ends_the_call() -> None:
    one = fleet({0: [Child(for_s=9_000.0)]})
    one.cluster.is_silent(10.0)
    end = one.run()
    assert end.exit_code is Exit.STOPPED_EARLY
    assert "the scheduler does not answer" in (end.left or "")
    assert one.took_s <= 650.0


def test_a_lost_scheduler_ends_the_call_at_once() -> None:
    one = fleet()
    one.cluster.at(10.0, lambda: setattr(one.cluster, "lost", True))
    assert one.run().left == "the scheduler is lost"
    assert one.took_s < 11.0


def test_one_cancelled_task_is_handed_out_again_and_ends_nothing() -> None:
    one = fleet({0: [Child(for_s=60.0)]})
    one.cluster.at(10.0, lambda: one.cluster.cancel(0))
    ended_well(one)
    assert [shard for shard, _ in one.cluster.handed_out] == [0, 1, 0]
    assert "its task was cancelled" in one.said


@pytest.mark.parametrize("code", [74, 4, 143])
def test_workers_whose_storage_is_away_for_minutes_cost_no_shard_its_tries(code: int) -> None:
    one = fleet({0: [Child(code=code, for_s=1.0, renews=False) for _ in range(8)]})
    ended_well(one)
    assert one.took_s > 120.0


def test_a_child_that_hangs_before_its_lease_is_replaced_within_a_stated_time_on_another_worker() -> None:
    one = fleet({0: [Child(renews=False, answers=False)]})
    ended_well(one)
    assert one.cluster.handed_out[-1] == (0, frozenset({"w0"}))
    assert 870.0 <= one.took_s <= 910.0


@pytest.mark.parametrize("by", ["signal", "flag"])
def test_a_stop_ends_within_a_stated_time_though_a_child_is_frozen_and_says_which(by: str) -> None:
    frozen = Child(renews=False, answers=False)
    one = fleet({0: [Child(for_s=9_000.0)], 1: [frozen]})
    stop = campaign.to_json(Stop(who="me", at=1.0))
    one.cluster.at(50.0, lambda: one.asked.append("me") if by == "signal" else one.storage.put(campaign.STOP, stop))
    end = one.run()
    assert one.storage.get(campaign.STOP) is not None
    assert "stopped: 1;" in (end.left or "")
    assert end.exit_code is Exit.STOPPED_EARLY
    assert 160.0 <= one.took_s <= 170.0


def test_a_stop_ends_as_soon_as_all_have_confirmed_it() -> None:
    one = fleet({0: [Child(for_s=9_000.0)], 1: [Child(for_s=9_000.0)]})
    one.cluster.at(50.0, lambda: one.asked.append("me"))
    assert one.run().left is None
    assert one.took_s < 60.0


def test_a_shard_that_has_ended_because_of_a_stop_is_not_said_to_be_tried_again() -> None:
    one = fleet({0: [Child(for_s=9_000.0)], 1: [Child(for_s=9_000.0)]})
    stop = campaign.to_json(Stop(who="me", at=1.0))
    one.cluster.at(51.0, lambda: one.storage.put(campaign.STOP, stop))
    assert one.run().left is None
    assert one.said.count(": stopped, ") == 2
    assert "tried again" not in one.said


def test_a_try_that_failed_is_said_once_with_what_becomes_of_the_shard() -> None:
    one = fleet({1: [Child(code=137), Child(for_s=60.0)]})
    ended_well(one)
    assert [line.partition(",")[0] for line in one.screen.lines if "shard 1" in line] == [
        "shard 1/2: ended with exit code 137: why; tried again",
        "shard 1/2: over",
    ]


def test_a_stop_while_the_folder_is_away_ends_in_time_and_is_written_once_it_is_there() -> None:
    one = fleet({0: [Child(for_s=9_000.0)], 1: [Child(for_s=9_000.0)]})
    one.cluster.loses_the_storage(20.0, 90.0)
    one.cluster.at(50.0, lambda: one.asked.append("me"))

    assert one.run().left is None
    assert one.storage.get(campaign.STOP) is not None
    assert one.took_s < 115.0


def test_a_stop_while_the_folder_is_away_and_no_process_runs_is_written_too() -> None:
    failing = [Child(code=74, for_s=1.0, renews=False) for _ in range(6)]
    one = fleet({0: failing}, shards=1)
    one.cluster.loses_the_storage(23.0, 31.0)
    one.cluster.at(30.0, lambda: one.asked.append("me"))
    assert one.run().left is None
    assert one.storage.get(campaign.STOP) is not None


def test_a_stop_while_the_scheduler_is_silent_ends_in_time_and_names_only_who_has_not_stopped() -> None:
    one = fleet({0: [Child(for_s=9_000.0)], 1: [Child(renews=False, answers=False)]})
    one.cluster.is_silent(30.0)
    one.cluster.at(50.0, lambda: one.asked.append("me"))
    assert "stopped: 1;" in (one.run().left or "")
    assert 160.0 <= one.took_s <= 170.0


def test_a_stop_that_cannot_be_written_says_so() -> None:
    one = fleet({0: [Child(for_s=9_000.0)], 1: [Child(for_s=9_000.0)]})
    one.cluster.loses_the_storage(20.0)
    one.cluster.at(50.0, lambda: one.asked.append("me"))
    end = one.run()
    assert "the campaign folder does not say that they are to" in (end.left or "")
    assert 160.0 <= one.took_s <= 170.0


def test_a_shard_that_is_given_up_while_the_folder_is_away_is_written_down_once_it_is_there() -> None:
    one = fleet({0: [Child(code=70, for_s=1.0, renews=False), Child(code=70, for_s=30.0, renews=False)]})
    one.cluster.loses_the_storage(20.0, 60.0)
    assert one.run().given_up == (0,)
    assert one.storage.names(campaign.GIVEN_UP) == ("0.json",)
