"""The end of a run as a message for a chat: short, with the next command, without the name of a secret."""

from pathlib import Path

import msgspec
import pytest

from jobs.model import Outcome, Status
from jobs.spec import JobSpec
from reports import Summary
from reports.screen.chat import chat_text
from tests.unit.reports.runs import MakeRun

FOLDER = Path("/srv/night 1")
NAME = "canary/database"
MANIFEST = f"secret_name,kms_key_id\n{NAME},k\n{NAME}2,k\n{NAME}3,k\n".encode()
REFUSED = Outcome(
    row=0, status=Status.REJECTED, attempts=1, error_code="CSMS.9999", error_message=f"{NAME} is not allowed"
)


@pytest.fixture(scope="module")
def summary(make_run: MakeRun) -> Summary:
    """Of a run with a row in each group."""
    spec = JobSpec(endpoint="https://kms.example.com")
    return make_run(MANIFEST, [Status.UPDATED, REFUSED, Status.NOT_ATTEMPTED], spec=spec).write(3)


def lines(summary: Summary) -> list[str]:
    text = chat_text(summary, FOLDER)
    assert "canary" not in text
    return text.splitlines()


def test_it_tells_how_a_run_ended_its_counts_and_what_to_do_next(summary: Summary) -> None:
    stopped = msgspec.structs.replace(summary, stopped="--max-duration 60 s is over")
    corrected = "copy rejected.csv to corrected.csv, correct what is wrong in it, then run it"
    assert lines(stopped) == [
        "csms-rekey: secrets.csv: stopped early: --max-duration 60 s is over; 2 of 3 rows not done",
        "1 updated, 1 rejected, 1 not_attempted; exit code 3",
        "next: csms-rekey resume '/srv/night 1' (continue where it stopped)",
        f"next: csms-rekey run corrected.csv --endpoint https://kms.example.com ({corrected})",
    ]


def test_each_command_says_when_it_applies_and_no_more_of_the_service_than_its_code(summary: Summary) -> None:
    """After a refused right there are two, for two causes."""
    scope = msgspec.structs.replace(summary.scopes[0], done=0, stopped=f"CSMS.0302: {NAME} is denied")
    refused = msgspec.structs.replace(
        summary, scopes=(scope,), by_group=msgspec.structs.replace(summary.by_group, fix_first=0)
    )
    first, second = (line for line in lines(refused) if line.startswith("next: "))
    assert first == "next: csms-rekey resume '/srv/night 1' (once that is mended, continue where it stopped)"
    assert second.endswith(
        "(if the project is wrong instead, correct it, in the options or in the file; then run retry.csv)"
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (f"project p: CSMS.0301: token of {NAME} is invalid", ": the login was not accepted (CSMS.0301)"),
        (f"project p: CSMS.9999: {NAME} is odd", ""),
        ("the service has been down for 600 s", ": the service has been down for 600 s"),
    ],
)
def test_a_cause_is_named_in_our_own_words_or_not_at_all(summary: Summary, reason: str, words: str) -> None:
    stopped = msgspec.structs.replace(summary, stopped=reason)
    assert lines(stopped)[0] == f"csms-rekey: secrets.csv: stopped early{words}; 2 of 3 rows not done"


def test_a_run_with_all_done_is_two_lines(make_run: MakeRun) -> None:
    done = make_run(MANIFEST, [Status.UPDATED] * 3).write(0)
    assert lines(done) == ["csms-rekey: secrets.csv: all done: 3 rows", "3 updated; exit code 0"]


def test_what_would_drive_a_terminal_is_shown_harmless(summary: Summary) -> None:
    named = msgspec.structs.replace(summary.manifest, name="a\x1b[2J\nb.csv")
    assert all(line.isprintable() for line in lines(msgspec.structs.replace(summary, manifest=named)))
