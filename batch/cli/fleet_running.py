"""Runs a campaign on a cluster for a command, and says how all of it ended."""

from pathlib import Path

from batch.cli.campaign_making import Wanted, made_or_continued
from batch.cli.campaigns import who
from batch.cli.commands.merge import merge_campaign
from batch.cli.fleet_options import ClusterOptions
from batch.cli.fleet_screen import fleet_screen
from batch.cli.screen import say
from batch.fleet import campaign
from batch.fleet.bounded import BoundedStorage
from batch.fleet.campaign import Campaign
from batch.fleet.cluster import Cluster
from batch.fleet.lease import LeaseTimes
from batch.fleet.running import FleetEnd, Running
from batch.fleet.standing import Folder
from batch.fleet.storage import Storage
from batch.fleet.view import exit_code_of_all
from batch.process.signals import PROCESS_SIGNALS
from jobs.printable import counted
from reports import Exit


def run_campaign(where: ClusterOptions, scheduler: str, wanted: Wanted, times: LeaseTimes) -> int:
    """Makes or continues it, until nothing is left to do or can be done; the exit code.

    Raises:
        UsageError: folder, cluster or manifest cannot be used.
        StorageError: the folder cannot be read or written.
    """
    words = ("--wait=60s", *(() if where.lease_times is None else (f"--lease-times={where.lease_times}",)))
    storage = BoundedStorage(where.dir)
    cluster = Cluster(scheduler, where.security_dir)
    try:
        cluster.require_same_release()
        job = made_or_continued(storage, wanted, cluster.threads)
        say(f"campaign {job.id}: {counted(job.rows, 'row')} in {counted(job.shards, 'shard')}, in {storage.uri}")
        with PROCESS_SIGNALS.noting(), fleet_screen(say, where.progress) as screen:
            end = Running(
                Folder(storage, job),
                cluster,
                screen,
                still_s=times.still_s,
                words=words,
                asked_to_stop=_asked_to_stop,
            ).run()
    finally:
        cluster.close()
    return _ended(storage, job, end, where.into)


def _asked_to_stop() -> str | None:
    return None if PROCESS_SIGNALS.number is None else f"{who()}, {PROCESS_SIGNALS.number.name}"


def _ended(storage: Storage, job: Campaign, end: FleetEnd, into: Path | None) -> int:
    """What is merged says how the rows are; a shard that was given up, or a cluster that is lost, is a stop."""
    if end.left is not None:
        say(f"{end.left}; the same command continues the campaign")
        return _interrupted(end.exit_code)
    if PROCESS_SIGNALS.number is not None:
        say("the same command continues the campaign")
        # As a run does, it writes its report all the same.
        PROCESS_SIGNALS.hold()
    if into is not None and storage.names(campaign.SNAPSHOT):
        code = merge_campaign(storage, job, into)
    else:
        code = exit_code_of_all(Folder(storage, job).all())
        say(f"`csms-rekey merge {storage.uri} --into DIR` writes the report of the whole")
    return _interrupted(Exit.STOPPED_EARLY if end.given_up and code != Exit.DONE else code)


def _interrupted(code: int) -> int:
    return 128 + PROCESS_SIGNALS.number if code == Exit.STOPPED_EARLY and PROCESS_SIGNALS.number is not None else code
