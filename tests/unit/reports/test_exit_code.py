import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.model import Group, Status, StatusCount
from reports import Ending, exit_code_of


def counts(*statuses: Status) -> tuple[StatusCount, ...]:
    """One row of each."""
    return tuple(StatusCount(status=status, rows=statuses.count(status)) for status in Status)


ALL_DONE = (Status.UPDATED, Status.VERIFIED, Status.UNCHANGED)


@pytest.mark.parametrize(
    ("statuses", "ending", "code"),
    [
        ((), Ending.FINISHED, 0),
        (ALL_DONE, Ending.FINISHED, 0),
        (ALL_DONE, Ending.STOPPED, 0),
        (ALL_DONE, Ending.SIGINT, 0),
        ((Status.UPDATED, Status.FAILED), Ending.FINISHED, 1),
        ((Status.UPDATED, Status.UNKNOWN), Ending.FINISHED, 1),
        ((Status.UPDATED, Status.REJECTED), Ending.FINISHED, 1),
        ((Status.UPDATED, Status.REJECTED, Status.DRIFTED, Status.INVALID), Ending.SIGTERM, 1),
        ((Status.INVALID,), Ending.STOPPED, 1),
        ((Status.UPDATED, Status.NOT_ATTEMPTED), Ending.FINISHED, 3),
        ((Status.UPDATED, Status.NOT_ATTEMPTED), Ending.STOPPED, 3),
        ((Status.UPDATED, Status.FAILED), Ending.STOPPED, 3),
        ((Status.NOT_ATTEMPTED,), Ending.SIGINT, 130),
        ((Status.UNKNOWN,), Ending.SIGTERM, 143),
        ((Status.NOT_ATTEMPTED, Status.REJECTED), Ending.SIGHUP, 129),
    ],
)
def test_the_exit_code_follows_from_the_outcomes(statuses: tuple[Status, ...], ending: Ending, code: int) -> None:
    """Only where rows are left to run again does it matter how the run ended."""
    assert exit_code_of(counts(*statuses), ending) == code


@pytest.mark.parametrize(
    ("statuses", "ending", "code"),
    [
        ((), Ending.FINISHED, 1),
        ((Status.UPDATED,), Ending.FINISHED, 1),
        ((Status.UPDATED,), Ending.STOPPED, 1),
        ((Status.REJECTED,), Ending.FINISHED, 1),
        ((Status.NOT_ATTEMPTED,), Ending.STOPPED, 3),
        ((Status.UNKNOWN,), Ending.SIGTERM, 143),
    ],
)
def test_while_a_plan_could_not_do_some_rows_not_all_is_done(
    statuses: tuple[Status, ...], ending: Ending, code: int
) -> None:
    assert exit_code_of(counts(*statuses), ending, carried=2) == code


@given(st.lists(st.sampled_from(Status)), st.sampled_from(Ending))
def test_zero_means_that_every_row_is_done(statuses: list[Status], ending: Ending) -> None:
    """And nothing else does, however the run ended."""
    code = exit_code_of(counts(*statuses), ending)
    assert (code == 0) == all(status.group is Group.DONE for status in statuses)
    assert code in {0, 1, 3, 4, 74, 129, 130, 143}
