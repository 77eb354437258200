"""`fleet run`: one campaign on the machines of a Dask cluster."""

import msgspec

from batch.cli.commands.fleet_shard import times_of
from batch.cli.fleet_options import FLEET_LOGIN, ClusterOptions, FleetLoginOptions
from batch.cli.given import job_and_rows
from batch.cli.login import agency_of
from batch.cli.options import (
    LIMITS,
    SESSION,
    SOURCE,
    AuthOptions,
    JobFile,
    LimitOptions,
    ManifestOptions,
    ManifestPath,
)
from batch.cli.origins import NOWHERE, GivenOrigins, Origins
from jobs.manifest.incoming import Incoming
from jobs.problem import one_line
from jobs.spec import JobSpec, SpecError, UsageError


def run(
    manifest: ManifestPath,
    /,
    *,
    cluster: ClusterOptions,
    source: ManifestOptions = SOURCE,
    limits: LimitOptions = LIMITS,
    auth: FleetLoginOptions = FLEET_LOGIN,
    plan_sha256: str | None = None,
    _job: JobFile = None,
    _origins: GivenOrigins = NOWHERE,
) -> int:
    """Runs a manifest or a plan on an existing Dask cluster, or continues that; the workers have the logins.

    Without a scheduler, only makes the campaign folder, for machines that call `fleet shard` themselves.

    Args:
        manifest: As for run, or the directory of a plan.
        plan_sha256: Run only the plan whose plan.json has this SHA-256.
    """
    if cluster.shards is not None and cluster.shards < 1:
        raise SpecError("shards", f"{cluster.shards} is too small, the least is 1")
    if cluster.scheduler is None and (cluster.shards is None or cluster.into is not None):
        raise UsageError("without --scheduler, only the campaign folder is made: say --shards, and not --into")
    times = times_of(cluster.lease_times)
    spec, rows = _whole_job(manifest, (source, limits), auth, plan_sha256, _origins)
    try:
        from batch.cli.campaign_making import Wanted, make_folder  # noqa: PLC0415 - an extra

        wanted = Wanted(incoming=rows, spec=spec, shards=cluster.shards)
        if cluster.scheduler is None:
            return make_folder(cluster.dir, wanted)
        from batch.cli.fleet_running import run_campaign  # noqa: PLC0415 - another extra
    except ModuleNotFoundError as error:
        raise UsageError(f"{one_line(error)}; install csms-rekey with its extra `dask`") from error
    return run_campaign(cluster, cluster.scheduler, wanted, times)


def _whole_job(
    manifest: str,
    options: tuple[ManifestOptions, LimitOptions],
    auth: FleetLoginOptions,
    approved: str | None,
    origins: Origins,
) -> tuple[JobSpec, Incoming]:
    login = AuthOptions(auth=auth.auth, profile=auth.profile, accounts=auth.accounts)
    spec, rows = job_and_rows(manifest, (*options, login), SESSION, approved=approved, origins=origins)
    if spec.shard is not None:
        raise UsageError("--shard: a fleet makes all of them; say --shards for how many")
    if spec.wave_by is not None:
        raise UsageError("--wave-by: waves go over all projects, and a shard knows nothing of the others; use `run`")
    return msgspec.structs.replace(spec, agency=agency_of(auth.agency, auth.agency_domain)), rows
