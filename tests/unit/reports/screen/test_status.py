import msgspec
import pytest

from jobs.ledger import ScopeCount
from jobs.model import Status, StatusCount
from reports.screen.status import Standing, standing_json, status_lines

SCOPE = ScopeCount(endpoint="https://kms.example.com", project_id="p", region=None, stopped=None, rows=10, done=4)
COUNTS = tuple(
    StatusCount(status=status, rows={Status.UPDATED: 4, Status.NOT_ATTEMPTED: 6}.get(status, 0)) for status in Status
)


def test_a_run_that_is_going() -> None:
    """Rows without an outcome are still to come."""
    standing = Standing(at=1_787_313_600.0, running=True, rows=10, counts=COUNTS, scopes=(SCOPE,))
    standing = msgspec.structs.replace(standing, pace="34 rows/s", trouble=("project p: slow\x07", "and 1 more"))
    assert list(status_lines(standing, 1_787_313_602.0)) == [
        "state: running",
        "as_of: 2026-08-21T12:00:00.000Z (2 s ago)",
        "rows: 10",
        "updated: 4 (done)",
        "open: 6 (to come)",
        "project: https://kms.example.com p 4 of 10 done",
        "pace: 34 rows/s",
        r"trouble: project p: slow\x07",
        "trouble: and 1 more",
    ]


@pytest.mark.parametrize(
    ("exit_code", "stopped", "state"),
    [
        (3, "outage\x1b[2J", r"stopped: outage\x1b[2J"),
        (1, None, "ended"),
        (None, None, "killed: no end recorded; resume it"),
    ],
)
def test_a_run_that_has_ended(exit_code: int | None, stopped: str | None, state: str) -> None:
    """Rows without an outcome are to be run again."""
    standing = Standing(at=0, running=False, rows=10, counts=COUNTS, exit_code=exit_code, stopped=stopped)
    lines = list(status_lines(standing, -1.0))
    assert lines[:2] == [f"state: {state}", "as_of: 1970-01-01T00:00:00.000Z (0 s ago)"]
    assert "not_attempted: 6 (run again)" in lines


def test_a_run_that_has_ended_says_when() -> None:
    """The moment of its end, not of the question."""
    ended_at = 1_787_313_600.0
    standing = Standing(at=ended_at + 7_500, ended_at=ended_at, running=False, rows=10, counts=COUNTS, exit_code=0)
    lines = list(status_lines(standing, ended_at + 7_500))
    assert lines[:2] == ["state: ended", "ended: 2026-08-21T12:00:00.000Z (2 h 05 min ago)"]


def test_a_run_that_has_stopped_says_what_is_to_be_mended() -> None:
    """Before anyone resumes it and meets the same."""
    standing = Standing(at=0, running=False, rows=10, counts=COUNTS, mend=("the login was not accepted: get another",))
    assert "mend: the login was not accepted: get another" in list(status_lines(standing, 0.0))


def test_each_command_stands_with_when_it_applies() -> None:
    standing = Standing(
        at=0, running=False, rows=10, counts=COUNTS, next=("a b", "c"), next_when=("once that is mended", "if not")
    )
    assert list(status_lines(standing, 0.0))[-2:] == ["next: a b (once that is mended)", "next: c (if not)"]


def test_for_a_program_it_is_a_document_like_the_others() -> None:
    """With the name of its schema, and with moments as summary.json has them."""
    standing = Standing(at=1_787_313_600.5, ended_at=1_787_313_600.0, running=False, rows=10, counts=COUNTS)
    told = msgspec.json.decode(standing_json(standing))
    assert (told["schema"], told["at"]) == ("csms-rekey/status/2", "2026-08-21T12:00:00.500Z")
    assert told["ended_at"] == "2026-08-21T12:00:00.000Z"
    going = msgspec.structs.replace(standing, ended_at=None, running=True)
    assert msgspec.json.decode(standing_json(going))["ended_at"] is None


def test_a_stopped_project_says_why() -> None:
    """In one line, whatever the reason holds."""
    scope = ScopeCount(endpoint="e", project_id="p", region=None, stopped="refused\nagain", rows=1, done=0)
    standing = Standing(at=0, running=True, rows=1, counts=COUNTS, scopes=(scope,))
    assert list(status_lines(standing, 0))[-1] == r"project: e p 0 of 1 done, stopped: refused\nagain"
