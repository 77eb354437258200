"""`merge`: one report from the shards of a run, a plan, a verification or a retirement."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from batch.cli.merging import Shards, Way
from batch.cli.runs import exit_code_on_record
from batch.cli.screen import say, show, show_json
from batch.process.version import version
from jobs.ledger import Ledger
from jobs.ledger.record import JobRecord, read_record
from jobs.ledger.upgrade import reading
from jobs.run_dir.look_dir import LookDirectory
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
    """Puts the shards of a run, a plan, a verification or a retirement into one directory, with one report, as if there
    had been no shards.

    Args:
        shards: Directories of shards (--shard), all of one kind, or folders that hold them.
        into: Directory for the whole: new, empty, or one of an earlier merge of the same; a plan takes a new one.
        partial: Merge although shards are missing or given twice; what belongs to a missing one counts as not
            attempted, or not looked at.
        json: Print the result as JSON on stdout, and nothing else there.
        allow_network_fs: Keep the ledger on NFS, SMB, FUSE and the like all the same.
    """
    runs, looks = _sorted_out(shards)
    way = Way(into=into, partial=partial, json=json, network_ok=allow_network_fs)
    if not looks:
        return _merge_runs(runs, way)
    if runs:
        raise UsageError(f"{runs[0].path}: a run, and {looks[0].path} is none; merge those of one kind")
    from batch.cli.merge_of_looks import merge_looks  # noqa: PLC0415 - a merge of runs does without

    return merge_looks(looks, way)


def _sorted_out(paths: Sequence[Path]) -> tuple[list[RunDirectory], list[LookDirectory]]:
    """The directories that are named, and those in folders that are named: of runs, and of what only looks."""
    runs: list[RunDirectory] = []
    looks: list[LookDirectory] = []
    for path in paths:
        if (look := LookDirectory.find(path)) is not None:
            looks.append(look)
            continue
        found = RunDirectory.within(path)
        # In a run directory there may be looks at that run.
        beside = () if RunDirectory.is_one(path) else LookDirectory.within(path)
        runs += found if found or beside else (RunDirectory.find(path),)
        looks += beside
    return runs, looks


def _merge_runs(runs: Sequence[RunDirectory], way: Way) -> int:
    directory = RunDirectory.claim(way.into, "", network_ok=way.network_ok)
    patience = Patience(0.0, say)
    with directory.lock("merge", patience), directory.or_nothing():
        directory.sweep()
        _take_in(directory, runs, patience, partial=way.partial)
        with Ledger(directory.path) as ledger:
            record = read_record(ledger)
            code = exit_code_on_record(ledger, record)
            summary = write_reports(directory.path, ledger, record, code)
    if way.json:
        show_json(directory.path, summary)
    else:
        show(directory.path, summary, plain=False)
    return code


def _take_in(directory: RunDirectory, runs: Sequence[RunDirectory], patience: Patience, *, partial: bool) -> None:
    with directory.staging() as staged:
        shards = Shards(staged, partial=partial)
        try:
            for one in runs:
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
