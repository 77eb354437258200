"""Brings the shards of one job together: which there are, whether they belong together, and all their rows."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from batch.cli.found_shards import FoundShards
from batch.cli.roll_call import RollCall
from batch.cli.screen import say
from batch.process.version import version
from jobs.job_facts import differences
from jobs.ledger import Ledger, LedgerError
from jobs.ledger.log_file import log_of
from jobs.ledger.merging import Merging
from jobs.ledger.record import JobRecord, PlanFacts, read_record, to_meta
from jobs.ledger.upgrade import reading
from jobs.manifest.loading import load
from jobs.manifest.source import ManifestCopy
from jobs.plan.opened import OpenedPlan, is_plan, open_plan
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.shard import Shard
from jobs.spec import JobSpec, UsageError
from reports.retry_file import manifest_copy

SOURCE = "source"
"""The folder with the manifest or the plan of a campaign, among what was fetched of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where the whole goes, and how; with `partial` also where shards are missing."""

    into: Path
    partial: bool
    json: bool
    network_ok: bool


class Shards:
    """The shards of one job, whose rows go into a ledger that is made in the folder `staged`."""

    def __init__(self, staged: Path, spool: Path, *, partial: bool) -> None:
        """With `partial`, a shard may be missing, and one that was given twice counts once. What had to be fetched of
        them lies in the folder `spool`.

        Raises:
            LedgerError: the ledger cannot be made.
        """
        self._staged = staged
        self._spool = spool
        self._roll_call = RollCall(partial=partial)
        self._merging = Merging(staged)
        self._found = FoundShards()
        self._first: tuple[Path, JobRecord, Shard] | None = None

    @property
    def count(self) -> int | None:
        """How many shards there are, once one was taken."""
        return None if self._first is None else self._first[2].count

    def take(self, directory: RunDirectory, patience: Patience) -> None:
        """Adds one.

        Raises:
            UsageError: it is not a shard of the same job.
            LockHeldError: a run is using it.
            LedgerError: its ledger cannot be read.
        """
        with directory.lock("look", patience):
            directory.require_loaded()
            with reading(directory.path, release=version()) as ledger:
                if ledger.loss:
                    say(ledger.loss)
                record = read_record(ledger)
                shard = self._enter(directory.path, ledger, record)
                # Closed it is one file, which is read without further locks and commits.
                ledger.close()
                if shard is not None:
                    if log_of(ledger.path).exists():
                        raise LedgerError(ledger.path, "its log cannot be folded back into it")
                    self._found.note_open(shard, self._merging.take(ledger.path))

    def finish(self) -> tuple[Path, JobRecord]:
        """Makes the ledger whole; returns where the manifest's copy is, and what the ledger knows of the job.

        Raises:
            UsageError: there are no shards, or some are missing, or so is the plan that says which of their rows run.
            LedgerError: the ledger cannot be written, or has a row twice.
        """
        if self._first is None:
            raise UsageError("no run directories to merge")
        folder, first, shard = self._first
        whole = first.spec.whole
        if self._roll_call.missing(shard.count, "their rows count as not attempted"):
            self._fill(manifest_copy(folder, first), whole, self._planned(first.plan))
        record = msgspec.structs.replace(first, spec=whole, rows_here=None, shards=tuple(self._found.all(shard.count)))
        self._merging.finish(to_meta(record))
        return folder / first.manifest.copy, record

    def abandon(self) -> None:
        """Lets go of a ledger that is not to be; safe to call twice."""
        self._merging.abandon()

    def _shard(self, path: Path, record: JobRecord) -> tuple[Shard, JobRecord]:
        """Which one it is, and the job of the first that was taken."""
        shard = record.spec.shard
        if shard is None:
            raise UsageError(f"{path}: not a shard: its run had no --shard")
        if self._first is None:
            self._first = path, record, shard
        elif reason := _other_job(record, shard, self._first[1], self._first[2]):
            raise UsageError(f"{path}: {reason}, that of {self._first[0]} is another")
        return shard, self._first[1]

    def _enter(self, path: Path, ledger: Ledger, record: JobRecord) -> Shard | None:
        """Which shard is to be taken; None where it is there already."""
        shard, first = self._shard(path, record)
        if not self._roll_call.enter(path, shard):
            return None
        self._found.note(shard, ledger, record, first)
        return shard

    def _planned(self, plan: PlanFacts | None) -> OpenedPlan | None:
        """What the plan of the run says of its rows; that of a campaign was fetched with it."""
        if plan is None:
            return None
        fetched = self._spool / SOURCE
        return open_plan(str(fetched) if is_plan(str(fetched)) else plan.folder, plan.sha256)

    def _fill(self, copy: ManifestCopy, whole: JobSpec, planned: OpenedPlan | None) -> None:
        """Adds the rows of shards that are missing, as the manifest has them."""
        folder = self._staged / "whole"
        folder.mkdir()
        load(copy, whole, folder, version=version(), on_problem=lambda _: None, planned=planned)
        with reading(folder, release=version()) as ledger:
            ledger.close()
            self._merging.fill(ledger.path)


def _other_job(record: JobRecord, shard: Shard, first: JobRecord, its: Shard) -> str | None:
    """In what two shards are not of the same job."""
    if record.manifest.sha256 != first.manifest.sha256:
        return f"its manifest is {record.manifest.name} with SHA-256 {record.manifest.sha256[:12]}..."
    if (plan := _sum_of_plan(record)) != _sum_of_plan(first):
        return "of no plan" if plan is None else f"its plan has the SHA-256 {plan[:12]}..."
    if shard.count != its.count:
        return f"one of {shard.count} shards"
    if record.version != first.version:
        return f"loaded by release {record.version}"
    return next(
        (f"--{one.option} {one.now}" for one in differences(first.spec, record.spec) if one.option != "shard"), None
    )


def _sum_of_plan(record: JobRecord) -> str | None:
    """Plans of one manifest may leave out other rows."""
    return None if record.plan is None else record.plan.sha256
