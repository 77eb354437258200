import io
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from jobs.job_facts import job_facts
from jobs.model import Outcome, Status
from jobs.rate import Rate
from jobs.spec import Before, FailureLimit, JobSpec, Limits
from jobs.waves import halt_words
from reports import Summary
from reports.screen.end import show_end
from reports.screen.plain import plain_lines
from reports.screen.session_words import before_words
from reports.screen.verdict import cause, headline, verdict
from reports.screen.wording import next_steps
from reports.summary.sessions import ControlSummary, HeldKeySummary, PlanSummary, SessionSummary, ShardSummary
from tests.unit.reports.runs import KEY, MakeRun

FOLDER = Path("runs/my campaign")
MESSAGE = "[red]no[/red] \x1b[2J\x07 :smile: \u202e\u5bc6 " + "x" * 2000
HOSTILE = Outcome(row=0, status=Status.REJECTED, attempts=1, error_code="[bold]E\x1b[1m", error_message=MESSAGE)
MANIFEST = b"secret_name,kms_key_id\n" + b"a,k\n" * 3


@pytest.fixture(scope="module")
def summary(make_run: MakeRun) -> Summary:
    """A run with a row in each group, one of them hostile."""
    spec = JobSpec(endpoint="https://kms.example.com", limits=Limits(rate=Rate(2.0)))
    return make_run(MANIFEST, [Status.UPDATED, HOSTILE, Status.FAILED], spec=spec).write(1)


KILLED = "killed; neither its end nor its last requests are recorded"


def shown(summary: Summary, *, width: int = 80, plain: bool = False, **given: Any) -> str:
    """What a console of this width shows."""
    out = given.pop("file", io.StringIO())
    options: dict[str, Any] = {"force_terminal": True, "_environ": {}, **given}
    console = Console(file=out, width=width, **options)
    show_end(summary, FOLDER, console, plain=plain)
    return str(out.getvalue()) if isinstance(out, io.StringIO) else ""


def changed(summary: Summary, code: int, **rows: int) -> Summary:
    """The same with other counts and another exit code."""
    statuses = msgspec.structs.replace(summary.by_status, **rows)
    return msgspec.structs.replace(summary, exit_code=code, by_status=statuses)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_screen_fits_its_width(summary: Summary, width: int) -> None:
    """All but the commands, which are to be copied as one line."""
    text = shown(summary, width=width, no_color=True, color_system=None)
    lines = [line for line in text.splitlines() if "csms-rekey" not in line]
    assert max(map(cell_len, lines)) <= width
    for word in ("updated", "rejected", "failed", "fix first", "run again", "retry.csv", "summary.json", "old key"):
        assert word in text
    assert "verified" not in text


def test_counts_stand_in_the_order_of_the_statuses(summary: Summary) -> None:
    """Only those there are, each with what is to be done about it."""
    lines = [line.split() for line in shown(summary, color_system=None).splitlines()]
    start = lines.index(["1", "updated", "done"])
    assert lines[start : start + 4] == [
        ["1", "updated", "done"],
        ["1", "rejected", "fix", "first"],
        ["1", "failed", "run", "again"],
        ["3", "rows"],
    ]


@pytest.mark.parametrize("plain", [True, False])
def test_hostile_text_neither_drives_the_terminal_nor_counts_as_markup(summary: Summary, *, plain: bool) -> None:
    """All that is left of it are its visible characters."""
    text = shown(summary, width=200, plain=plain, color_system=None)
    assert all(line.isprintable() for line in text.splitlines())
    assert r"[red]no[/red] \x1b[2J\x07 :smile: \u202e" + "\u5bc6 xxx" in text
    assert r"[bold]E\x1b[1m" in text
    assert "x" * 200 not in text


def test_a_terminal_that_knows_no_unicode_gets_none(summary: Summary) -> None:
    """What the encoding lacks is written out, so that the end of a run cannot fail."""
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii", write_through=True) as out:
        shown(summary, file=out)
        text = raw.getvalue().decode("ascii")
    assert r"\u5bc6" in text


def test_no_color_is_heeded(summary: Summary) -> None:
    """The colours go; nothing else does."""
    colour = re.compile(r"\x1b\[(?:[0-9]+;)*3[0-9]")
    assert colour.search(shown(summary, color_system="standard"))
    assert not colour.search(shown(summary, color_system="standard", _environ={"NO_COLOR": "1"}))


