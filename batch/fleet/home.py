"""Where one machine keeps a shard: the run directory, and which lease its ledger was recorded under."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from batch.fleet import campaign
from batch.fleet.campaign import Campaign, SnapshotName
from jobs.ledger import Ledger, LedgerError
from jobs.ledger.copies import mark_behind
from jobs.ledger.record import read_record
from jobs.manifest.incoming import Incoming
from jobs.model import Count
from jobs.run_dir import names
from jobs.run_dir.durable import sweep_parts, sync_folder, whole_file
from jobs.run_dir.own_file import read_own
from jobs.run_dir.run_dir import RunDirectory
from reports import withdraw_summary

_MARK = "lease.json"
_SIDE_FILES = ("-wal", "-journal", "")


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The lease under which the ledger here was recorded last."""

    epoch: Count
    nonce: str


class Source(Protocol):
    """Where snapshots come from; each may raise an OSError."""

    def names(self, folder: str) -> tuple[str, ...]:
        """The files in a folder."""

    def download(self, name: str, file: Path) -> bool:
        """Copies one; False where there is none."""


def newer_than(mark: Mark | None, found: Iterable[str]) -> list[SnapshotName]:
    """The snapshots that know more than the ledger here, the newest first. An owner has a snapshot before its first
    PUT, so one that has none has changed nothing.
    """
    every = (one for one in map(SnapshotName.parse, found) if one is not None)
    return sorted((one for one in every if mark is None or one.epoch > mark.epoch), reverse=True)


class Home:
    """The folder of one shard of one campaign; only who holds the lock of its run directory changes it."""

    def __init__(self, work: Path, of: Campaign, shard: int) -> None:
        self.path = work / f"{of.id}-{shard}"
        self.run = self.path / "run"
        self.source = self.path / "source"
        self.whole = work / f"{of.id}-whole"
        """What all shards of the campaign share on this machine."""
        self._of = of
        self._shard = shard

    def make(self) -> None:
        """Makes it, if it is not there.

        Raises:
            OSError: it cannot be made.
        """
        for folder in (self.source, self.whole):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def sweep(self) -> None:
        """Removes what a killed process left half written."""
        sweep_parts(self.path)

    def mark(self) -> Mark | None:
        """What the ledger here was recorded under; None where there is none, or it is not known."""
        if not (self.run / names.LEDGER).is_file():
            return None
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode(read_own(self.path / _MARK), type=Mark)
        return None

    def sign(self, mark: Mark) -> None:
        """Says that from now on it is recorded under this lease.

        Raises:
            OSError: the disk is full or broken.
        """
        with whole_file(self.path / _MARK) as file:
            file.write(msgspec.json.encode(mark) + b"\n")

    def restore(self, source: Source, directory: RunDirectory, incoming: Incoming) -> str | None:
        """Puts the newest snapshot in place of a ledger that knows less; in words what was done.

        Raises:
            OSError: one cannot be read, or the disk is full or broken.
            LedgerError: there are some, and none can be used.
        """
        found = newer_than(self.mark(), source.names(f"{campaign.SNAPSHOT}/{self._shard}"))
        trouble: LedgerError | None = None
        for one in found:
            with directory.staging() as staged:
                file = staged / names.LEDGER
                if not source.download(campaign.snapshot(self._shard, *one), file):
                    continue
                try:
                    if trouble is not None:
                        mark_behind(file)
                    self._require_ours(staged)
                except LedgerError as error:
                    # Cut off on its way: the one before knows less, and must not be taken for the last word.
                    trouble = error
                    continue
                self._clear(directory)
                directory.take_in(staged, incoming.copy_to(staged).path.name)
            words = "" if trouble is None else f"; a newer one cannot be used: {trouble.reason}"
            return f"continues from snapshot {one.epoch}-{one.number}{words}"
        if trouble is not None:
            raise trouble
        return None

    def _require_ours(self, staged: Path) -> None:
        with Ledger(staged) as ledger:
            record = read_record(ledger)
            ledger.told.require_readable()
        shard = record.spec.shard
        if record.manifest.sha256 != self._of.manifest_sha256 or shard is None or shard.index != self._shard:
            raise LedgerError(staged / names.LEDGER, "of another campaign or shard")

    def _clear(self, directory: RunDirectory) -> None:
        """A ledger that is out of date goes before the new one comes, and first of all what says how new it is."""
        (self.path / _MARK).unlink(missing_ok=True)
        sync_folder(self.path)
        withdraw_summary(directory.path)
        for ending in _SIDE_FILES:
            (directory.path / f"{names.LEDGER}{ending}").unlink(missing_ok=True)
        sync_folder(directory.path)


def default_work() -> Path:
    """The user's state folder, or else the current one."""
    state = os.environ.get("XDG_STATE_HOME", "") or os.path.expanduser("~/.local/state")  # noqa: PTH111 - no home, no error
    return (Path(state) if Path(state).is_absolute() else Path.cwd()) / "csms-rekey" / "fleet"
