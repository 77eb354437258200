import io
from typing import Any

import msgspec
import pytest
from rich.console import Console

from jobs.model import Status, StatusCount
from jobs.run_view import FaultCount, RunView, ScopeState, ScopeView
from reports.screen.pace import Pace
from reports.screen.progress import MOST_FAULTS, MOST_SCOPES, ProgressScreen
from reports.screen.run_words import changes, percent, progress_line, span, state_words

HOSTILE = "\x1b[2J\x1b]0;taken\x07\u202e[bold]\n\u4e2d\u6587 " + "x" * 2000


def scope(number: int = 1, state: ScopeState = ScopeState.RUNNING, **fields: Any) -> ScopeView:
    """A scope of a hundred rows a number."""
    plain = ScopeView(
        project_id=f"{number:08x}" * 4,
        region="eu-west-1",
        state=state,
        open_rows=100 * number,
        in_flight=2,
        allowed_per_s=20.0,
    )
    return msgspec.structs.replace(plain, **fields)


def view(**fields: Any) -> RunView:
    """A run of 500 rows, 120 of them ended."""
    plain = RunView(
        total=500,
        open_rows=380,
        in_flight=5,
        counts=(StatusCount(status=Status.FAILED, rows=4), StatusCount(status=Status.UPDATED, rows=116)),
        elapsed_s=7.0,
        rows_per_s=17.25,
        eta_s=22.1,
        requests_per_s=18.0,
        requests=126,
        scopes=(scope(1), scope(2)),
    )
    return msgspec.structs.replace(plain, **fields)


