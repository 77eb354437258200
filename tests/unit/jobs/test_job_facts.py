"""A job in the words of its options, and the words for what a session changes."""

import msgspec
import pytest

from jobs.job_facts import changed_options, job_facts, limits_of, with_changes
from jobs.rate import Rate
from jobs.spec import Auth, FailureLimit, JobSpec, Limits

JOB = JobSpec(auth=Auth.TOKEN, limits=Limits(rate=Rate(10.0)))
CHANGES = [
    Limits(rate=Rate(30.0), concurrency=8),
    Limits(rate=Rate.parse("unlimited"), timeout_s=7.5, max_failures=FailureLimit.parse("2%")),
    Limits(max_duration_s=3600.0, burst=4, grace_s=5.0),
]


@pytest.mark.parametrize("limits", CHANGES)
def test_what_a_session_changes_can_be_read_from_its_words(limits: Limits) -> None:
    now = msgspec.structs.replace(JOB, limits=limits, auth=Auth.IAM)
    assert with_changes(job_facts(JOB), " ".join(("--failed", *changed_options(now, JOB)))) == job_facts(now)


@pytest.mark.parametrize(
    "words", ["", "--failed", "--rate", "--burst many", "--new-option 3 --failed", "cut...", '"--rate']
)
def test_words_that_are_no_options_of_the_job_change_nothing(words: str) -> None:
    assert with_changes(job_facts(JOB), words) == job_facts(JOB)


def test_the_limits_of_a_job_are_its_rate_and_what_is_not_the_default() -> None:
    assert limits_of(job_facts(JOB)) == ("--rate", "10/s")
    job = JobSpec(endpoint="https://kms.example.com", limits=CHANGES[2])
    assert limits_of(job_facts(job)) == (*("--rate", "10/s", "--burst", "4", "--max-duration", "1h", "--grace", "5s"),)