def test_without_a_terminal_lines_are_plain(summary: Summary) -> None:
    """The same lines as where plain ones are asked for, none of them wrapped."""
    text = shown(summary, width=40, force_terminal=False)
    assert text.splitlines() == list(plain_lines(summary, FOLDER))
    assert text == shown(summary, width=300, plain=True, color_system=None)


def test_plain_lines_are_keys_and_values(summary: Summary) -> None:
    """The contract for those who grep."""
    lines = list(plain_lines(summary, FOLDER))
    assert lines[:6] == [
        "result: finished, but 2 of 3 rows not done",
        "exit_code: 1",
        "rows: 3",
        "updated: 1 (done)",
        "rejected: 1 (fix first)",
        "failed: 1 (run again)",
    ]
    assert [line.partition(": ")[0] for line in lines[6:]] == [
        *(["error"] * 2 + ["key", "key_before", "session"] + ["file"] * 5 + ["next"] * 2 + ["notice"])
    ]
    assert lines[6] == "error: 1 failed -; row 3 name-3"
    assert lines[8] == f"key: {KEY}; 1 done, 1 fix first, 1 run again; old key: none seen"
    assert (
        lines[9]
        == f"key_before: project {'a' * 32}: the key before is not known for 1 row that was changed or may have been"
    )
    assert lines[10] == "session: 2026-08-21T12:00:00.000Z run; --rate 2/s; 3 rows ended; exit code 1"
    assert lines[11] == "file: runs/my campaign/outcomes.csv (how every row ended)"


def test_the_plan_that_was_run_is_named_on_every_screen(summary: Summary) -> None:
    """With who made it, and the number that was approved."""
    plan = PlanSummary(sha256="ab" * 32, made_at="2026-08-21T11:00:00.000Z", made_by="ann at ops-1")
    planned = msgspec.structs.replace(summary, plan=plan)
    words = f"2026-08-21 11:00:00 UTC by ann at ops-1, plan.json has the SHA-256 {'ab' * 32}"
    assert f"plan: {words}" in list(plain_lines(planned, FOLDER))
    assert words in " ".join(shown(planned, width=300).split())


def test_a_list_that_failed_is_said_on_every_screen_unless_none_was_asked_for(summary: Summary) -> None:
    """With what became of it, and bounded however many projects there are."""
    scope = msgspec.structs.replace(summary.scopes[0], unlisted="CSMS.0302: no right", without_key_before=2)
    failed = msgspec.structs.replace(summary, scopes=(scope,) * 7)
    words = (
        f"project {scope.project_id}: its secrets could not be listed (CSMS.0302: no right);"
        " the key before is not known for 2 rows that were changed or may have been"
    )
    assert before_words(failed) == (words,) * 5 + ("2 more projects in summary.json",)
    assert f"key_before: {words}" in list(plain_lines(failed, FOLDER))
    assert "its secrets could not be listed (CSMS.0302: no right)" in " ".join(shown(failed, color_system=None).split())
    assert before_words(msgspec.structs.replace(failed, job=job_facts(JobSpec(before=Before.OFF)))) == ()


def test_many_codes_are_cut_and_said_to_be(summary: Summary) -> None:
    """Five of them are enough for a screen."""
    many = msgspec.structs.replace(summary, errors=summary.errors * 4)
    assert "more_errors: 3 (in summary.json)" in list(plain_lines(many, FOLDER))
    assert "and 3 more codes, in summary.json" in shown(many, color_system=None)


@pytest.mark.parametrize(
    ("code", "rows", "sentence"),
    [
        (0, {}, "all done: 3 rows"),
        (1, {}, "finished, but 2 of 3 rows not done"),
        (3, {}, "stopped early; 2 of 3 rows not done"),
        (130, {}, "interrupted by SIGINT; 2 of 3 rows not done"),
        (143, {}, "interrupted by SIGTERM; 2 of 3 rows not done"),
        (74, {}, "ended with exit code 74; 2 of 3 rows not done"),
    ],
)
def test_the_verdict_is_one_sentence(summary: Summary, code: int, rows: dict[str, int], sentence: str) -> None:
    """One for each way to end."""
    assert verdict(changed(summary, code, **rows)) == sentence


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (1, "The run finished, but 2 of 3 rows are not done."),
        (3, "The run stopped early: 2 of 3 rows are not done."),
        (130, "The run was interrupted by SIGINT: 2 of 3 rows are not done."),
        (74, "The run ended with exit code 74: 2 of 3 rows are not done."),
    ],
)
def test_the_heading_says_what_happened_in_one_sentence(summary: Summary, code: int, sentence: str) -> None:
    """What caused it stands below."""
    assert headline(msgspec.structs.replace(changed(summary, code), stopped="outage of 600 s")) == sentence


