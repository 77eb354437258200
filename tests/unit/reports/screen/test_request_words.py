"""What the requests of a run came to, in a sentence."""

from pathlib import Path

import msgspec
import pytest

from reports import Summary
from reports.page.facts import duration
from reports.screen.request_words import part_words, slowed_words
from reports.summary.sessions import SessionSummary
from reports.summary.timeline import Interval, OverTime
from tests.unit.summaries import summary_of

BOTH = (
    r"40 % of 2,000 requests failed (mostly a\x1b), and 1 % were refused for their rate;"
    " this cost about 5 s of 10 s"
)


def session(requests: int, failed: int = 0, refused: int = 0, code: str | None = None) -> SessionSummary:
    """One that ended."""
    return SessionSummary(
        started_at="2026-08-21T12:00:00.000Z", ended_at="2026-08-21T12:00:05.000Z", exit_code=None, stopped=None,
        requests=requests, refused=refused, unanswered=failed, code=code,
    )  # fmt: skip


@pytest.fixture
def summary(tmp_path: Path) -> Summary:
    """Of ten seconds of work."""
    return summary_of(tmp_path)


@pytest.mark.parametrize(
    ("sessions", "words"),
    [
        ([], None),
        ([session(0)], None),
        ([session(1000, 9, 9)], None),
        (
            [session(1000, 300, 0, "504")],
            "30 % of 1,000 requests failed (mostly 504); this cost about 3 s of 10 s",
        ),
        (
            [session(1000, 0, 200)],
            "20 % of 1,000 requests were refused for their rate; this cost about 2 s of 10 s",
        ),
        (
            [session(1000, 300, 10, "504"), session(1000, 500, 10, "a\x1b")],
            BOTH,
        ),
    ],
)
def test_shares_code_and_cost_are_told_where_they_are_worth_a_word(
    summary: Summary, sessions: list[SessionSummary], words: str | None
) -> None:
    assert slowed_words(msgspec.structs.replace(summary, sessions=tuple(sessions))) == words


def test_without_a_known_end_no_cost_is_told(summary: Summary) -> None:
    timing = msgspec.structs.replace(summary.timing, wall_s=0.0)
    slow = msgspec.structs.replace(summary, sessions=(session(10, 5),), timing=timing)
    assert slowed_words(slow) == "50 % of 10 requests failed"


def test_the_cost_is_not_guessed_where_a_session_was_killed(summary: Summary) -> None:
    """Its requests count, its time is not known: 1 s would be said to hold the faults of a whole night."""
    killed = msgspec.structs.replace(session(10, 5), ended_at=None)
    slow = msgspec.structs.replace(summary, sessions=(killed, session(10, 5)))
    assert slowed_words(slow) == "50 % of 20 requests failed"


@pytest.mark.parametrize(
    ("allowed_per_s", "sessions", "words"),
    [
        (4.0, 1, "the rate was 4.0/s on average of the 10/s asked for"),
        (9.5, 1, None),
        (None, 1, None),
        (4.0, 2, None),
    ],
)
def test_a_rate_below_the_one_asked_for_is_told_where_it_can_be_compared(
    summary: Summary, allowed_per_s: float | None, sessions: int, words: str | None
) -> None:
    """Of one session and one project: others may have asked for another rate, or ended earlier."""
    interval = Interval(
        at="2026-08-21T12:00:00.000Z", done=1, not_done=0, repeats=0, p50_ms=None, p95_ms=None, p99_ms=None,
        requests=1, allowed_per_s=allowed_per_s,
    )  # fmt: skip
    over = OverTime(interval_s=1.0, intervals=(interval,))
    told = msgspec.structs.replace(summary, over_time=over, sessions=(session(10),) * sessions)
    assert slowed_words(told) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(0, 0, "0"), (1, 1000, "1 (0.1 %)"), (300, 1000, "300 (30 %)"), (1500, 1500, "1,500 (100 %)")],
)
def test_a_part_is_told_with_its_share(part: int, whole: int, words: str) -> None:
    assert part_words(part, whole) == words


def test_the_time_of_the_whole_run_is_the_one_that_the_page_names(summary: Summary) -> None:
    """60.1 s are one minute in both places, not a minute here and a second more there."""
    timing = msgspec.structs.replace(summary.timing, wall_s=60.11)
    told = msgspec.structs.replace(summary, timing=timing, sessions=(session(114, 52),))
    assert (slowed_words(told) or "").endswith(" of 1 min 00 s")
    assert duration(60.11) == "1 min 00 s"
