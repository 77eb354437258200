import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

import reports
from jobs.ledger import PaceCell, ScopeCount, SessionRecord, SessionStart, ToldRow
from jobs.ledger.record import JobRecord, ManifestFacts
from jobs.model import Group, Outcome, Status
from jobs.rate import Rate
from jobs.spec import FailureLimit, JobSpec, Limits
from reports import Summary
from reports.summary.projection import summarize
from reports.summary.schema import ByGroup, ByStatus, summary_schema
from reports.summary.tally import MAX_BLAMED_KEYS, MAX_CODES, Tally
from tests.unit.reports.blocks import block_of
from tests.unit.reports.runs import MakeRun

ROOT = Path(reports.__file__).parents[1]
KEY = "11111111-2222-3333-4444-555555555555"  # of every row of `make_run`
STARTED = 1_787_313_600.0  # when the runs of `make_run` begin
MANIFEST = b"secret_name,kms_key_id\na,k\nb,k\nc,k\nd,k\n"
GONE = Outcome(
    row=0, status=Status.REJECTED, attempts=1, http_status=404, error_code="E.404", error_message="gone", request_id="r"
)
KEYS = {
    "": "attempts by_group by_status carried elapsed_ms errors exit_code files held_keys job kept_files keys left_out"
    " manifest more_keys notice over_time plan rows_without_project schema scopes sessions shards stopped timing"
    " unknown_ended version waves",
    "job": "auth before burst concurrency delimiter encoding endpoint exclude grace_s key_pattern limit max_attempts"
    " max_duration_s max_failures max_outage_s only project_id project_pattern rate region shard shard_by soak_s strict"
    " timeout_s wave_by",
    "manifest": "bytes name rows sha256",
    "by_status": "drifted failed invalid not_attempted rejected unchanged unknown updated verified",
    "by_group": "done fix_first run_again",
    "scopes": "done endpoint fix_first left_out project_id region rows run_again stopped unlisted without_key_before",
    "errors": "error_code key_state kms_key_id rows samples status",
    "errors.samples": "message request_id row secret_name",
    "timing": "ended_at rows_attempted rows_attempted_per_s sessions started_at wall_s",
    "elapsed_ms": "all_rows one_attempt",
    "elapsed_ms.one_attempt": "max p50 p90 p95 p99 rows",
    "elapsed_ms.all_rows": "max p50 p90 p95 p99 rows",
    "attempts": "attempts rows",
    "over_time": "interval_s intervals",
    "over_time.intervals": "allowed_per_s at done not_done p50_ms p95_ms p99_ms refused repeats requests unanswered",
    "files": "bytes name rows sha256",
    "sessions": "changed code command controls ended_at exit_code host login os_user refused release requests rows_done"
    " shard started_at stopped unanswered",
    "held_keys": "kms_key_id project_id reason region rows",
    "keys": "done fix_first kms_key_id left_out more_old_keys old_keys projects rows run_again state",
}


def keys(value: Any, path: str = "") -> dict[str, str]:
    """The sorted keys of every object in a document, by where it stands."""
    found: dict[str, str] = {}
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            found[path] = " ".join(sorted(item))
            for key, inner in item.items():
                found |= keys(inner, f"{path}.{key}".lstrip("."))
    return found


def summary_of(tally: Tally, **given: Any) -> Summary:
    """A summary of these rows."""
    facts = ManifestFacts(name=given.get("name", "m.csv"), copy="manifest.csv", sha256="0", size_bytes=1, rows=1)
    return summarize(
        record=JobRecord(version="1", spec=given.get("spec", JobSpec()), manifest=facts, created_at=0.0),
        tally=tally,
        scopes=given.get("scopes", ()),
        sessions=given.get("sessions", ()),
        exit_code=1,
        files=(),
    )


def told(row: int, outcome: Outcome, name: str = "a") -> ToldRow:
    """A row that ended so."""
    return ToldRow(
        secret_name=name, kms_key_id="k", region="", project_id="", outcome=msgspec.structs.replace(outcome, row=row)
    )