@pytest.mark.parametrize(
    ("rows", "left_out", "sentence"),
    [
        (0, 0, "Nothing to do: the manifest has no rows."),
        (2, 2, "Nothing to do: no row was selected."),
        (1, 0, "The only row is done."),
        (3, 2, "The only selected row is done."),
        (1200, 0, "All 1,200 rows are done."),
        (1200, 200, "All 1,000 selected rows are done."),
    ],
)
def test_the_heading_of_a_run_that_is_done_counts_its_rows(
    summary: Summary, rows: int, left_out: int, sentence: str
) -> None:
    """Those that it was to do."""
    manifest = msgspec.structs.replace(summary.manifest, rows=rows)
    counts = msgspec.structs.replace(summary.by_group, done=rows - left_out, fix_first=0, run_again=0)
    done = msgspec.structs.replace(changed(summary, 0), manifest=manifest, left_out=left_out, by_group=counts)
    assert headline(done) == sentence


@pytest.mark.parametrize(
    ("done", "words"), [(0, "none of the 3 rows is done"), (2, "1 of 3 rows is not done"), (3, "every row is done")]
)
def test_the_heading_of_a_stop_says_how_much_is_left(summary: Summary, done: int, words: str) -> None:
    """None and all in words."""
    counts = msgspec.structs.replace(summary.by_group, done=done)
    stopped = msgspec.structs.replace(changed(summary, 3), by_group=counts)
    assert headline(stopped) == f"The run stopped early: {words}."


def test_the_heading_names_what_the_plan_could_not_do(summary: Summary) -> None:
    """The other rows are done."""
    counts = msgspec.structs.replace(summary.by_group, done=1, fix_first=0, run_again=0)
    planned = msgspec.structs.replace(changed(summary, 1), left_out=2, carried=2, by_group=counts)
    assert headline(planned) == "The run finished, but the plan could not do 2 rows."


def test_the_cause_is_one_bounded_sentence_below_the_heading(summary: Summary) -> None:
    """Of a stop what stopped it, of other runs the most frequent error; a run that is done or interrupted has none."""
    assert cause(stopped_by(summary, "CSMS.0302: denied")) == "Cause: the login lacks a right (CSMS.0302)."
    assert cause(changed(summary, 130)) is None
    assert cause(changed(summary, 0)) is None
    first = summary.errors[0]
    sample = msgspec.structs.replace(first.samples[0], message="Is it away?")
    error = msgspec.structs.replace(first, rows=7, error_code="CSMS.0106", samples=(sample,))
    finished = msgspec.structs.replace(changed(summary, 1), errors=(error,))
    assert cause(finished) == "Cause: 7 rows with CSMS.0106: Is it away?"
    drifted = msgspec.structs.replace(error, status=Status.DRIFTED, error_code="drifted", samples=())
    assert cause(msgspec.structs.replace(finished, errors=(drifted,))) == "Cause: 7 rows drifted."
    sample = msgspec.structs.replace(sample, message="x" * 900)
    finished = msgspec.structs.replace(finished, errors=(msgspec.structs.replace(error, samples=(sample,)), error))
    words = cause(finished) or ""
    assert words.startswith("Most often: 7 rows with CSMS.0106: xxx")
    assert words.endswith("x...")
    assert len(words) < 220


def test_the_verdict_says_why_it_stopped(summary: Summary) -> None:
    """In the ledger's words, or those of a scope."""
    stopped = changed(summary, 3)
    whole = msgspec.structs.replace(stopped, stopped="outage of 600 s")
    assert verdict(whole) == "stopped early: outage of 600 s; 2 of 3 rows not done"
    scope = msgspec.structs.replace(stopped.scopes[0], stopped="refused")
    assert verdict(msgspec.structs.replace(stopped, scopes=(scope,))) == "stopped early: refused; 2 of 3 rows not done"


