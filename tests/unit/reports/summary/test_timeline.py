from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.ledger import PaceCell, SessionRecord
from jobs.model import Outcome, Status
from reports.summary.timeline import MAX_INTERVALS, Timeline

START = 1_787_313_600.0  # 2026-08-21T12:00:00Z


def ended(at_s: float, *, attempts: int = 1, elapsed_ms: float | None = 50.0) -> Outcome:
    """A row that ended so long after the start."""
    return Outcome(row=1, status=Status.UPDATED, attempts=attempts, finished_at=START + at_s, elapsed_ms=elapsed_ms)


def session(started: float, ended_at: float | None) -> SessionRecord:
    """A session, in seconds after the start."""
    end = None if ended_at is None else START + ended_at
    return SessionRecord(id=1, started_at=START + started, ended_at=end, exit_code=0, stopped=None)


def timeline_of(outcomes: Sequence[Outcome]) -> Timeline:
    """A timeline of done rows."""
    timeline = Timeline(START)
    for outcome in outcomes:
        timeline.add([(outcome.finished_at, outcome.elapsed_ms)], puts=outcome.attempts, done=True)
    return timeline


def test_rows_count_in_the_second_in_which_they_ended() -> None:
    """Silence inside a session is shown, and a session that ends on a border has no part in what follows."""
    timeline = timeline_of([ended(0.2), ended(0.9, attempts=4), ended(3.5)])
    timeline.add([(START + 3.6, 50.0)], puts=1, done=False)
    over = timeline.over_time([session(0, 4)])
    assert over.interval_s == 1
    assert [(i.at, i.done, i.not_done, i.repeats) for i in over.intervals] == [
        ("2026-08-21T12:00:00.000Z", 2, 0, 3),
        ("2026-08-21T12:00:01.000Z", 0, 0, 0),
        ("2026-08-21T12:00:02.000Z", 0, 0, 0),
        ("2026-08-21T12:00:03.000Z", 1, 1, 0),
    ]


def test_a_row_that_never_ended_is_nowhere() -> None:
    """It was not attempted, or what became of it is not on record."""
    timeline = timeline_of([Outcome(row=1, status=Status.NOT_ATTEMPTED, attempts=0)])
    assert not timeline.over_time([]).intervals
    assert timeline.all_puts().percentiles() is None


def test_answer_times_are_of_rows_that_took_one_put() -> None:
    """A repeated row also waited; that one is reported among all."""
    timeline = timeline_of([ended(0, elapsed_ms=100.0), ended(0, attempts=2, elapsed_ms=5000.0)])
    [interval] = timeline.over_time([session(0, 1)]).intervals
    assert interval.p99_ms == pytest.approx(100.0, rel=0.03)
    one, every = timeline.one_put().percentiles(), timeline.all_puts().percentiles()
    assert one is not None
    assert every is not None
    assert (one.rows, one.max, every.rows, every.max) == (1, 100.0, 2, 5000.0)


def test_a_row_that_sent_nothing_has_no_answer_time() -> None:
    """One that was found to be as it should be, say."""
    assert timeline_of([ended(0, attempts=0)]).all_puts().percentiles() is None


def test_the_pause_between_two_sessions_is_left_out() -> None:
    """A resume after a night does not make the night part of the picture."""
    timeline = timeline_of([ended(0), ended(36_000)])
    over = timeline.over_time([session(0, 2), session(36_000, 36_002)])
    assert over.interval_s == 1
    assert len(over.intervals) == 4


@pytest.mark.parametrize(
    ("seconds", "interval_s", "count"),
    [(1, 1, 1), (120, 1, 120), (121, 2, 61), (3600, 32, 113), (7 * 86_400, 8192, 74)],
)
def test_intervals_are_as_long_as_the_run_asks_for(seconds: int, interval_s: float, count: int) -> None:
    """Never more than 120 of them."""
    over = timeline_of([ended(0), ended(seconds - 0.5)]).over_time([session(0, seconds)])
    assert (over.interval_s, len(over.intervals)) == (interval_s, count)


