import io
import math
from typing import Any

import msgspec
import pytest
from rich.console import Console

from jobs.model import Status, StatusCount
from jobs.run_view import FaultCount, RunView, ScopeState, ScopeView
from reports.screen.amounts import span
from reports.screen.pace import Pace
from reports.screen.progress import MOST_FAULTS, MOST_SCOPES, ProgressScreen
from reports.screen.run_words import percent, progress_line, state_words, trouble_lines

HOSTILE = "\x1b[2J\x1b]0;taken\x07\u202e[bold]\n\u4e2d\u6587 " + "x" * 2000


SLOWED = {"state": ScopeState.SLOWED, "allowed_per_s": 50.0, "asked_per_s": 50.0}


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
    once = FaultCount(code="APIG.0106", requests=1, message="gone")
    faults = (FaultCount(code="APIG.0308", requests=12, message="too many"), once)
    bar, counts, pace, *rest = lines(drawn(view(faults=faults), width=140))
    assert bar.endswith("  120 of 500 rows  24 %")
    assert counts == "116 updated   4 failed"
    sent = "18/s sent, allowed 20/s x 2 projects"
    assert pace == f"17.2 rows/s   {sent}   5 in flight   7 s elapsed   about 23 s left"
    assert rest == [
        "eu-west-1 00000002  200 rows left, running, 20/s allowed, 2 in flight",
        "eu-west-1 00000001  100 rows left, running, 20/s allowed, 2 in flight",
        "APIG.0308: 12 requests, last: too many",
        "APIG.0106: 1 request, last: gone",
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


def test_many_projects_are_few_lines() -> None:
    """Those in trouble first, then those with most to do; the others are counted."""
    scopes = tuple(scope(number) for number in range(1, 31))
    trouble = (scope(31, ScopeState.ENDED), scope(32, ScopeState.THROTTLED, again_in_s=3.2))
    shown = lines(drawn(view(scopes=(*scopes, *trouble))))[3:]
    assert len(shown) == MOST_SCOPES + 1
    assert shown[0] == "eu-west-1 00000020  3,200 rows left, requests refused for their rate (429); next request in 4 s"
    assert shown[1].startswith("eu-west-1 0000001e  3,000 rows left, running")
    assert shown[-1] == "and 26 more projects: 25 running, 1 done"


SMALLER = "quota below 50/s, or shared with others (429)"


def test_only_the_last_faults_are_shown() -> None:
    """The others are in the report."""
    faults = tuple(FaultCount(code=f"E.{number}", requests=1, message="") for number in range(9))
    shown = [line for line in lines(drawn(view(faults=faults))) if line.startswith("E.")]
    assert [line[:3] for line in shown] == ["E.0", "E.1", "E.2"][:MOST_FAULTS]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "running, 20/s allowed, 2 in flight"),
        ({"named_per_s": 20.0, "asked_per_s": 50.0}, "running, 20/s allowed by the service, 2 in flight"),
        ({"allowed_per_s": float("inf")}, "running, no limit, 2 in flight"),
        (
            {"state": ScopeState.THROTTLED, "again_in_s": 2.1, "gives_up_in_s": 540.0},
            "requests refused for their rate (429); next request in 3 s; gives up in 9 min 00 s",
        ),
        ({"state": ScopeState.THROTTLED}, "requests refused for their rate (429); next request soon"),
        (
            {**SLOWED, "unanswered": 0.3, "code": "504", "accepted_per_s": 35.0},
            "30 % of requests failing (504); continuing at 35/s",
        ),
        (
            {**SLOWED, "unanswered": 0.3, "allowed_per_s": 2.0, "asked_per_s": 2.0},
            "30 % of requests failing; continuing at 1.4/s",
        ),
        (
            {**SLOWED, "refused": 0.06, "accepted_per_s": 47.0},
            "6 % of requests refused for their rate (429); continuing at 47/s",
        ),
        (
            {**SLOWED, "named_per_s": 20.0, "allowed_per_s": 10.0, "refused": 0.06},
            "quota of 20/s shared with others (429); sending 10/s",
        ),
        (
            {**SLOWED, "named_per_s": 50.0, "allowed_per_s": 10.0},
            "quota shared with others (429); sending 10/s",
        ),
        (
            {**SLOWED, "allowed_per_s": 10.0},
            f"{SMALLER}; sending 10/s",
        ),
        (
            {**SLOWED, "allowed_per_s": 10.0, "unanswered": 0.5, "code": "timeout"},
            f"50 % of requests failing (timeout); {SMALLER}; sending 10/s, 5/s get through",
        ),
        (
            {"state": ScopeState.SETTLING, "again_in_s": 41.3},
            "outcome of some rows uncertain; checking in 42 s",
        ),
        ({"state": ScopeState.OUTAGE, "again_in_s": 9.0}, "service not answering; next probe in 9 s"),
        (
            {"state": ScopeState.OUTAGE, "login": "", "again_in_s": 4.0, "gives_up_in_s": 0.0},
            "login not answering; next try in 4 s; gives up after this try",
        ),
        (
            {"state": ScopeState.OUTAGE, "code": "timeout", "login": "http://10.0.0.1", "gives_up_in_s": 590.0},
            "login not answering (timeout); trying now; gives up in 9 min 50 s; source: http://10.0.0.1",
        ),
        (
            {"state": ScopeState.OUTAGE, "code": "504", "gives_up_in_s": 30.0},
            "service not answering (504); probing now; gives up in 30 s",
        ),
        (
            {"held_keys": 1, "held_reason": "CSMS.0401: disabled"},
            "running, 20/s allowed, 2 in flight; 1 key held back (CSMS.0401: disabled)",
        ),
        (
            {"held_keys": 3, "held_reason": "CSMS.0401: disabled"},
            "running, 20/s allowed, 2 in flight; 3 keys held back (first: CSMS.0401: disabled)",
        ),
        ({"state": ScopeState.STOPPED, "reason": "no right"}, "stopped: no right"),
        ({"state": ScopeState.STOPPED}, "stopped: no more requests"),
        ({"state": ScopeState.ENDED}, "no rows left"),
        ({"state": ScopeState.WAITING}, "waiting for a later wave"),
    ],
)
def test_a_project_is_told_in_words_and_what_slows_it_with_what_it_costs(fields: dict[str, Any], words: str) -> None:
    """One for each state."""
    assert state_words(scope(1, **fields)) == words