def stopped_by(summary: Summary, *reasons: str, held: str | None = None) -> Summary:
    """The same, stopped early; each reason is that of a project, `held` that of a key."""
    scopes = tuple(msgspec.structs.replace(summary.scopes[0], stopped=reason) for reason in reasons)
    key = HeldKeySummary(project_id="p", region=None, kms_key_id="k" * 32, reason=held or "", rows=1)
    return msgspec.structs.replace(
        changed(summary, 3, not_attempted=1, failed=0), scopes=scopes, held_keys=(key,) if held else ()
    )


@pytest.mark.parametrize(
    ("reasons", "held", "because"),
    [
        (("CSMS.0302: denied",), None, "the login lacks a right (CSMS.0302)"),
        ((), "held back: 8 rows in a row; CSMS.0401: in state 3", f"key {'k' * 32} is disabled (CSMS.0401)"),
    ],
)
def test_the_verdict_names_the_cause_where_it_is_known(
    summary: Summary, reasons: tuple[str, ...], held: str | None, because: str
) -> None:
    """In a few words: the whole reason stands elsewhere."""
    stopped = stopped_by(summary, *reasons, held=held)
    assert verdict(stopped) == f"stopped early: {because}; 2 of 3 rows not done"


def test_what_stopped_a_run_is_to_be_mended_before_it_is_resumed(summary: Summary) -> None:
    """The command alone would end like the last one; causes are named once, and not without end."""
    [step, _] = next_steps(stopped_by(summary, "CSMS.0302: a", "CSMS.0302: b", held="KMS.0209: no"), FOLDER)
    assert step.command == "csms-rekey resume 'runs/my campaign'"
    assert step.why.startswith("the login lacks a right (CSMS.0302): grant it csms:secret:update")
    assert step.why.endswith(f"; key {'k' * 32} is disabled (KMS.0209): enable it; then continue where it stopped")
    codes = ("CSMS.0301", "CSMS.0302", "APIG.0303", "KMS.0321", "APIG.0402")
    [step, _] = next_steps(stopped_by(summary, *(f"{code}: no" for code in codes)), FOLDER)
    assert "; 2 more causes in summary.json; then continue" in step.why


def test_a_run_refused_for_a_right_is_never_only_resumed_with_the_same_project(make_run: MakeRun) -> None:
    """A missing right looks like a wrong project while nothing was ever accepted there."""
    spec = JobSpec(endpoint="https://kms.example.com", project_id="a" * 32)
    summary = make_run(MANIFEST, [Status.NOT_ATTEMPTED] * 3, spec=spec).write(3)
    stopped = msgspec.structs.replace(summary.scopes[0], stopped="5 rows in a row; CSMS.0302: denied")
    [resumed, corrected] = next_steps(msgspec.structs.replace(summary, scopes=(stopped,)), FOLDER)
    assert resumed.why.endswith("or use another login; then continue where it stopped")
    assert corrected.why == (
        "if the project is wrong instead, correct it, in the options or in the file; then run retry.csv"
    )
    assert corrected.command.endswith(" --endpoint https://kms.example.com --project-id '<project-id>'")
    accepted = msgspec.structs.replace(stopped, done=1)
    assert next_steps(msgspec.structs.replace(summary, scopes=(accepted,)), FOLDER) == (resumed,)


def test_what_the_last_session_changed_holds_for_the_next_command_and_its_login_for_the_advice(
    summary: Summary,
) -> None:
    """A resume takes the job's own options where nothing else is said."""
    session = msgspec.structs.replace(summary.sessions[-1], changed="--failed --auth iam --rate 30/s")
    stopped = stopped_by(summary, "CSMS.0301: expired")
    [step, fix] = next_steps(msgspec.structs.replace(stopped, sessions=(session,)), FOLDER)
    assert step.why.startswith("the login was not accepted (CSMS.0301): check the user, its password and its domain")
    assert step.command == "csms-rekey resume 'runs/my campaign' --auth iam --rate 30/s"
    assert fix.command.endswith(" --auth iam --rate 30/s")


