"""A run that a command looks at: open for as long as no run may use its directory, and the projects that it knows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from batch.cli.options import AuthOptions, LookOptions, PaceOptions
from batch.cli.origins import Origins
from batch.cli.screen import say
from batch.process.version import version
from jobs.ledger import Ledger
from jobs.ledger.record import JobRecord, read_record
from jobs.ledger.upgrade import reading
from jobs.model import Scope
from jobs.next_run import SoFar
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience

Source = TypeVar("Source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given(Generic[Source]):
    """The options of a command that looks at a run, or at what options name instead."""

    source: Source
    limits: PaceOptions
    auth: AuthOptions
    looking: LookOptions
    origins: Origins


@contextmanager
def run_to_look_at(path: Path, looking: LookOptions) -> Iterator[Ledger]:
    """The ledger of a run directory, which no run may be using as long as the block lasts.

    Raises:
        UsageError: it is not a run directory.
        LockHeldError: a run is using it.
    """
    directory = RunDirectory.find(path)
    with directory.lock("look", Patience(looking.wait, say)):
        directory.require_loaded()
        with reading(path, release=version()) as ledger:
            yield ledger


def projects_of(ledger: Ledger) -> dict[tuple[str, str], Scope]:
    """The projects of a run, by id and region as its rows have them."""
    return {
        (one.project_id, one.region or ""): Scope(endpoint=one.endpoint, project_id=one.project_id, region=one.region)
        for one in ledger.told.scopes()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRun:
    """The run of a directory, the job that it is, and how far that has come. Its ledger is a copy where it is of an
    earlier format.
    """

    directory: RunDirectory
    ledger: Ledger
    record: JobRecord
    so_far: SoFar


@contextmanager
def loaded_run(directory: RunDirectory) -> Iterator[LoadedRun]:
    """Opens it for the holder of its lock. To open a ledger and to count its rows means to read it: it is continued
    with this one.

    Raises:
        LedgerError: it has none, or one that cannot be read.
    """
    with reading(directory.path, release=version()) as ledger:
        yield LoadedRun(directory=directory, ledger=ledger, record=read_record(ledger), so_far=ledger.told.so_far())