def drawn(now: RunView, *, width: int = 100, encoding: str = "utf-8", no_color: bool = True) -> str:
    """What a terminal gets."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, force_terminal=True, no_color=no_color, highlight=False, _environ={})
    console.print(ProgressScreen(now))
    file.flush()
    raw = file.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode(encoding)


def lines(text: str) -> list[str]:
    """The lines without the codes for dim and bold."""
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m"):
        text = text.replace(code, "")
    return text.splitlines()


def test_the_screen_tells_all_of_it() -> None:
    """Bar, counts, rates, time, scopes and faults, one after the other."""
    faults = (FaultCount(code="APIG.0308", requests=12, message="too many"),)
    bar, counts, pace, *rest = lines(drawn(view(faults=faults), width=140))
    assert bar.endswith("  120 of 500 rows  24 %")
    assert counts == "116 updated   4 failed"
    assert pace == "17.2 rows/s   18.0 requests/s of 40.0/s allowed   5 in flight   7 s gone   about 23 s left"
    assert rest == [
        "eu-west-1 00000002  200 rows left, running, 20.0/s allowed, 2 in flight",
        "eu-west-1 00000001  100 rows left, running, 20.0/s allowed, 2 in flight",
        "APIG.0308: 12 requests, last: too many",
    ]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "gbk"])
def test_nothing_is_wider_than_the_terminal_or_foreign_to_it(width: int, encoding: str) -> None:
    """Whatever the service says; a terminal without Unicode gets none, and no line wraps into the next."""
    now = view(
        scopes=tuple(scope(number, ScopeState.STOPPED, reason=HOSTILE) for number in range(20)),
        faults=(FaultCount(code=HOSTILE, requests=1, message=HOSTILE),) * 9,
        stopping=HOSTILE,
    )
    text = drawn(now, width=width, encoding=encoding)
    assert all(len(line) <= width for line in lines(text))
    assert "\x1b[2J" not in text
    assert "\x07" not in text
    assert "\u202e" not in text


def test_colour_goes_where_none_is_wanted() -> None:
    """NO_COLOR takes it all away."""
    coloured = drawn(view(scopes=(scope(1, ScopeState.OUTAGE),)), no_color=False)
    assert "\x1b[31m" in coloured
    plain = drawn(view(scopes=(scope(1, ScopeState.OUTAGE),)))
    assert not any(f"\x1b[{code}m" in plain for code in range(30, 50))


def test_many_scopes_are_few_lines() -> None:
    """Those in trouble first, then those with most to do; the others are counted."""
    scopes = tuple(scope(number) for number in range(1, 31))
    trouble = (scope(31, ScopeState.ENDED), scope(32, ScopeState.THROTTLED, again_in_s=3.2))
    shown = lines(drawn(view(scopes=(*scopes, *trouble))))[3:]
    assert len(shown) == MOST_SCOPES + 1
    assert shown[0] == "eu-west-1 00000020  3,200 rows left, throttled, again in 4 s"
    assert shown[1].startswith("eu-west-1 0000001e  3,000 rows left, running")
    assert shown[-1] == "and 26 more scopes: 25 running, 1 ended"


def test_only_the_last_faults_are_shown() -> None:
    """The others are in the report."""
    faults = tuple(FaultCount(code=f"E.{number}", requests=1, message="") for number in range(9))
    shown = [line for line in lines(drawn(view(faults=faults))) if line.startswith("E.")]
    assert [line[:3] for line in shown] == ["E.0", "E.1", "E.2"][:MOST_FAULTS]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "running, 20.0/s allowed, 2 in flight"),
        ({"allowed_per_s": float("inf")}, "running, no limit, 2 in flight"),
        ({"state": ScopeState.THROTTLED, "again_in_s": 2.1}, "throttled, again in 3 s"),
        ({"state": ScopeState.THROTTLED}, "throttled"),
        (
            {"state": ScopeState.SETTLING, "again_in_s": 41.3},
            "in doubt, read in 42 s, when no PUT of theirs can land any more",
        ),
        ({"state": ScopeState.OUTAGE, "again_in_s": 9.0}, "breaker open, again in 9 s: the service does not answer"),
        ({"state": ScopeState.STOPPED, "reason": "no right"}, "stopped: no right"),
        ({"state": ScopeState.STOPPED}, "stopped: no more requests"),
        ({"state": ScopeState.ENDED}, "no rows left"),
    ],
)
def test_a_scope_is_told_in_words(fields: dict[str, Any], words: str) -> None:
    """One for each state."""
    assert state_words(scope(1, **fields)) == words


def test_a_line_tells_how_it_stands() -> None:
    """For a log: everything but the scopes."""
    assert progress_line(view()) == (
        "120 of 500 rows (24 %); 116 updated, 4 failed, 17.2 rows/s, 18.0 requests/s of 40.0/s allowed, 5 in flight,"
        " 7 s gone, about 23 s left"
    )


def test_a_line_tells_no_more_than_is_known() -> None:
    """Before the first row, without scopes, with no end in sight."""
    now = view(open_rows=500, counts=(), rows_per_s=0.0, eta_s=None, requests_per_s=0.0, scopes=())
    assert progress_line(now) == "0 of 500 rows (0 %); 0.0 rows/s, 0.0 requests/s, 5 in flight, 7 s gone"


def test_only_changes_of_state_are_told() -> None:
    """Not that a scope runs at first, nor that it waits longer, nor that it has ended; but that it is back."""
    throttled = scope(1, ScopeState.THROTTLED, again_in_s=4.0)
    assert list(changes(None, view())) == []
    before, after = view(), view(scopes=(throttled, scope(2)))
    assert list(changes(before, after)) == ["scope eu-west-1 00000001: throttled, again in 4 s"]
    later = view(scopes=(msgspec.structs.replace(throttled, again_in_s=2.0), scope(2, ScopeState.ENDED)))
    assert list(changes(after, later)) == []
    assert list(changes(later, view())) == [
        "scope eu-west-1 00000001: running, 20.0/s allowed, 2 in flight",
        "scope eu-west-1 00000002: running, 20.0/s allowed, 2 in flight",
    ]


def test_a_thousand_changes_at_once_are_not_a_thousand_lines() -> None:
    """An outage of everything, say."""
    told = list(changes(None, view(scopes=tuple(scope(n, ScopeState.OUTAGE) for n in range(1000)))))
    assert len(told) == 11
    assert told[-1] == "and 990 more scopes changed their state"


@pytest.mark.parametrize(("total", "open_rows", "text"), [(0, 0, "100 %"), (3, 3, "0 %"), (1000, 1, "99 %")])
def test_all_is_not_said_before_all_is(total: int, open_rows: int, text: str) -> None:
    """Percentages are rounded down."""
    assert percent(view(total=total, open_rows=open_rows)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.2, "1 min 00 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (273_600, "3 d 04 h")],
)
def test_time_is_told_in_two_units(seconds: float, text: str) -> None:
    """Rounded up: nobody is promised too much."""
    assert span(seconds) == text


def test_pace_is_what_was_achieved() -> None:
    """Ten seconds for the rate now, a minute for the rest of the way."""
    pace = Pace()
    for second in range(101):
        pace.note(float(second), ended=second * 10 if second <= 90 else 900, requests=second * 11)
    assert pace.rows_per_s() == 0.0
    assert pace.requests_per_s() == 11.0
    assert pace.eta_s(1000) == pytest.approx(1000 / (500 / 60))


@pytest.mark.parametrize(("seconds", "eta_s"), [(0, None), (2, None), (4, 40.0)])
def test_pace_promises_nothing_too_early(seconds: int, eta_s: float | None) -> None:
    """Nor anything while nothing ends."""
    pace = Pace()
    for second in range(seconds + 1):
        pace.note(float(second), ended=second * 5, requests=0)
    assert pace.eta_s(200) == eta_s
    assert pace.eta_s(0) == 0.0


def test_pace_keeps_few_samples() -> None:
    """However often it is asked."""
    pace = Pace()
    for tenth in range(100_000):
        pace.note(tenth / 10, ended=tenth, requests=0)
    assert len(pace._samples) <= 122
    assert pace.rows_per_s() == pytest.approx(10.0)


@pytest.mark.parametrize("state", [ScopeState.THROTTLED, ScopeState.OUTAGE, ScopeState.SETTLING, ScopeState.STOPPED])
def test_while_no_scope_runs_nobody_can_tell_how_long_it_takes_and_no_rate_is_said_to_be_allowed(
    state: ScopeState,
) -> None:
    line = progress_line(view(scopes=(scope(1, state),), requests_per_s=3.0))
    assert "left" not in line
    assert "allowed" not in line