@pytest.mark.parametrize("agreed", [True, False])
def test_a_run_whose_waves_a_command_decides_on_is_never_resumed_past_it_by_the_printed_command(
    summary: Summary, *, agreed: bool
) -> None:
    """The words of the command are not kept: a gap stands for them, which as it is lets no wave begin."""
    note = ControlSummary(at="2026-01-01T00:00:00.000Z", words="wave 'canary': --between agreed")
    session = msgspec.structs.replace(summary.sessions[-1], controls=(note,) if agreed else ())
    reason = "the service has been down for 600 s" if agreed else halt_words("eu", "the command of --between said no")
    stopped = msgspec.structs.replace(stopped_by(summary), stopped=reason, sessions=(session,))
    [step, _] = next_steps(stopped, FOLDER)
    assert step.command == "csms-rekey resume 'runs/my campaign' --between '<command>'"


def test_a_key_held_for_an_unknown_reason_is_named_too(summary: Summary) -> None:
    held = stopped_by(summary, held="CSMS.0999: new words")
    assert verdict(held) == f"stopped early: key {'k' * 32} is held back: CSMS.0999: new words; 2 of 3 rows not done"


def test_rows_that_were_left_out_are_counted_apart(summary: Summary) -> None:
    """All that was asked for is done without them."""
    counts = msgspec.structs.replace(summary.by_group, done=1, fix_first=0, run_again=0)
    done = changed(msgspec.structs.replace(summary, left_out=2, by_group=counts), 0, rejected=0, failed=0)
    assert verdict(done) == "all done: 1 row; 2 rows not selected"
    assert "left_out: 2 (not selected)" in list(plain_lines(done, FOLDER))
    lines = [line.split() for line in shown(done, color_system=None).splitlines()]
    assert ["2", "left", "out", "not", "selected"] in lines


def test_the_end_says_who_ran_each_session_with_which_login_limits_and_end(summary: Summary) -> None:
    """Those of the last five, on a screen and in plain lines."""
    first = msgspec.structs.replace(
        summary.sessions[0],
        command="run",
        os_user="ann",
        host="box",
        login="access keys, ends in ABCD",
        stopped="CSMS.0301: expired",
        exit_code=3,
        controls=(ControlSummary(at="2026-08-21T12:00:05.000Z", words="--rate 5/s"),),
    )
    second = msgspec.structs.replace(
        first, changed="--failed --auth iam --rate 30/s --burst 3", ended_at=None, controls=(), rows_done=1
    )
    both = msgspec.structs.replace(summary, sessions=(first, second))
    lines = [line for line in plain_lines(both, FOLDER) if line.startswith("session: ")]
    who = "session: 2026-08-21T12:00:00.000Z run by ann on box, access keys, ends in ABCD"
    assert lines == [
        f"{who}; --rate 2/s, then --rate 5/s; 3 rows ended; exit code 3: the login was not accepted (CSMS.0301)",
        f"{who}; --failed --rate 30/s --burst 3; 1 row ended; " + KILLED,
    ]
    text = shown(both, width=120, color_system=None)
    assert "run by ann on box, access keys, ends in ABCD" in text
    assert "--failed --rate 30/s --burst 3" in text
    many = msgspec.structs.replace(both, sessions=both.sessions * 4)
    assert "more_sessions: 3 (in summary.json)" in list(plain_lines(many, FOLDER))
    assert "3 earlier sessions in summary.json" in shown(many, color_system=None)


def test_one_of_a_kind_is_said_in_the_singular(summary: Summary) -> None:
    """Of all that is counted on the screen."""
    one = msgspec.structs.replace(
        summary,
        sessions=(msgspec.structs.replace(summary.sessions[0], rows_done=1),) * 6,
        keys=summary.keys * 6,
        errors=(summary.errors * 6)[:6],
    )
    text = shown(one, color_system=None)
    for words in ("1 earlier session in", "and 1 more key, in", "and 1 more code, in", "1 row ended"):
        assert words in text, words


def merged(summary: Summary, *sessions: SessionSummary) -> Summary:
    """The same as of so many shards, each with one session."""
    shards = tuple(
        ShardSummary(index=index, rows=3, open_rows=0, exit_code=0, stopped=None, missing=False)
        for index in range(len(sessions))
    )
    numbered = tuple(msgspec.structs.replace(one, shard=index) for index, one in enumerate(sessions))
    return msgspec.structs.replace(summary, sessions=numbered, shards=shards)


