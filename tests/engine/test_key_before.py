"""The key before: listed before a scope's first PUT, kept with its row, and never in the way of what is to be sent."""

from pathlib import Path

import msgspec

from batch.sandbox.assembly import Sandbox
from jobs.ledger import Ledger
from jobs.model import Status
from jobs.rate import Rate
from jobs.spec import Before, Limits
from tests.engine.machine import Job, load_job, run_job
from tests.engine.rows import moves, project_of, small_service
from tests.kit.records import records_of
from tests.oracle import violations

LIMITS = Limits(rate=Rate(10.0), timeout_s=10.0)


def listing(folder: Path, sandbox: Sandbox, **row: object) -> Job:
    asked = [msgspec.structs.replace(one, **row) for one in moves(sandbox)]
    job = load_job(folder / "run", sandbox, asked)
    job.lists = Before.LIST
    return job


def told(job: Job) -> list[tuple[Status, str | None]]:
    with Ledger(job.folder) as ledger:
        return [(row.outcome.status, row.before_kms_key_id) for row in ledger.told.rows()]


def methods(job: Job) -> str:
    """One letter for each request: a list, a read, a PUT."""
    letters = {"PUT": "P", "GET": "r"}
    return "".join(letters[one.method] if one.secret_name else "L" for one in records_of(job.sandbox.journal))


def test_one_page_shows_all_keys_before(tmp_path: Path) -> None:
    sandbox = small_service(secrets=5)
    job = listing(tmp_path, sandbox)
    run_job(job, LIMITS)
    assert methods(job) == "LPPPPP"
    assert told(job) == [(Status.UPDATED, project_of(sandbox).key_ids.old)] * 5
    assert violations(job.case(LIMITS)) == []
