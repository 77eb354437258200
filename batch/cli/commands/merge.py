"""`merge`: one report from the shards of a run."""

import shutil
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from batch.cli.merging import Shards, directories_of
from batch.cli.runs import exit_code_on_record
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


def merge(
    *shards: Path,
    into: Path,
    partial: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    allow_network_fs: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Puts the outcomes of all shards of a run into one directory, with one report, as if a single run had done them.

    Args:
        shards: Run directories of shards (--shard), or folders that hold them.
        into: Directory for the whole: new, empty, or of an earlier merge of the same run.
        partial: Merge even if shards are missing or given twice; rows of a missing shard count as not attempted.
        json: Print only summary.json on stdout.
        allow_network_fs: Allow the ledger on a network file system, such as NFS, SMB or FUSE.
    """
    directory = RunDirectory.claim(into, "", network_ok=allow_network_fs)
    patience = Patience(0.0, say)
    with PROCESS_SIGNALS.entering(
        lambda: directory.lock("merge", patience), directory.or_nothing, only_if=directory.made
    ):
        directory.sweep()
        _take_in(directory, tuple(shards), patience, partial=partial)
        with Ledger(directory.path) as ledger:
            record = read_record(ledger)
            code = exit_code_on_record(ledger, record)
            summary = write_reports(directory.path, ledger, record, code)
    if json:
        show_json(directory.path, summary)
    else:
        show(directory.path, summary, plain=False)
    return code


def _take_in(directory: RunDirectory, paths: tuple[Path, ...], patience: Patience, *, partial: bool) -> None:
    with directory.staging() as staged:
        shards = Shards(staged, partial=partial)
        try:
            for one in directories_of(paths):
                shards.take(one, patience)
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
