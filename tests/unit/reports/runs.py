"""Run directories in which every row has ended as a test wants it to, for tests of what is reported of them."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from jobs.ledger import Ledger, Loader, SessionStart
from jobs.ledger.record import JobRecord, ManifestFacts, read_record, to_meta
from jobs.model import InvalidRow, Outcome, PlannedRow, Scope, SecretUpdate, Status
from jobs.spec import JobSpec
from reports import Summary, write_reports

KEY = "11111111-2222-3333-4444-555555555555"
SCOPE = Scope(endpoint="https://kms.example.com", project_id="a" * 32, region="eu-west-1")
STARTED = 1_787_313_600.0  # 2026-08-21T12:00:00Z


class Run:
    """A run directory with a loaded ledger, in which every row has ended as it was told to."""

    def __init__(self, folder: Path, record: JobRecord, outcomes: Sequence[Outcome], names: Sequence[str]) -> None:
        self.folder = folder
        loader = Loader(folder)
        loader.add(_loaded(outcome, name) for outcome, name in zip(outcomes, names, strict=True))
        loader.finish(to_meta(record))
        with Ledger(folder) as ledger:
            ledger.begin_session(SessionStart(started_at=STARTED))
            ledger.commit(outcomes=[o for o in outcomes if o.status not in {Status.INVALID, Status.NOT_ATTEMPTED}])
            ledger.end_session(ended_at=STARTED + 10, exit_code=1, stopped=None)

    @contextmanager
    def opened(self) -> Iterator[tuple[Ledger, JobRecord]]:
        """The ledger and what it knows of the job."""
        with Ledger(self.folder) as ledger:
            yield ledger, read_record(ledger)

    def write(self, exit_code: int = 1) -> Summary:
        """Writes all reports."""
        with self.opened() as (ledger, record):
            return write_reports(self.folder, ledger, record, exit_code)

    def read(self, name: str) -> bytes:
        """The bytes of a file in the run directory."""
        return (self.folder / name).read_bytes()


class MakeRun(Protocol):
    """Makes a run in a new folder, of the manifest's bytes and how each row is to end, numbered from 1."""

    def __call__(
        self,
        manifest: bytes,
        outcomes: Sequence[Outcome | Status],
        *,
        copy: str = "manifest.csv",
        spec: JobSpec | None = None,
        names: Sequence[str] | None = None,
    ) -> Run: ...


def run_maker(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """What makes run directories, each in a new folder."""

    def make(
        manifest: bytes,
        outcomes: Sequence[Outcome | Status],
        *,
        copy: str = "manifest.csv",
        spec: JobSpec | None = None,
        names: Sequence[str] | None = None,
    ) -> Run:
        folder = tmp_path_factory.mktemp("run")
        (folder / copy).write_bytes(manifest)
        ended = [
            Outcome(row=row, status=outcome, attempts=1)
            if isinstance(outcome, Status)
            else msgspec.structs.replace(outcome, row=row)
            for row, outcome in enumerate(outcomes, 1)
        ]
        facts = ManifestFacts(
            name="secrets.csv",
            copy=copy,
            sha256=hashlib.sha256(manifest).hexdigest(),
            size_bytes=len(manifest),
            rows=len(ended),
        )
        record = JobRecord(version="0.1.0", spec=spec or JobSpec(), manifest=facts, created_at=STARTED)
        return Run(folder, record, ended, names or [f"name-{outcome.row}" for outcome in ended])

    return make


def _loaded(outcome: Outcome, name: str) -> PlannedRow | InvalidRow:
    if outcome.status is not Status.INVALID:
        return PlannedRow(row=outcome.row, scope=SCOPE, update=SecretUpdate(secret_name=name, kms_key_id=KEY))
    return InvalidRow(
        row=outcome.row,
        secret_name=name,
        kms_key_id=KEY,
        region="",
        project_id="",
        column=outcome.error_code or "secret_name",
        reason=outcome.error_message or "not a name",
    )
