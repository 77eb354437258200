"""Makes a campaign folder of a manifest and its options, or takes up the one that is there."""

import hashlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from batch.cli.campaign_rows import looked_at
from batch.cli.campaigns import campaign_in
from batch.cli.screen import say
from batch.fleet import campaign
from batch.fleet.bounded import BoundedStorage
from batch.fleet.campaign import Campaign
from batch.fleet.source import source_files
from batch.fleet.storage import Storage
from batch.process.version import version
from jobs.job_facts import another_job
from jobs.manifest.incoming import Incoming
from jobs.plan.opened import PlannedManifest
from jobs.printable import counted
from jobs.problem import plain
from jobs.spec import JobSpec, UsageError
from reports import Exit


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a campaign is to do; `shards` where somebody says how many."""

    incoming: Incoming
    spec: JobSpec
    shards: int | None


def make_folder(uri: str, wanted: Wanted) -> int:
    """Makes the folder of a campaign whose shards are called by something else, or takes it up.

    Raises:
        UsageError: the folder holds another one, or the manifest cannot be used.
        StorageError: the folder cannot be read or written.
    """
    storage = BoundedStorage(uri)
    job = made_or_continued(storage, wanted, lambda: 1)
    size = f"{counted(job.rows, 'row')} in {counted(job.shards, 'shard')}"
    say(f"campaign {job.id}: {size}, in {storage.uri}; nothing was sent")
    say(f"each machine calls `csms-rekey fleet shard I --dir {storage.uri}`, I from 0 to {job.shards - 1}")
    return Exit.DONE


def made_or_continued(storage: Storage, wanted: Wanted, threads: Callable[[], int]) -> Campaign:
    """The campaign of a folder, which is made if there is none.

    Raises:
        UsageError: the folder holds another one, or the manifest cannot be used.
        StorageError: the folder cannot be read or written.
    """
    found = campaign_in(storage)
    with tempfile.TemporaryDirectory(prefix="csms-rekey-fleet-") as spool:
        if found is None:
            storage.require_exclusive()
            made = _made(storage, wanted, Path(spool), threads)
            if storage.create(campaign.CAMPAIGN, campaign.to_json(made)):
                return made
            found = campaign_in(storage)
            assert found is not None  # noqa: S101 - it is there, and none is ever taken away
        _require_same(storage, found, wanted, wanted.incoming.sha256(Path(spool)))
    _take_up(storage)
    return found


def _made(storage: Storage, wanted: Wanted, spool: Path, threads: Callable[[], int]) -> Campaign:
    copy = wanted.incoming.copy_to(spool)
    loaded, projects = looked_at(copy, wanted.incoming, wanted.spec, spool)
    # One for each thread of the cluster: the quota sets the pace, and that of a shard which waits is idle.
    shards = wanted.shards or max(1, min(projects, threads()))
    plan = wanted.incoming if isinstance(wanted.incoming, PlannedManifest) else None
    files = source_files(copy, None if plan is None else Path(plan.manifest))
    for path, described in files:
        storage.upload(path, campaign.source(described.name))
    made_at = time.time()
    return Campaign(
        format=campaign.FORMAT,
        release=version(),
        id=hashlib.sha256(f"{copy.sha256} {made_at!r}".encode()).hexdigest()[:16],
        made_at=made_at,
        shards=shards,
        rows=loaded.rows,
        spec=wanted.spec,
        manifest_name=copy.name,
        manifest_sha256=copy.sha256,
        plan_sha256=None if plan is None else plan.planned.sha256,
        files=tuple(described for _, described in files),
    )


def _require_same(storage: Storage, found: Campaign, wanted: Wanted, sha256: str) -> None:
    changed = list(another_job(wanted.spec, found.spec))
    if sha256 != found.manifest_sha256:
        changed.append(f"manifest {plain(wanted.incoming.manifest)}")
    login = ("auth", "agency", "profile", "accounts")
    changed += [f"--{name}" for name in login if getattr(wanted.spec, name) != getattr(found.spec, name)]
    if wanted.shards not in {None, found.shards}:
        changed.append(f"--shards {wanted.shards}, it has {found.shards}")
    if changed:
        raise UsageError(
            f"{plain(storage.uri)}: holds another campaign ({'; '.join(changed)}); nothing was sent:"
            " give the same manifest and options, or another --dir"
        )
    if found.release != version():
        raise UsageError(f"{plain(storage.uri)}: begun by release {found.release}, this is {version()}")


def _take_up(storage: Storage) -> None:
    """What was stopped or given up is tried again: somebody wants that."""
    if storage.get(campaign.STOP) is not None:
        storage.remove(campaign.STOP)
        say("the campaign was stopped, and continues now")
    for name in storage.names(campaign.GIVEN_UP):
        storage.remove(f"{campaign.GIVEN_UP}/{name}")
