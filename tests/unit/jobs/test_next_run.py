"""What a run directory needs next, as a table."""

import pytest

from jobs.job_facts import differences
from jobs.next_run import Next, SoFar, next_run
from jobs.spec import Auth, JobSpec, Limits

PROJECT, OTHER = "0" * 32, "1" * 32


def so_far(again: int, *, in_doubt: int = 0, accepted: int = 0, failed: int = 0) -> SoFar:
    return SoFar(rows=10, again=again, failed=failed, in_doubt=in_doubt, sent=in_doubt + accepted, accepted=accepted)


@pytest.mark.parametrize(
    ("found", "same", "other"),
    [
        (so_far(10), Next.CONTINUE, Next.AFTER_NOTHING),
        (so_far(10, failed=10), Next.CONTINUE, Next.AFTER_NOTHING),
        (so_far(9, accepted=1), Next.CONTINUE, Next.REFUSE),
        (so_far(9, in_doubt=1), Next.CONTINUE, Next.REFUSE),
        (so_far(0, accepted=10), Next.NOTHING, Next.AFTER_DONE),
        (so_far(0), Next.NOTHING, Next.AFTER_DONE),
    ],
)
def test_a_job_continues_ends_or_gives_way_but_never_where_rows_may_have_changed(
    found: SoFar, same: Next, other: Next
) -> None:
    assert (next_run(found, same_job=True), next_run(found, same_job=False)) == (same, other)


@pytest.mark.parametrize(
    ("stored", "given", "said"),
    [
        (JobSpec(), JobSpec(), ()),
        (JobSpec(), JobSpec(auth=Auth.IAM, limits=Limits(burst=2)), ()),
        (JobSpec(project_id=PROJECT, project_found=True), JobSpec(), ()),
        (JobSpec(project_id=PROJECT, project_found=True), JobSpec(project_id=PROJECT), ()),
        (JobSpec(project_id=PROJECT), JobSpec(), (f"--project-id not given, the job's is {PROJECT}",)),
        (
            JobSpec(project_id=PROJECT, project_found=True),
            JobSpec(project_id=OTHER),
            (f"--project-id {OTHER}, the job's is {PROJECT}",),
        ),
        (
            JobSpec(region="cn-north-4"),
            JobSpec(region="eu-west-101", strict=True),
            ("--region eu-west-101, the job's is cn-north-4", "--strict True, the job's is False"),
        ),
    ],
)
def test_jobs_differ_in_what_they_ask_and_neither_in_limits_nor_in_login(
    stored: JobSpec, given: JobSpec, said: tuple[str, ...]
) -> None:
    assert tuple(map(str, differences(stored, given))) == said
