import base64
import hashlib
import html
import re
from pathlib import Path

import msgspec
import pytest

from jobs.model import Outcome, Status
from jobs.spec import JobSpec
from reports import Summary
from reports.moment import utc_seconds, utc_text
from reports.page.facts import duration, page_of
from reports.page.over_time import time_figures
from reports.page.page import render_page
from reports.summary.sessions import HeldKeySummary, SessionSummary, ShardSummary
from reports.summary.timeline import Interval, OverTime
from tests.unit.reports.runs import MakeRun, Run

STARTED = 1_787_313_600.0
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&\x1b[31m\u202egnp.exe\u200b\n{{ 7 * 7 }}"
SHOWN = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&\\x1b[31m\\u202egnp.exe\\u200b\\n{{ 7 * 7 }}"


def timed(status: Status, at_s: float, **fields: object) -> Outcome:
    """A row that ended so long after the start."""
    outcome = Outcome(row=0, status=status, attempts=1, finished_at=STARTED + at_s, elapsed_ms=40.0)
    return msgspec.structs.replace(outcome, **fields)


def run_of(make_run: MakeRun, outcomes: list[Outcome], spec: JobSpec | None = None) -> Run:
    """A run whose reports are written."""
    manifest = b"secret_name,kms_key_id\n" + b"a,k\n" * len(outcomes)
    run = make_run(manifest, outcomes, spec=spec)
    run.write(0 if all(outcome.status is Status.UPDATED for outcome in outcomes) else 1)
    return run


def text_of(run: Run) -> str:
    """What a reader sees of the page."""
    return seen_in(run.read("report.html").decode())


def shown_of(summary: Summary) -> str:
    """The same of the page of a summary."""
    return seen_in(render_page(summary, (), Path("run")))


def seen_in(page: str) -> str:
    """What is left of a page without tags and all that is not seen."""
    seen = re.sub(r"<(style|script)>.*?</\1>|<[^>]*>", " ", page.partition("<body>")[2], flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(seen))


def test_the_first_screen_answers_the_first_questions(make_run: MakeRun) -> None:
    """The verdict, the counts, the warning about the old key, and the commands for what is left, in this order."""
    run = run_of(make_run, [timed(Status.UPDATED, 1), timed(Status.REJECTED, 2), timed(Status.FAILED, 3)])
    text = text_of(run)
    parts = [
        "The run finished, but 2 of 3 rows are not done.",
        "2026-08-21 12:00:00 to 12:00:10 UTC. 10.0 s of work.",
        "Done 1 1 updated Fix first 1 1 rejected Run again 1 1 failed",
        "Keep the old key enabled",
        f"csms-rekey run {run.folder}/retry.csv",
        "csms-rekey run corrected.csv",
        "Why rows are not done",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_a_run_that_is_done_says_so(make_run: MakeRun) -> None:
    """Nothing to do, no table of rows."""
    text = text_of(run_of(make_run, [timed(Status.UPDATED, 1)] * 2))
    assert "All 2 rows are done." in text
    assert "Nothing: every row is done." in text
    assert "Rows that are not done" not in text


def test_a_manifest_without_rows_has_a_page_too(make_run: MakeRun) -> None:
    """It was a run of zero rows."""
    assert "Nothing to do: the manifest has no rows." in text_of(run_of(make_run, []))


def test_hostile_text_is_shown_as_text(make_run: MakeRun) -> None:
    """Names, messages, codes, ids: no markup of theirs, nothing that turns the line around, no template of theirs."""
    bad = timed(Status.FAILED, 1, error_code=HOSTILE, error_message=HOSTILE, request_id=HOSTILE)
    run = make_run(b"secret_name,kms_key_id\na,k\n", [bad], names=[HOSTILE])
    run.write()
    page = run.read("report.html").decode()
    body = page.partition("<body>")[2]
    assert body.count("<script>") == 1
    assert "<img" not in body
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert html.unescape(body).count(SHOWN) >= 5


def test_long_messages_are_cut(make_run: MakeRun) -> None:
    """The page shows what any report shows of a message, and the CSV has no more either."""
    run = run_of(make_run, [timed(Status.FAILED, 1, error_message="x" * 2000)])
    assert max(map(len, re.findall("x+", text_of(run)))) == 497


def test_the_policy_allows_only_what_is_in_the_page(make_run: MakeRun) -> None:
    """By hash; no attribute needs an exception."""
    page = run_of(make_run, [timed(Status.FAILED, 1), timed(Status.UPDATED, 5)]).read("report.html").decode()
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0])
    for tag in ("style", "script"):
        [inside] = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert not re.search(r"<[^>]*\s(style|on\w+)=", page)
    assert not re.search(r"\s(src|href)=", page)


def test_of_a_run_whose_requests_were_not_counted_the_page_says_what_it_cannot_know(make_run: MakeRun) -> None:
    """As of a ledger of an earlier release: refusals have no separate moment in it."""
    run = run_of(make_run, [timed(Status.UPDATED, second) for second in range(9)])
    text = text_of(run)
    assert "this ledger does not know when each PUT was refused" in text
    assert "Requests per second" not in text


def counted(summary: Summary, *intervals: tuple[int, int, int, float | None]) -> Summary:
    """The same with requests, unanswered and refused ones and the allowed rate of each second."""
    started = utc_seconds(summary.timing.started_at or "")
    made = tuple(
        Interval(
            at=utc_text(started + second), done=sent - failed - refused, not_done=0, repeats=0, p50_ms=None,
            p95_ms=None, p99_ms=None, requests=sent, unanswered=failed, refused=refused, allowed_per_s=allowed,
        )
        for second, (sent, failed, refused, allowed) in enumerate(intervals)
    )  # fmt: skip
    session = SessionSummary(
        started_at="2026-08-21T12:00:00.000Z", ended_at="2026-08-21T12:00:10.000Z", exit_code=0, stopped=None,
        code="504", requests=sum(one.requests for one in made), refused=sum(one.refused for one in made),
        unanswered=sum(one.unanswered for one in made),
    )  # fmt: skip
    over = OverTime(interval_s=1.0, intervals=made)
    return msgspec.structs.replace(summary, over_time=over, sessions=(session,))


def test_requests_over_time_show_what_part_of_them_failed_and_was_refused(make_run: MakeRun) -> None:
    """As lines under that of all requests and the rate that was allowed at that moment, and as shares in the table."""
    summary = run_of(make_run, [timed(Status.UPDATED, 1)]).write()
    [figure] = time_figures(counted(summary, (50, 15, 0, 50.0), (40, 10, 4, 40.0), (40, 0, 0, 45.0)))
    assert figure.title == "Requests per second"
    assert [key.name for key in figure.keys] == [
        *("requests sent", "rows finished", "failed requests", "refused for their rate (429)", "allowed")
    ]
    assert [row[3:] for row in figure.rows] == [
        (50, "15 (30 %)", "0"),
        (40, "10 (25 %)", "4 (10 %)"),
        (40, "0", "0"),
    ]
    assert figure.svg.count('class="series ') == 5


@pytest.mark.parametrize(
    ("allowed_per_s", "words"),
    [
        (1000.0, "Up to 1000 were allowed: too far above to draw."),
        (None, "The rate was not limited."),
        (60.0, "The dashed line is what all projects together were allowed to send."),
    ],
)
def test_a_rate_far_above_is_told_and_not_drawn(make_run: MakeRun, allowed_per_s: float | None, words: str) -> None:
    """It would press everything else flat; and what never happened has no line either."""
    summary = run_of(make_run, [timed(Status.UPDATED, 1)]).write()
    [figure] = time_figures(counted(summary, *[(50, 0, 0, allowed_per_s)] * 3))
    assert words in figure.note
    assert len(figure.keys) == (3 if allowed_per_s == 60.0 else 2)


def test_the_time_of_a_session_that_was_killed_is_not_taken_for_nothing(make_run: MakeRun) -> None:
    """Its end is not on record: a run of ten minutes would be said to have worked for 0.0 s."""
    summary = run_of(make_run, [timed(Status.UPDATED, 1)]).write()
    (ended,) = summary.sessions
    killed = msgspec.structs.replace(ended, ended_at=None)
    never = msgspec.structs.replace(summary.timing, wall_s=0.0)
    once = msgspec.structs.replace(summary, sessions=(killed,), timing=never)
    assert page_of(once, (), Path("run")).when.endswith(". How long it worked is not recorded.")
    assert "Time spent running not recorded" in shown_of(once)
    timing = msgspec.structs.replace(summary.timing, wall_s=90.0, sessions=2)
    twice = msgspec.structs.replace(summary, sessions=(killed, ended), timing=timing)
    assert page_of(twice, (), Path("run")).when.endswith(". At least 1 min 30 s of work in 2 runs and resumes.")


def test_the_page_says_at_its_top_what_slowed_the_run_and_lists_its_sessions(make_run: MakeRun) -> None:
    summary = run_of(make_run, [timed(Status.UPDATED, 1)]).write()
    slow = counted(summary, (50, 15, 1, 50.0), (50, 15, 1, 50.0))
    twice = msgspec.structs.replace(slow, sessions=slow.sessions * 2)
    page = page_of(twice, (), Path("run"))
    assert "30 % of 200 requests failed (mostly 504), and 2 % were refused for their rate; this cost about" in page.when
    assert shown_of(twice).count("100 30 (30 %) 2 (2 %)") == len(page.sessions)
    assert shown_of(slow).count("100 30 (30 %) 2 (2 %)") == len(slow.sessions)
    many = msgspec.structs.replace(slow, sessions=slow.sessions * 70)
    assert len(page_of(many, (), Path("run")).sessions) == 50
    assert "20 earlier sessions in summary.json" in shown_of(many)


def test_the_facts_of_a_run_say_how_many_requests_failed_and_which_keys_are_held_back(make_run: MakeRun) -> None:
    """What a key is held back for may be hostile, and there may be no end of keys."""
    summary = run_of(make_run, [timed(Status.UPDATED, 1)]).write()
    assert "Requests 1,000 Failed" not in shown_of(summary)
    key = HeldKeySummary(project_id="p", region=None, kms_key_id="k" * 32, reason="CSMS.9999: <b>no</b>", rows=1)
    held = msgspec.structs.replace(counted(summary, (1000, 300, 4, 50.0)), held_keys=(key,) * 23)
    shown = shown_of(held)
    assert "Requests 1,000 Failed 300 (30 %) Refused (429) 4 (0.4 %) Key held back" in shown
    assert shown.count(f"{'k' * 32}: CSMS.9999: <b>no</b>") == 20
    assert "Keys held back 3 more are in summary.json" in shown


def test_the_page_says_who_ran_it_which_limits_held_and_how_each_key_stands(make_run: MakeRun) -> None:
    """Of each session; the limits of the first are not those of the last."""
    summary = run_of(make_run, [timed(Status.UPDATED, 1), timed(Status.INVALID, 1)]).write()
    first = msgspec.structs.replace(
        summary.sessions[0], command="run", os_user=HOSTILE, host="box", login="access keys, ends in ABCD", release="9"
    )
    second = msgspec.structs.replace(first, command="resume", changed="--rate 30/s", stopped="CSMS.0301: no")
    key = msgspec.structs.replace(summary.keys[0], state="pending deletion", old_keys=("f" * 32,))
    shown = shown_of(msgspec.structs.replace(summary, sessions=(first, second), keys=(key,)))
    assert "box, access keys, ends in ABCD csms-rekey 9 --rate 10/s 1 " in shown
    assert "box, access keys, ends in ABCD csms-rekey 9 --rate 30/s 1 " in shown
    assert "exit code 1: the login was not accepted (CSMS.0301)" in shown
    assert f"{key.kms_key_id} 1 1 1 0 0 pending deletion {'f' * 32}" in shown
    assert "other invalid rows 1 0 1 0" in shown


def test_the_page_of_a_merged_run_says_which_shard_each_session_was_of_and_which_differ(make_run: MakeRun) -> None:
    summary = run_of(make_run, [timed(Status.UPDATED, 1)]).write()
    shards = tuple(
        ShardSummary(index=index, rows=1, open_rows=0, exit_code=0, stopped=None, missing=False) for index in range(3)
    )
    sessions = tuple(
        msgspec.structs.replace(summary.sessions[0], shard=index, login=f"token, {name}")
        for index, name in enumerate(("ann", "bob", "ann"))
    )
    shown = shown_of(msgspec.structs.replace(summary, shards=shards, sessions=sessions))
    assert "Login token, ann (2 sessions); token, bob (shard 1/3)" in shown
    assert "Started Shard Ended" in shown
    assert re.findall(r"12:00:00 (\d/3) 2026", shown) == ["0/3", "1/3", "2/3"]
    assert "Shard" not in shown_of(summary)


def test_a_night_between_two_runs_is_a_gap_in_the_lines(make_run: MakeRun) -> None:
    """And takes no room: four points, two lines."""
    summary = run_of(make_run, [timed(Status.UPDATED, 1)]).write()
    interval = summary.over_time.intervals[0]
    moments = ("2026-08-21T12:00:00.000Z", "2026-08-21T12:00:01.000Z", "2026-08-22T06:00:00.000Z")
    over = OverTime(interval_s=1.0, intervals=tuple(msgspec.structs.replace(interval, at=at, done=5) for at in moments))
    [throughput, *_] = time_figures(msgspec.structs.replace(summary, over_time=over))
    assert throughput.svg.count('class="series done"') == 2
    assert [row[0] for row in throughput.rows][-1] == "2026-08-22 06:00:00"


def test_drawings_have_their_figures_beside_them(make_run: MakeRun) -> None:
    """Every one of them, for a reader who does not see it or wants to copy it."""
    page = run_of(make_run, [timed(Status.FAILED, 1), timed(Status.UPDATED, 5)]).read("report.html").decode()
    assert page.count('<svg xmlns="http://www.w3.org/2000/svg" class="chart"') == 5
    assert page.count('<table class="figures">') == 5
    assert page.count("<figcaption>") == 5


def test_a_hundred_thousand_bad_rows_stay_a_small_page(make_run: MakeRun) -> None:
    """Bounded rows and bounded texts; the page says where the rest is. A tenth of the rows is as long as all."""
    bad = timed(Status.FAILED, 1, error_code="C" * 400, error_message="<&\"'" * 500, request_id="r" * 200)
    run = run_of(make_run, [bad] * 10_000)
    assert len(run.read("report.html")) <= 1_500_000
    assert re.search(r"[0-9,]+ of 10,000, those with a reason first; outcomes.csv has all of them", text_of(run))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (12.34, "12.3 s"), (60, "1 min 00 s"), (185.4, "3 min 05 s"), (7620, "2 h 07 min")],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    """Two units at the most."""
    assert duration(seconds) == text


def test_the_templates_ship_with_the_package() -> None:
    """They are data of the package, beside its code."""
    folder = Path(__file__).parents[4] / "reports" / "page" / "template"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("campaign.html", "head.html", "report.css", "report.html", "report.js")
    ]
