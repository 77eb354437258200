"""What `run` and `go` were given to apply: a manifest and its options, or a plan, which brings its own."""

from batch.cli.between import with_waves
from batch.cli.job_asked_for import job_with, spec_of
from batch.cli.loading import incoming_of
from batch.cli.options import AuthOptions, LimitOptions, ManifestOptions, SessionOptions
from batch.cli.origins import Origins
from batch.cli.screen import say
from jobs.job_facts import differences
from jobs.manifest.incoming import Incoming
from jobs.plan.opened import OpenedPlan, PlannedManifest, is_plan, open_plan
from jobs.spec import JobSpec, UsageError


def job_and_rows(
    manifest: str,
    options: tuple[ManifestOptions, LimitOptions, AuthOptions],
    session: SessionOptions,
    *,
    approved: str | None,
    origins: Origins,
) -> tuple[JobSpec, Incoming]:
    """The job, and where its rows come from. Endpoint, projects and rows of a plan are its own; with `approved` only
    the plan whose `plan.json` has that SHA-256 is taken.

    Raises:
        UsageError: the plan cannot be used, is not the approved one, or an option asks for something else.
        SpecError: an option cannot be used.
    """
    source, *_ = options
    given = with_waves(session, spec_of(*options))
    if approved is None and not is_plan(manifest):
        return given, incoming_of(manifest)
    opened = open_plan(manifest, approved)
    return _job_of(opened, given, source, origins), PlannedManifest(opened)


def _job_of(opened: OpenedPlan, given: JobSpec, source: ManifestOptions, origins: Origins) -> JobSpec:
    job = opened.plan.job(given)
    for one in differences(job, job_with(source, job)):
        origin = origins.of(one.option)
        if origin is None or origin.kind == "flag":
            raise UsageError(f"--{one.option} {one.now}: a plan has its own; make another plan for that")
        say(f"{origin.name}: --{one.option} {one.now}: ignored, as a plan has its own")
    return job
