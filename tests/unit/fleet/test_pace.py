"""When the ledger of a shard is copied, and when nothing may be sent until it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.fleet.lease import LeaseTimes
from batch.fleet.pace import Pace

TIMES = LeaseTimes()
NEW = Pace(kept_s=0.0, tried_s=0.0)


def test_a_snapshot_is_begun_before_the_last_is_an_interval_old_and_then_nothing_may_be_sent() -> None:
    pace = NEW.kept(0.0, 1.0)
    assert (pace.due_s(TIMES, wanted=False), pace.holds_s(TIMES), pace.late_s(TIMES)) == (45.0, 60.0, 180.0)


def test_one_that_fails_is_tried_again_after_twice_the_time_of_the_one_before() -> None:
    pace, waits = NEW, []
    for _ in range(7):
        pace = pace.not_kept(100.0)
        waits.append(pace.due_s(TIMES, wanted=True) - 100.0)
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 45.0, 45.0]
    assert pace.holds_s(TIMES) == 60.0


@pytest.mark.parametrize(("took_s", "interval_s"), [(0.1, 60.0), (4.0, 60.0), (8.0, 120.0), (100.0, 600.0)])
def test_where_two_snapshots_in_a_row_take_long_the_interval_is_longer(took_s: float, interval_s: float) -> None:
    assert NEW.kept(0.0, took_s).kept(0.0, took_s).interval_s(TIMES) == interval_s


@pytest.mark.parametrize(("first_s", "second_s"), [(0.0, 40.0), (1.0, 40.0), (40.0, 1.0)])
def test_one_slow_snapshot_alone_makes_no_interval_longer(first_s: float, second_s: float) -> None:
    """The machine was frozen, say: what is lost with the next disk stays what it was."""
    assert NEW.kept(0.0, first_s).kept(0.0, second_s).interval_s(TIMES) == TIMES.snapshot_s


@given(took_s=st.floats(0.0, 30.0), wanted=st.booleans())
def test_no_more_than_a_tenth_of_the_time_is_spent_on_snapshots(*, took_s: float, wanted: bool) -> None:
    """From the second on, and as long as that is possible within the longest interval; before a first one there is no
    wait.
    """
    pace = NEW.kept(0.0, took_s).kept(0.0, took_s)
    assert pace.due_s(TIMES, wanted=wanted) >= 10 * took_s * (1 - 1e-9)
    assert NEW.due_s(TIMES, wanted=True) == 0.0