@given(st.lists(st.floats(min_value=-1e6, max_value=1e8), max_size=60), st.lists(st.floats(0, 1e8), max_size=6))
def test_no_row_is_lost_and_the_number_stays_bounded(moments: list[float], borders: list[float]) -> None:
    """Whenever rows ended, whatever the sessions say, in whichever order."""
    timeline = timeline_of([ended(moment) for moment in moments])
    pairs = zip(borders[::2], borders[1::2], strict=False)
    over = timeline.over_time([session(start, end) for start, end in pairs])
    assert sum(interval.done for interval in over.intervals) == len(moments)
    assert len(over.intervals) <= MAX_INTERVALS
    assert [i.at for i in over.intervals] == sorted(i.at for i in over.intervals)


def test_memory_is_bounded_while_rows_come_in() -> None:
    """A row every ten seconds for years."""
    timeline = timeline_of([ended(10.0 * row) for row in range(5000)])
    assert len(timeline._cells) <= 4 * MAX_INTERVALS
    assert sum(cell.done for cell in timeline._cells.values()) == 5000


def cell(at_s: float, width_s: float = 1.0, *, sent: int = 10, allowed: float | None = 20.0) -> PaceCell:
    """Some requests, one in ten of them unanswered and one refused."""
    tenth = sent // 10
    return PaceCell(
        at_s=at_s, width_s=width_s, sent=sent, refused=tenth, unanswered=tenth, code=None, allowed_per_s=allowed
    )


def test_requests_count_in_the_second_in_which_they_were_answered_with_the_rate_that_was_allowed() -> None:
    """Of a second session too, whose clock begins anew."""
    timeline = timeline_of([ended(0.5)])
    for pace in (cell(0.0), cell(2.0, sent=30, allowed=None)):
        timeline.add_pace(START, pace)
    timeline.add_pace(START + 100, cell(0.0, sent=50, allowed=5.0))
    over = timeline.over_time([session(0, 3), session(100, 101)])
    assert [(i.requests, i.unanswered, i.refused, i.allowed_per_s) for i in over.intervals] == [
        *((10, 1, 1, 20.0), (0, 0, 0, None), (30, 3, 3, None), (50, 5, 5, 5.0))
    ]


def test_intervals_are_never_shorter_than_what_requests_were_counted_in() -> None:
    """A killed session has no end on record that would say how long they have to be."""
    timeline = Timeline(START)
    for at_s in range(0, 80, 8):
        timeline.add_pace(START, cell(float(at_s), 8.0, allowed=at_s + 1.0))
    over = timeline.over_time([session(0, None)])
    assert (over.interval_s, [i.requests for i in over.intervals]) == (8.0, [10] * 10)
    assert [i.allowed_per_s for i in over.intervals][:2] == [1.0, 9.0]


@given(st.integers(1, 400_000), st.integers(1, 5))
def test_no_request_is_lost_and_the_number_of_intervals_stays_bounded(seconds: int, sessions: int) -> None:
    """Whatever a session took: its cells are as wide as their number asks for."""
    width_s = 1.0
    while seconds / width_s > 240:
        width_s *= 2
    timeline = Timeline(START)
    spans = [session(number * (seconds + 500.5), number * (seconds + 500.5) + seconds) for number in range(sessions)]
    for one in spans:
        for place in range(int(seconds // width_s)):
            timeline.add_pace(one.started_at, cell(place * width_s, width_s))
    over = timeline.over_time(spans)
    assert sum(i.requests for i in over.intervals) == 10 * sessions * int(seconds // width_s)
    assert len(over.intervals) <= MAX_INTERVALS


def test_killed_sessions_show_what_they_did() -> None:
    """Their end is not on record, their rows are."""
    over = timeline_of([ended(0), ended(5)]).over_time([session(0, None)])
    assert [interval.done for interval in over.intervals] == [1, 1]