def test_the_keys_are_a_contract(make_run: MakeRun) -> None:
    """A key that is added is written down here; one that goes, or changes its meaning, makes a new schema."""
    timed = msgspec.structs.replace(GONE, finished_at=STARTED + 3, elapsed_ms=70.0)
    run = make_run(MANIFEST, [Status.UPDATED, timed, GONE, Status.FAILED])
    with run.opened() as (ledger, _):
        ledger.hold_key(1, KEY, "disabled")
    run.write()
    document = json.loads(run.read("summary.json"))
    assert document["schema"] == "csms-rekey/summary/1"
    assert keys(document) == KEYS


def test_it_tells_how_the_run_ended(make_run: MakeRun) -> None:
    """Counts, errors, timing and files, each as they are."""
    run = make_run(MANIFEST, [Status.UPDATED, GONE, GONE, Status.FAILED])
    summary = run.write(1)
    assert summary.by_status.rejected == 2
    assert summary.by_group == ByGroup(done=1, fix_first=2, run_again=1)
    assert summary.exit_code == 1
    assert [(error.status, error.error_code, error.rows) for error in summary.errors] == [
        (Status.REJECTED, "E.404", 2),
        (Status.FAILED, "", 1),
    ]
    sample = summary.errors[0].samples[0]
    assert (sample.row, sample.secret_name, sample.message, sample.request_id) == (2, "name-2", "gone", "r")
    assert (summary.timing.started_at, summary.timing.ended_at) == (
        "2026-08-21T12:00:00.000Z",
        "2026-08-21T12:00:10.000Z",
    )
    assert (summary.timing.wall_s, summary.timing.rows_attempted, summary.timing.rows_attempted_per_s) == (10, 4, 0.4)
    assert [(facts.name, facts.rows) for facts in summary.files] == [
        ("outcomes.csv", 4),
        ("retry.csv", 1),
        ("rejected.csv", 2),
        ("report.html", 4),
    ]
    for facts in summary.files:
        data = run.read(facts.name)
        assert (facts.sha256, facts.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert "old key" in summary.notice


def test_what_is_written_can_be_read(make_run: MakeRun) -> None:
    """The very value comes back."""
    run = make_run(MANIFEST, [Status.UPDATED, GONE, GONE, Status.FAILED])
    assert run.write() == msgspec.json.decode(run.read("summary.json"), type=Summary)


def test_it_has_a_place_for_every_status_and_group() -> None:
    """The closed sets of the model are the keys."""
    assert ByStatus.__struct_fields__ == tuple(status.value for status in Status)
    assert ByGroup.__struct_fields__ == tuple(group.value for group in Group)


def test_codes_without_end_take_a_bounded_place() -> None:
    """A service that invents a code for every row cannot fill memory or the file; every row is still counted."""
    tally = Tally()
    for row in range(1, 2001):
        tally.add(block_of(told(row, msgspec.structs.replace(GONE, error_code=f"E.{row}"))))
    errors = tally.errors()
    assert len(errors) == MAX_CODES + 1
    assert (errors[0].error_code, errors[0].rows) == ("(other codes)", 2000 - MAX_CODES)
    assert sum(error.rows for error in errors) == 2000
    assert max(len(error.samples) for error in errors) == 5


def test_errors_come_with_the_most_rows_first() -> None:
    """And with the same number, in the order of their status and code."""
    tally = Tally()
    for row, code in enumerate("BAACBC", 1):
        tally.add(block_of(told(row, msgspec.structs.replace(GONE, error_code=code))))
    tally.add(block_of(told(7, msgspec.structs.replace(GONE, error_code="A"))))
    assert [(error.error_code, error.rows) for error in tally.errors()] == [("A", 3), ("B", 2), ("C", 2)]


def test_a_code_that_blames_a_key_is_counted_for_each_key_with_its_state_in_words() -> None:
    """Rows that wait for a held key are counted with those over which it is held."""
    tally = Tally()
    refused = msgspec.structs.replace(GONE, error_code="CSMS.0401", error_message="the key is in state 3")
    waiting = Outcome(
        row=0, status=Status.REJECTED, attempts=0, error_message="held back: 9 rows; CSMS.0401: in state 4"
    )
    keys = ["AA-aa", "aaaa", "bb", "bb", "bb", "cc"]
    for row, (key, outcome) in enumerate(zip(keys, [*[refused] * 3, *[waiting] * 2, GONE], strict=True), 1):
        tally.add(block_of(msgspec.structs.replace(told(row, outcome), kms_key_id=key)))
    errors = summary_of(tally).errors
    assert [(one.error_code, one.kms_key_id, one.key_state, one.rows) for one in errors] == [
        ("CSMS.0401", "bb", "disabled", 3),
        ("CSMS.0401", "AA-aa", "disabled", 2),
        ("E.404", None, None, 1),
    ]


def test_keys_without_end_that_are_blamed_take_a_bounded_place_and_displace_no_code() -> None:
    """Those beyond it are counted by code alone."""
    tally = Tally()
    for row in range(1, 501):
        outcome = msgspec.structs.replace(GONE, error_code="CSMS.0401")
        tally.add(block_of(msgspec.structs.replace(told(row, outcome), kms_key_id=f"k{row}")))
    for row in range(501, 501 + MAX_CODES - 1):
        tally.add(block_of(told(row, msgspec.structs.replace(GONE, error_code=f"E.{row}"))))
    errors = tally.errors()
    assert len(errors) == MAX_BLAMED_KEYS + MAX_CODES
    assert (errors[0].error_code, errors[0].kms_key_id, errors[0].rows) == ("CSMS.0401", None, 500 - MAX_BLAMED_KEYS)
    assert sum(error.rows for error in errors) == 500 + MAX_CODES - 1


def test_rows_that_were_left_out_are_no_errors_and_belong_to_no_group(make_run: MakeRun) -> None:
    """They stand in the file of outcomes, and the counts say how many there are."""
    run = make_run(MANIFEST, [Status.UPDATED, GONE, Status.NOT_ATTEMPTED, Status.NOT_ATTEMPTED])
    with run.opened() as (ledger, _):
        ledger._run("UPDATE row SET left_out = row - 2 WHERE row > 2")
    summary = run.write(1)
    assert (summary.left_out, summary.by_group) == (2, ByGroup(done=1, fix_first=1, run_again=0))
    assert [error.status for error in summary.errors] == [Status.REJECTED]
    assert [(one.rows, one.fix_first, one.run_again, one.left_out) for one in summary.scopes] == [(4, 1, 0, 2)]
    assert [(one.rows, one.done, one.left_out) for one in summary.keys] == [(4, 1, 2)]
    assert run.read("outcomes.csv").count(b",not_attempted,,,not selected,0,") == 2
    assert run.read("retry.csv").count(b"\n") == 1


def test_with_the_rows_of_no_usable_project_the_projects_add_up_to_all_rows(make_run: MakeRun) -> None:
    """An invalid row may name none."""
    summary = make_run(MANIFEST, [Status.UPDATED, Status.INVALID, Status.INVALID, Status.FAILED]).write()
    assert (summary.rows_without_project, [scope.rows for scope in summary.scopes]) == (2, [2])


def test_hostile_text_is_printable_everywhere() -> None:
    """Whatever the service or the manifest says."""
    hostile = "\x1b[2J\u202e\n" + "x" * 2000
    outcome = Outcome(
        row=1, status=Status.FAILED, attempts=1, error_code=hostile, error_message=hostile, request_id=hostile
    )
    tally = Tally()
    tally.add(block_of(told(1, outcome, hostile)))
    summary = summary_of(
        tally,
        name=hostile,
        scopes=[ScopeCount(endpoint="e", project_id=hostile, region=hostile, stopped=hostile, rows=1, done=0)],
        sessions=[SessionRecord(id=1, started_at=0, ended_at=1, exit_code=3, stopped=hostile)],
    )
    text = msgspec.json.encode(summary).decode()
    assert r"\\x1b[2J\\u202e\\n" in text
    assert text.isprintable()
    assert len(text) < 11_000


@pytest.mark.parametrize(
    ("sessions", "wall_s", "rate"),
    [
        ((), 0, None),
        ((SessionRecord(id=1, started_at=0, ended_at=10, exit_code=1, stopped=None),), 10, 0.1),
        ((SessionRecord(id=1, started_at=10, ended_at=0, exit_code=1, stopped=None),), 0, None),
        (
            (
                SessionRecord(id=1, started_at=0, ended_at=10, exit_code=3, stopped="outage"),
                SessionRecord(id=1, started_at=90, ended_at=100, exit_code=1, stopped=None),
            ),
            20,
            0.05,
        ),
        (
            (
                SessionRecord(id=1, started_at=0, ended_at=None, exit_code=None, stopped=None),
                SessionRecord(id=1, started_at=90, ended_at=100, exit_code=1, stopped=None),
            ),
            10,
            None,
        ),
    ],
)
def test_a_rate_is_told_only_where_it_is_known(
    sessions: tuple[SessionRecord, ...], wall_s: float, rate: float | None
) -> None:
    """A session that was killed sent requests for a time that is not known."""
    tally = Tally()
    tally.add(block_of(told(1, GONE)))
    timing = summary_of(tally, sessions=sessions).timing
    assert (timing.wall_s, timing.rows_attempted_per_s, timing.sessions) == (wall_s, rate, len(sessions))


def test_the_job_is_told_in_the_words_of_its_options() -> None:
    """So that a command can be made of it again."""
    limits = Limits(rate=Rate.parse("200/5m"), max_failures=FailureLimit.parse("5%"))
    job = summary_of(Tally(), spec=JobSpec(limits=limits)).job
    assert (job.rate, job.max_failures) == ("200/5m", "5%")


def test_scopes_say_what_is_to_be_done_about_their_rows(make_run: MakeRun) -> None:
    """Three numbers that add up to the scope's rows."""
    [scope] = make_run(MANIFEST, [Status.UPDATED, GONE, Status.UNKNOWN, Status.FAILED]).write().scopes
    assert (scope.rows, scope.done, scope.fix_first, scope.run_again) == (4, 1, 1, 2)


def test_puts_are_counted_up_to_a_bound() -> None:
    """Rows with twenty and more stand together; a row that sent nothing is not among them."""
    tally = Tally()
    for row, attempts in enumerate((1, 1, 3, 20, 400, 0), 1):
        tally.add(block_of(told(row, msgspec.structs.replace(GONE, attempts=attempts))))
    assert [(count.attempts, count.rows) for count in summary_of(tally).attempts] == [(1, 2), (3, 1), (20, 2)]


def test_it_tells_of_each_session_how_its_requests_were_answered_and_of_each_key_that_is_held(
    make_run: MakeRun,
) -> None:
    """As the ledger has it, in printable words."""
    run = make_run(MANIFEST, [Status.UPDATED, Status.UPDATED, Status.NOT_ATTEMPTED, Status.NOT_ATTEMPTED])
    pace = PaceCell(at_s=0.0, width_s=1.0, sent=40, refused=2, unanswered=12, code="5\x1b", allowed_per_s=20.0)
    with run.opened() as (ledger, _):
        ledger.keep_pace([pace, msgspec.structs.replace(pace, at_s=1.0, code="other", unanswered=1)])
        ledger.begin_session(SessionStart(started_at=STARTED + 60))
        ledger.hold_key(1, KEY, "CSMS.0401: disabled\x07")
    summary = run.write(3)
    first, second = summary.sessions
    assert (first.requests, first.refused, first.unanswered, first.code) == (80, 4, 13, r"5\x1b")
    assert (second.requests, second.ended_at, second.exit_code, second.code) == (0, None, None, None)
    assert [(i.requests, i.allowed_per_s) for i in summary.over_time.intervals][:3] == [
        (40, 20.0),
        (40, 20.0),
        (0, None),
    ]
    [held] = summary.held_keys
    assert (held.kms_key_id, held.reason, held.rows) == (KEY, r"CSMS.0401: disabled\x07", 2)


def test_a_summary_of_an_earlier_release_can_be_read(make_run: MakeRun) -> None:
    """It lacks what was added since."""
    run = make_run(MANIFEST, [Status.UPDATED] * 4)
    run.write(0)
    document = json.loads(run.read("summary.json"))
    for added in ("sessions", "held_keys"):
        del document[added]
    for interval in document["over_time"]["intervals"]:
        for added in ("requests", "refused", "unanswered", "allowed_per_s"):
            del interval[added]
    assert msgspec.convert(document, Summary).sessions == ()


def test_the_published_schema_is_the_one_of_this_release() -> None:
    """Write it again with `make schema` when the summary gains a key."""
    assert (ROOT / "docs" / "summary.schema.json").read_bytes() == summary_schema()