def test_a_line_tells_how_it_stands() -> None:
    """For a log: everything but the scopes."""
    assert progress_line(view()) == (
        "120 of 500 rows (24 %); 116 updated, 4 failed, 17.2 rows/s, 18/s sent, allowed 20/s x 2 projects,"
        " 5 in flight, 7 s elapsed, about 23 s left"
    )


@pytest.mark.parametrize(
    ("scopes", "sending", "words"),
    [
        ((scope(1),), 0, "15.1/s sent, allowed 20/s"),
        # One of them has ended within the seconds for which requests are counted.
        ((scope(1), scope(2, state=ScopeState.ENDED)), 2, "15.1/s sent, allowed 20/s x 2 projects"),
        ((scope(1), scope(2, allowed_per_s=7.5)), 2, "15.1/s sent, allowed 27.5/s over 2 projects"),
        ((scope(1), scope(2, allowed_per_s=math.inf)), 2, "15.1/s sent"),
    ],
)
def test_what_is_sent_stands_beside_what_each_project_may_send(
    scopes: tuple[ScopeView, ...], sending: int, words: str
) -> None:
    now = view(scopes=scopes, sending=sending, requests_per_s=15.1)
    assert f"rows/s, {words}, 5 in flight" in progress_line(now)


def test_a_line_tells_no_more_than_is_known() -> None:
    """Before the first row, without scopes, with no end in sight."""
    now = view(open_rows=500, counts=(), rows_per_s=0.0, eta_s=None, requests_per_s=0.0, scopes=())
    assert progress_line(now) == "0 of 500 rows (0 %); 0 rows/s, 0/s sent, 5 in flight, 7 s elapsed"


