"""The shards of a campaign folder as run directories: the newest snapshot of each, one after the other."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from batch.cli.merging import SOURCE
from batch.cli.screen import say
from batch.fleet import campaign
from batch.fleet.campaign import Campaign
from batch.fleet.source import fetch_source
from batch.fleet.standing import Folder, ShardState
from batch.fleet.storage import Storage
from jobs.run_dir import names
from jobs.run_dir.run_dir import RunDirectory


def fetched(storage: Storage, job: Campaign, spool: Path, fetching: Callable[[int], None]) -> Iterator[RunDirectory]:
    """Yields those that have a snapshot; each but the first, which keeps the manifest, is removed before the next.
    `fetching` is called before each is fetched, with how many there are.

    Raises:
        StorageError: the folder cannot be read.
        UsageError: its manifest is not as it was put there.
    """
    _say_if_running(storage, job)
    found: dict[str, list[str]] = defaultdict(list)
    for name in storage.names(campaign.SNAPSHOT):
        of, _, snapshot = name.partition("/")
        found[of].append(snapshot)
    first: Path | None = None
    for shard in range(job.shards):
        last = campaign.last_snapshot(found[str(shard)])
        if last is None:
            continue
        folder = spool / str(shard)
        folder.mkdir()
        fetching(len(found))
        storage.download(campaign.snapshot(shard, *last), folder / names.LEDGER)
        if first is None:
            first = folder

            source = spool / SOURCE
            source.mkdir()
            fetch_source(storage, job, source).copy_to(folder)
        yield RunDirectory(folder)
        if folder != first:
            shutil.rmtree(folder)


def _say_if_running(storage: Storage, job: Campaign) -> None:
    if running := sum(one.state is ShardState.RUNNING for one in Folder(storage, job).all()):
        say(
            f"shards that still run: {running:,}; the report shows the last snapshot of each, and rows that it has sent"
            " since then may stand there as unknown"
        )
