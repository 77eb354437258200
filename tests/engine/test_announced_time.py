"""The time that is announced before a run, against what the run takes in virtual time."""

from pathlib import Path

import msgspec
import pytest

from batch.sandbox.lists import ListStyle
from jobs.ledger import Ledger
from jobs.ledger.forecast import asks_of, forecast
from jobs.rate import Rate
from jobs.spec import Before, JobSpec, Limits
from tests.engine.machine import load_job, run_job
from tests.engine.rows import moves, project_of, small_service
from tests.kit.records import records_of

LIMITS = Limits(rate=Rate(10.0), timeout_s=10.0)
SECRETS = 200
OLD = project_of(small_service()).key_ids.old


@pytest.mark.parametrize(
    ("page_size", "waves", "before", "guarded"),
    [
        (1_000, 0, Before.OFF, False),
        (1_000, 0, Before.LIST, True),
        (50, 0, Before.LIST, False),
        (50, 0, Before.LIST, True),
        (50, 3, Before.LIST, True),
        (50, 3, Before.OFF, False),
    ],
)
def test_the_announced_time_counts_pages_reads_waves_and_soaks(
    tmp_path: Path, page_size: int, waves: int, before: Before, *, guarded: bool
) -> None:
    sandbox = small_service(secrets=SECRETS, projects=2, lists=ListStyle(page_size=page_size))
    # The second project has rows in the last wave only.
    asked = [
        msgspec.structs.replace(
            one,
            wave=f"w{min(one.row * waves // (SECRETS // 2), waves)}" if waves else None,
            expected_kms_key_id=project_of(sandbox, one.row > SECRETS // 2).key_ids.old if guarded else None,
        )
        for one in moves(sandbox)
    ]
    job = load_job(tmp_path / "run", sandbox, asked)
    job.lists = before
    limits = msgspec.structs.replace(LIMITS, soak_s=40.0) if waves else LIMITS
    with Ledger(job.folder) as ledger:
        spec = JobSpec(endpoint="https://csms.example", before=before, limits=limits, wave_by="w" if waves else None)
        announced_s = forecast(asks_of(ledger), spec).expected_s
    assert run_job(job, limits) is not None
    sent = [one.at_s for one in records_of(sandbox.journal)]
    assert announced_s is not None
    assert len([one for one in records_of(sandbox.journal) if one.method == "PUT"]) == SECRETS
    assert announced_s / 1.05 <= sent[-1] - sent[0] <= announced_s * 1.05
