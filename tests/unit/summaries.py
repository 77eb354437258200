"""A summary of a small run, for tests of what is made of one."""

import hashlib
from pathlib import Path

from jobs.ledger import Ledger, Loader, SessionStart
from jobs.ledger.record import JobRecord, ManifestFacts, to_meta
from jobs.model import Outcome, PlannedRow, Scope, SecretUpdate, Status
from jobs.spec import JobSpec
from reports import Summary, write_reports

_KEY = "11111111-2222-3333-4444-555555555555"
_SCOPE = Scope(endpoint="https://kms.example.com", project_id="a" * 32, region="eu-west-1")
_STARTED = 1_787_313_600.0  # 2026-08-21T12:00:00Z


def summary_of(parent: Path) -> Summary:
    """Of two rows, one done and one to run again."""
    folder = parent / "run"
    folder.mkdir()
    manifest = b"secret_name,kms_key_id\na,k\nb,k\n"
    (folder / "manifest.csv").write_bytes(manifest)
    loader = Loader(folder)
    updates = (SecretUpdate(secret_name=name, kms_key_id=_KEY) for name in "ab")
    loader.add(PlannedRow(row=row, scope=_SCOPE, update=update) for row, update in enumerate(updates, 1))
    facts = ManifestFacts(
        name="secrets.csv",
        copy="manifest.csv",
        sha256=hashlib.sha256(manifest).hexdigest(),
        size_bytes=len(manifest),
        rows=2,
    )
    record = JobRecord(version="0.1.0", spec=JobSpec(), manifest=facts, created_at=_STARTED)
    loader.finish(to_meta(record))
    with Ledger(folder) as ledger:
        ledger.begin_session(SessionStart(started_at=_STARTED))
        ended = (
            Outcome(row=row, status=status, attempts=1) for row, status in ((1, Status.UPDATED), (2, Status.FAILED))
        )
        ledger.commit(outcomes=list(ended))
        ledger.end_session(ended_at=_STARTED + 10, exit_code=1, stopped=None)
        return write_reports(folder, ledger, record, 1)
