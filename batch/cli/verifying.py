"""What a verification is about: the rows of a run that is over, or of a manifest, and how to ask for them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from batch.cli.accounts import assign_accounts
from batch.cli.continuing import require_same_job
from batch.cli.job_asked_for import limits_of, spec_of
from batch.cli.loading import incoming_of, load_to_run
from batch.cli.login import open_access, with_project
from batch.cli.options import RowsOptions
from batch.cli.questions import VerifyQuestion
from batch.cli.run_to_look_at import Given, projects_of, run_to_look_at
from batch.csms.access import Access
from jobs.ledger import Ledger, ToldRow
from jobs.ledger.record import JobRecord, read_record
from jobs.model import Scope, Status
from jobs.printable import printable
from jobs.run_dir.look_dir import LookDirectory
from jobs.sightings import Sightings, Wanted
from jobs.spec import JobSpec, Limits

INVALID, NOT_SELECTED, CARRIED = "invalid", "not selected", "the plan could not do it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a ledger that is open, and how to ask for them. `run_dir` is where they are from, if from a run."""

    ledger: Ledger
    record: JobRecord
    access: Access
    limits: Limits
    run_dir: Path | None = None

    @property
    def question(self) -> VerifyQuestion:
        """What is asked about them."""
        facts = self.record.manifest
        run_dir = None if self.run_dir is None else printable(str(self.run_dir))
        return VerifyQuestion(spec=self.record.spec, manifest=facts.name, manifest_sha256=facts.sha256, run_dir=run_dir)

    def note(self, sightings: Sightings, directory: LookDirectory) -> None:
        """Records the rows in the sightings. A shard keeps the manifest: it has the rows of the others too."""
        sightings.want(self.wanted())
        if self.record.spec.shard is not None:
            folder = self.run_dir or self.ledger.path.parent
            with suppress(FileNotFoundError):
                directory.keep_source(folder / self.record.manifest.copy)

    def wanted(self) -> Iterator[Wanted]:
        """Every row, in manifest order; those that are not asked for say why."""
        return wanted_in(self.ledger)


@contextmanager
def rows_of_run(path: Path, given: Given[RowsOptions]) -> Iterator[Rows]:
    """The rows of a run directory, which no run may be using; it is not kept longer than the block.

    Raises:
        UsageError: it is not a run directory, or options ask for another job.
        LockHeldError: a run is using it.
    """
    with run_to_look_at(path, given.looking) as ledger:
        record = read_record(ledger)
        require_same_job(record.spec, given.source, given.origins)
        access = open_access(given.auth, record.spec)
        assign_accounts(access, ledger)
        merged = limits_of(given.limits, record.spec.limits)
        yield Rows(ledger=ledger, record=record, access=access, limits=merged, run_dir=path)


@contextmanager
def rows_of_manifest(manifest: str, given: Given[RowsOptions]) -> Iterator[Rows]:
    """The rows of a manifest, loaded as a run would.

    Raises:
        UsageError: it cannot be used.
        CredentialError: there is no login, or a project that it needs cannot be found.
    """
    spec = spec_of(given.source, given.limits, given.auth)
    with loaded_rows(manifest, spec, open_access(given.auth, spec)) as rows:
        yield rows


@contextmanager
def loaded_rows(manifest: str, spec: JobSpec, access: Access) -> Iterator[Rows]:
    """The rows of a manifest in a ledger that lasts as long as the block.

    Raises:
        UsageError: it cannot be used.
        CredentialError: a project that it needs cannot be found.
    """
    spec, no_project = with_project(spec, access)
    with tempfile.TemporaryDirectory(prefix="csms-rekey-verify-") as name:
        folder = Path(name)
        load_to_run(incoming_of(manifest), spec, folder, no_project)
        with Ledger(folder) as ledger:
            assign_accounts(access, ledger)
            yield Rows(ledger=ledger, record=read_record(ledger), access=access, limits=spec.limits)


def wanted_in(ledger: Ledger) -> Iterator[Wanted]:
    """Every row of a ledger, in manifest order."""
    scopes = projects_of(ledger)
    return (_wanted(row, scopes.get((row.project_id, row.region))) for row in ledger.told.rows())


def _wanted(row: ToldRow, scope: Scope | None) -> Wanted:
    note = None
    if row.left_out:
        note = CARRIED if row.carried else NOT_SELECTED
    elif row.outcome.status is Status.INVALID or scope is None:
        note = INVALID
    return Wanted(
        row=row.outcome.row,
        project=scope if note is None else None,
        name=row.secret_name,
        kms_key_id=row.kms_key_id,
        project_id=row.project_id,
        region=row.region,
        note=note,
    )
