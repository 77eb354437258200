"""`merge`: one report from the shards of a run, a plan, a verification or a retirement."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from batch.cli.merge_screen import MergeScreen, merge_screen
from batch.cli.merging import Shards, Way
from batch.cli.named_shards import Found, NamedShards
from batch.cli.screen import say, show, show_json
from batch.process.signals import PROCESS_SIGNALS
from batch.process.version import version
from jobs.ledger import Ledger
from jobs.ledger.record import JobRecord, read_record
from jobs.ledger.upgrade import reading
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.spec import UsageError
from reports import withdraw_summary, write_reports

if TYPE_CHECKING:
    from batch.fleet.campaign import Campaign
    from batch.fleet.storage import Storage


def merge(
    *shards: str,
    into: Path,
    partial: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    allow_network_fs: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Puts the shards of a run, a plan, a verification or a retirement into one directory, with one report, as if there
    had been no shards.

    Args:
        shards: Directories of shards (--shard), all of one kind; folders that hold them; or a campaign folder.
        into: Directory for the whole: new, empty, or of an earlier merge of the same; a plan needs a new one.
        partial: Merge even if shards are missing or given twice; rows of a missing shard count as not attempted, and
            its projects as not read.
        json: Print only the result, as JSON on stdout.
        allow_network_fs: Allow the ledger on a network file system, such as NFS, SMB or FUSE.
    """
    named = NamedShards.at(shards)
    way = Way(into=into, partial=partial, json=json, network_ok=allow_network_fs)
    if named.looks:
        from batch.cli.merge_of_looks import merge_looks  # noqa: PLC0415 - a merge of runs does without

        return merge_looks(named.looks_alone(), way)
    return _merge(named.runs, way)


def merge_campaign(storage: "Storage", job: "Campaign", into: Path) -> int:
    """The same for a campaign that was stopped, or is over; the exit code of the whole."""
    from batch.cli.fetching import fetched  # noqa: PLC0415 - an extra

    way = Way(into=into, partial=True, json=False, network_ok=False)
    return _merge(lambda spool, screen: fetched(storage, job, spool, screen.fetching), way)


def _merge(found: Found, way: Way) -> int:
    directory = RunDirectory.claim(way.into, "", network_ok=way.network_ok)
    patience = Patience(0.0, say)
    with PROCESS_SIGNALS.entering(
        lambda: directory.lock("merge", patience), directory.or_nothing, only_if=directory.made
    ):
        directory.sweep()
        with merge_screen(progress=not way.json) as screen:
            _take_in(directory, found, patience, screen, partial=way.partial)
            with Ledger(directory.path, just_made=True) as ledger:
                summary = write_reports(directory.path, ledger, read_record(ledger), None)
    if way.json:
        show_json(directory.path, summary)
    else:
        show(directory.path, summary, plain=False)
    return summary.exit_code


def _take_in(directory: RunDirectory, found: Found, patience: Patience, screen: MergeScreen, *, partial: bool) -> None:
    with directory.staging() as staged, directory.staging() as spool:
        shards = Shards(staged, spool, partial=partial)
        try:
            for one in found(spool, screen):
                screen.taking(shards.count)
                shards.take(one, patience)
            screen.writing()
            manifest, record = shards.finish()
        finally:
            shards.abandon()
        _require_same_run(directory, record)
        # From here on that of an earlier merge is not true any more.
        withdraw_summary(directory.path)
        shutil.copyfile(manifest, staged / manifest.name)
        directory.take_in(staged, manifest.name)


def _require_same_run(directory: RunDirectory, record: JobRecord) -> None:
    if not directory.loaded:
        return
    with reading(directory.path, release=version()) as ledger:
        found = read_record(ledger)
    if not found.shards:
        raise UsageError(f"{directory.path}: holds a run, not a merge; give another --into")
    if found.manifest.sha256 != record.manifest.sha256:
        raise UsageError(f"{directory.path}: holds the merge of another run; give another --into")