def test_a_line_for_a_log_tells_what_slows_the_run() -> None:
    """In words where that is one project, in numbers where it is many."""
    slow = scope(1, unanswered=0.3, code="504", accepted_per_s=35.0, state=ScopeState.SLOWED)
    words = "30 % of requests failing (504); continuing at 35/s"
    assert progress_line(view(scopes=(slow,))).endswith(f"left; {words}")
    assert progress_line(view(scopes=(slow, scope(2)))).endswith(f"left; project eu-west-1 00000001: {words}")
    down = scope(3, ScopeState.OUTAGE)
    assert progress_line(view(scopes=(slow, scope(2), down))).endswith("; 2 of 3 projects: 1 not answering, 1 slowed")


def test_of_many_projects_in_trouble_a_few_are_told_in_words() -> None:
    """For anyone who asks for the status; one that runs is no trouble, unless it has keys that are held back."""
    down = (scope(number, ScopeState.OUTAGE) for number in range(4, 12))
    told = list(trouble_lines((scope(1), scope(2, ScopeState.ENDED), scope(3, held_keys=1), *down)))
    assert told[0].endswith("00000003: running, 20/s allowed, 2 in flight; 1 key held back")
    assert told[1:2] == ["project eu-west-1 00000004: service not answering; probing now"]
    assert told[6:] == ["and 3 more projects: 3 not answering"]


def test_a_long_line_goes_on_in_a_second_one_where_a_thought_ends() -> None:
    """And what does not fit there either is cut."""
    slow = scope(1, unanswered=0.3, code="504", accepted_per_s=35.0, state=ScopeState.SLOWED, open_rows=23_456)
    assert lines(drawn(view(scopes=(slow,)), width=80))[4:] == [
        "eu-west-1 00000001  23,456 rows left, 30 % of requests failing (504);",
        "  continuing at 35/s",
    ]
    stopped = scope(1, ScopeState.STOPPED, reason="no " * 100)
    *_, first, second = lines(drawn(view(scopes=(stopped,)), width=80))
    assert first.startswith("eu-west-1 00000001  100 rows left, stopped: no no")
    assert second.endswith("...")


@pytest.mark.parametrize(("total", "open_rows", "text"), [(0, 0, "100 %"), (3, 3, "0 %"), (1000, 1, "99 %")])
def test_all_is_not_said_before_all_is(total: int, open_rows: int, text: str) -> None:
    """Percentages are rounded down."""
    assert percent(view(total=total, open_rows=open_rows)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.2, "1 min 00 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (273_600, "3 d 04 h")],
)
def test_time_is_told_in_two_units(seconds: float, text: str) -> None:
    """Rounded up: it never promises too much."""
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
def test_while_no_scope_runs_no_time_is_announced_and_no_rate_is_said_to_be_allowed(
    state: ScopeState,
) -> None:
    line = progress_line(view(scopes=(scope(1, state),), requests_per_s=3.0))
    assert "left" not in line
    assert "allowed" not in line


def test_a_run_that_only_waits_for_rows_in_doubt_says_so_on_every_line() -> None:
    """It sends nothing for a minute, and would seem to hang."""
    settling = (scope(1, ScopeState.SETTLING, again_in_s=41.3), scope(2, ScopeState.SETTLING, again_in_s=20.0))
    ended = scope(3, ScopeState.ENDED)
    assert progress_line(view(scopes=(*settling, ended))).endswith("outcome of some rows uncertain; checking in 20 s")
    assert "uncertain" not in progress_line(view(scopes=(settling[0], scope(2))))
    assert "uncertain" not in progress_line(view(scopes=(ended,)))
