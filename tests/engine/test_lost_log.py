"""A killed run whose write-ahead log is lost, resumed: every row is read first, and none is claimed to be untouched."""

from pathlib import Path

import msgspec
import pytest

from jobs.model import Status
from jobs.rate import Rate
from jobs.spec import Limits
from tests.engine.crash import CrashPoint
from tests.engine.machine import keys_of, load_job, run_job
from tests.engine.rows import moves, small_service

LIMITS = Limits(rate=Rate(20.0), timeout_s=10.0)


@pytest.mark.parametrize("moment", ["leaving", "arrived", "answered", "after commit"])
def test_rows_that_may_have_been_sent_end_verified_and_never_unchanged(tmp_path: Path, moment: str) -> None:
    sandbox = small_service(secrets=6, projects=1)
    before = keys_of(sandbox)
    asked = [
        msgspec.structs.replace(one, expected_kms_key_id=before[one.project_id, one.secret_name])
        for one in moves(sandbox)
    ]
    job = load_job(tmp_path / "run", sandbox, asked)
    assert run_job(job, LIMITS, crash=CrashPoint(moment, 5)) is None
    sandbox.exchange.settle(float("inf"))
    moved = {place for place, key in keys_of(sandbox).items() if key != before[place]}
    (job.folder / "ledger.db-wal").unlink()
    run_job(job, LIMITS, gap_s=120.0)
    expected = [Status.VERIFIED if (one.project_id, one.secret_name) in moved else Status.UPDATED for one in asked]
    assert job.statuses() == expected
    assert moved or moment == "leaving"
