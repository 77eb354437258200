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
from batch.cli.screen import say
from jobs.manifest.incoming import Incoming
from jobs.problem import one_line
from jobs.spec import JobSpec, SpecError, UsageError
from reports import Exit


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
    """Runs a manifest or a plan on an existing Dask cluster, or continues that; the workers have the logins. Without a
    scheduler it only makes the campaign folder, for machines that call `fleet shard` themselves.

    Args:
        manifest: As `run` takes it, or a directory that `plan` has made.
        plan_sha256: Run only the plan whose plan.json has this SHA-256.
    """
    if cluster.shards is not None and cluster.shards < 1:
        raise SpecError("shards", f"{cluster.shards} is too small, the least is 1")
    times = times_of(cluster.lease_times)
    spec, rows = _whole_job(manifest, (source, limits), auth, plan_sha256, _origins)
    if cluster.scheduler is None:
        return _only_made(cluster, spec, rows)
    try:
        from batch.cli.campaign_making import Wanted  # noqa: PLC0415 - an extra
        from batch.cli.fleet_running import run_campaign  # noqa: PLC0415 - the same
    except ImportError as error:
        raise UsageError(f"{one_line(error)}; install it with `pip install 'csms-rekey[dask]'`") from error
    return run_campaign(cluster.scheduler, cluster, Wanted(incoming=rows, spec=spec, shards=cluster.shards), times)


def _only_made(cluster: ClusterOptions, spec: JobSpec, rows: Incoming) -> int:
    """For machines that work on shards by themselves: with no scheduler, somebody has to say how many there are."""
    if cluster.shards is None:
        raise SpecError("shards", "say how many parts to make, or name a --scheduler")
    if cluster.into is not None:
        raise SpecError("into", "nothing is run without a --scheduler; merge the campaign folder afterwards")
    try:
        from batch.cli.campaign_making import Wanted, made_or_continued  # noqa: PLC0415 - an extra
        from batch.fleet.storage import Storage  # noqa: PLC0415 - the same
    except ImportError as error:
        raise UsageError(f"{one_line(error)}; install it with `pip install 'csms-rekey[fleet]'`") from error
    storage, shards = Storage(cluster.dir), cluster.shards
    job = made_or_continued(storage, Wanted(incoming=rows, spec=spec, shards=shards), lambda: shards)
    say(f"campaign {job.id}: {job.rows} rows in {job.shards} shards, in {storage.uri}")
    say(f"`csms-rekey fleet shard I --dir {storage.uri}` works on shard I; the first is 0, the last {job.shards - 1}")
    return Exit.DONE


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
    return msgspec.structs.replace(spec, agency=agency_of(auth.agency, auth.agency_domain)), rows