def test_one_line_says_of_a_merged_run_how_its_sessions_went_and_which_shards_differ(summary: Summary) -> None:
    """As many lines as sessions would say the same many times over."""
    usual = msgspec.structs.replace(
        summary.sessions[0], command="go", os_user="ann", host="a", login="access keys, ends in ABCD", release="1.0"
    )
    late = msgspec.structs.replace(
        usual, host="b", login="token, bob", changed="--rate 5/s", ended_at="2026-08-21T13:00:00.000Z"
    )
    killed = msgspec.structs.replace(usual, host="c", release="1.1", ended_at=None)
    some = merged(summary, *[usual] * 5, late, killed)
    [line] = [one for one in plain_lines(some, FOLDER) if one.startswith(("session", "more_sessions"))]
    assert line == (
        "sessions: 7; the first began 2026-08-21 12:00:00, the last ended 2026-08-21 13:00:00 UTC; 21 rows ended. "
        "Run by: go by ann. Hosts: a, b, c. "
        "Login: access keys, ends in ABCD (6 sessions); token, bob (shard 5/7). "
        "Release: 1.0 (6 sessions); 1.1 (shard 6/7). "
        "Options: --rate 2/s (6 sessions); --rate 5/s (shard 5/7). "
        f"Ends: exit code 1 (6 sessions); {KILLED} (shard 6/7)"
    )
    text = " ".join(shown(some, color_system=None).split())
    assert "Login access keys, ends in ABCD (6 sessions); token, bob (shard 5/7) Release 1.0" in text


def test_after_a_merge_the_shards_are_continued_and_not_the_whole(summary: Summary) -> None:
    """From which nothing can be sent."""
    usual = msgspec.structs.replace(summary.sessions[0], changed="--rate 5/s")
    stopped = merged(changed(summary, 3, not_attempted=1, failed=0), usual, usual)
    [step, _] = next_steps(stopped, FOLDER)
    assert step.command == "csms-rekey resume '<shard-directory>'"
    assert step.why == (
        "continue where it stopped, for each shard that is not over (`fleet run` does that for a campaign);"
        " then merge again"
    )


def test_the_line_of_a_merged_run_stays_short_where_every_shard_differs(summary: Summary) -> None:
    many = [
        msgspec.structs.replace(summary.sessions[0], login=f"token, user {number // 2}", host=f"h{number}")
        for number in range(40)
    ]
    [line] = [one for one in plain_lines(merged(summary, *many), FOLDER) if one.startswith("sessions: ")]
    assert (
        ". Hosts: h0, h1, h2, 37 more. Login: token, user 0 (2 sessions); token, user 1 (shards 2/40, 3/40); " in line
    )
    assert "; token, user 3 (shards 6/40, 7/40); 16 others in summary.json. Options: --rate 2/s. " in line


def test_a_merge_of_an_earlier_release_counts_the_sessions_whose_shard_is_not_known(summary: Summary) -> None:
    usual = summary.sessions[0]
    other = msgspec.structs.replace(usual, exit_code=3)
    some = merged(summary, usual, usual, other)
    unknown = tuple(msgspec.structs.replace(one, shard=None) for one in some.sessions)
    lines = list(plain_lines(msgspec.structs.replace(some, sessions=unknown), FOLDER))
    assert any(line.endswith(". Ends: exit code 1 (2 sessions); exit code 3 (1 session)") for line in lines)


def test_the_end_says_of_each_key_how_its_rows_stand_what_is_wrong_with_it_and_which_keys_it_replaces(
    summary: Summary,
) -> None:
    """The first five of them."""
    key = msgspec.structs.replace(
        summary.keys[0], state="disabled", old_keys=("a" * 32, "b" * 32, "c" * 32, "d" * 32), more_old_keys=7
    )
    some = msgspec.structs.replace(summary, keys=(key,) * 7, more_keys=40)
    lines = list(plain_lines(some, FOLDER))
    old = f"old keys: {'a' * 32}, {'b' * 32}, {'c' * 32}, 8 more"
    assert f"key: {KEY} (disabled); 1 done, 1 fix first, 1 run again; {old}" in lines
    assert "more_keys: 42 (in summary.json)" in lines
    text = shown(some, color_system=None)
    assert f"{KEY}  disabled" in text
    assert "and 42 more keys, in summary.json" in text


