"""Which wave runs next, and whether it may, as a table."""

from collections.abc import Mapping

import pytest

from batch.engine.waves import Begin, Halt, accepted_by_hand, next_wave, soak_left_s
from jobs.ledger import WaveCount
from jobs.waves import stop_words


def wave(name: str, done: int = 0, *, bad: int = 0, open_: int = 0, begun: bool | None = None) -> WaveCount:
    """A wave of so many rows."""
    begun = bool(done or bad) if begun is None else begun
    return WaveCount(
        name=name, rows=done + bad + open_, done=done, fix_first=bad, run_again=open_, open=open_, begun=begun
    )


NEW = wave("a", open_=5, begun=False)
NEXT = wave("b", open_=5, begun=False)
LAST = wave("c", open_=5, begun=False)

TABLE: Mapping[str, tuple[tuple[WaveCount, ...], set[str], dict[str, int], object]] = {
    "no row is open": ((wave("a", 5), wave("b", 5)), set(), {}, None),
    "only rows that this session left open": ((wave("a", 5), wave("b", 4, open_=1)), {"a", "b"}, {}, None),
    "the first one begins": ((NEW, NEXT), set(), {}, (NEW, None)),
    "one that was interrupted continues": ((wave("a", 3, open_=2), NEXT), set(), {}, ("a", None)),
    "the next begins after one that is done": ((wave("a", 5), NEXT, LAST), {"a"}, {}, (NEXT, "a")),
    "also where another session ran that": ((wave("a", 5), NEXT), set(), {}, (NEXT, "a")),
    "one that has begun is not waited for again": ((wave("a", 5), wave("b", 1, open_=4)), set(), {}, ("b", None)),
    "unless rows of the one before were run just now": (
        (wave("a", 5), wave("b", 1, open_=4)),
        {"a"},
        {},
        ("b", "a"),
    ),
    "a row that has ended badly": ((wave("a", 4, bad=1), NEXT), {"a"}, {}, "a"),
    "a row that is still open": ((wave("a", 4, open_=1), NEXT), {"a"}, {}, "a"),
    "rows that have ended badly before the first request": ((wave("a", bad=2, begun=False), NEXT), set(), {}, "a"),
    "two waves back": ((wave("a", 4, bad=1), wave("b", 5), LAST), {"b"}, {}, "a"),
    "accepted by hand": ((wave("a", 4, bad=1), NEXT), set(), {"a": 1}, (NEXT, "a")),
    "more than was accepted": ((wave("a", 3, bad=2), NEXT), {"a"}, {"a": 1}, "a"),
    "one that has begun continues whatever was before": (
        (wave("a", 4, bad=1), wave("b", 1, open_=4)),
        set(),
        {},
        ("b", None),
    ),
    "but not after rows of that were run badly just now": (
        (wave("a", 4, bad=1), wave("b", 1, open_=4)),
        {"a"},
        {},
        "a",
    ),
    "the last one is bad, and nothing comes after it": ((wave("a", 5), wave("b", 4, bad=1)), {"a", "b"}, {}, None),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_next_wave_begins_only_after_those_before_it_are_done_or_accepted(name: str) -> None:
    waves, ran, accepted, expected = TABLE[name]
    found = next_wave(waves, ran, accepted)
    match expected:
        case (first, after):
            assert isinstance(found, Begin)
            assert found.wave.name == (first.name if isinstance(first, WaveCount) else first)
            assert (found.after and found.after.name) == after
        case str() as halted:
            bad = next(one for one in waves if one.name == halted)
            assert found == Halt(reason=stop_words(halted, bad.not_done, bad.rows))
        case _:
            assert found is None


@pytest.mark.parametrize(
    ("stopped", "accepted"),
    [
        (None, 1),
        ("interrupted by SIGINT", 1),
        ("wave 'a': 3 of 5 rows not done, so the next wave did not begin", 3),
        ("wave 'a': 2 of 5 rows not done, so the next wave did not begin", 1),
        ("wave 'b': 3 of 5 rows not done, so the next wave did not begin", 1),
    ],
)
def test_a_person_accepts_what_has_ended_badly_and_what_was_told_to_be_open(stopped: str | None, accepted: int) -> None:
    assert accepted_by_hand([wave("a", 2, bad=1, open_=2)], stopped) == {"a": accepted}


@pytest.mark.parametrize(
    ("ended_at", "now_s", "left_s"),
    [
        (1_000.0, 1_000.0, 60.0),
        (1_000.0, 1_045.0, 15.0),
        (1_000.0, 1_060.0, 0.0),
        (1_000.0, 9_000.0, 0.0),
        (1_000.0, 10.0, 60.0),
        (None, 1_000.0, 0.0),
    ],
)
def test_a_soak_counts_from_the_last_answer_and_is_never_longer_than_asked(
    ended_at: float | None, now_s: float, left_s: float
) -> None:
    assert soak_left_s(WaveCount(name="a", rows=1, ended_at=ended_at), 60.0, now_s) == left_s


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("canary", "wave 'canary': 1 of 2 rows not done, so the next wave did not begin"),
        ("", "the wave of rows without a value: 1 of 2 rows not done, so the next wave did not begin"),
        ("\x1b[31m", r"wave '\x1b[31m': 1 of 2 rows not done, so the next wave did not begin"),
    ],
)
def test_a_stop_names_the_wave_and_the_rows_and_can_be_shown(name: str, words: str) -> None:
    assert stop_words(name, 1, 2) == words