def test_a_run_that_was_loaded_with_a_wrong_key_is_not_resumed_but_corrected(summary: Summary) -> None:
    """Nothing that a resume can be given would change it."""
    [step, _] = next_steps(stopped_by(summary, held="KMS.0207: no"), FOLDER)
    assert step.why == f"key {'k' * 32} does not exist (KMS.0207): correct kms_key_id in the file; then run retry.csv"
    assert step.command.startswith("csms-rekey run 'runs/my campaign/retry.csv' --endpoint")


def test_a_wrong_place_is_a_gap_in_the_next_command(make_run: MakeRun) -> None:
    """To be filled in: the same command would end in the same way."""
    spec = JobSpec(region="cn-north-4", project_id="a" * 32)
    summary = make_run(MANIFEST, [Status.NOT_ATTEMPTED] * 3, spec=spec).write(3)
    scope = msgspec.structs.replace(summary.scopes[0], stopped="5 rows in a row; CSMS.0106: not there")
    [step] = next_steps(msgspec.structs.replace(summary, scopes=(scope,)), FOLDER)
    assert step.command.endswith(" --region '<region>' --project-id '<project-id>'")
    assert "correct the project or the region, in the options or in the file; then run retry.csv" in step.why


def test_rows_refused_for_a_right_or_a_key_are_not_only_to_be_corrected(make_run: MakeRun) -> None:
    """Nothing is wrong with the file then."""
    denied = Outcome(row=0, status=Status.REJECTED, attempts=2, error_code="CSMS.0302", error_message="denied")
    gone = Outcome(row=0, status=Status.REJECTED, attempts=2, error_code="CSMS.0106", error_message="not there")
    [step] = next_steps(make_run(MANIFEST, [denied, denied, gone]).write(1), FOLDER)
    assert step.why.startswith("the login lacks a right (CSMS.0302): grant it")
    assert step.why.endswith("; copy rejected.csv to corrected.csv, correct what else is wrong in it, then run it")
    [step] = next_steps(make_run(MANIFEST, [gone] * 3).write(1), FOLDER)
    assert step.why == "copy rejected.csv to corrected.csv, correct what is wrong in it, then run it"


def test_a_manifest_without_rows_is_nothing_to_do(make_run: MakeRun) -> None:
    """And needs no command."""
    summary = make_run(b"secret_name,kms_key_id\n", []).write(0)
    assert verdict(summary) == "nothing to do: the manifest has no rows"
    assert next_steps(summary, FOLDER) == ()


@pytest.mark.parametrize(
    ("code", "rows", "commands"),
    [
        (1, {}, ["run 'runs/my campaign/retry.csv'", "run corrected.csv"]),
        (3, {"failed": 0, "not_attempted": 1}, ["resume 'runs/my campaign'", "run corrected.csv"]),
        (130, {}, ["resume 'runs/my campaign' --failed", "run corrected.csv"]),
        (1, {"not_attempted": 1}, ["resume 'runs/my campaign' --failed", "run corrected.csv"]),
    ],
)
def test_the_next_command_is_ready_to_copy(
    summary: Summary, code: int, rows: dict[str, int], commands: list[str]
) -> None:
    """A stopped run is resumed; rows of a finished one are run again, at the same endpoint and no faster."""
    options = " --endpoint https://kms.example.com --rate 2/s"
    expected = [f"csms-rekey {command}{options if command.startswith('run') else ''}" for command in commands]
    assert [step.command for step in next_steps(changed(summary, code, **rows), FOLDER)] == expected


def test_the_next_command_repeats_every_option(make_run: MakeRun) -> None:
    """Each in the form in which the command line takes it."""
    limits = Limits(max_failures=FailureLimit.parse("5%"), timeout_s=7.5, max_duration_s=3600.0, grace_s=5.0, burst=2)
    spec = JobSpec(region="cn-north-4", project_id="a" * 32, strict=True, limits=limits)
    [step] = next_steps(make_run(MANIFEST, [Status.FAILED] * 3, spec=spec).write(1), FOLDER)
    assert step.command.partition(".csv' ")[2] == (
        f"--region cn-north-4 --project-id {'a' * 32} --strict --burst 2 --timeout 7.5s --max-failures 5%"
        " --max-duration 1h --grace 5s"
    )
