"""A service that echoes the credential it was sent: nothing that a run keeps or shows has the credential in it."""

from pathlib import Path

import msgspec
import pytest

from batch.engine.session import Session
from jobs.rate import Rate
from jobs.spec import Limits
from tests.engine.machine import load_job, run_job
from tests.engine.rows import moves, small_service
from tests.kit.faults import canned
from tests.kit.scripts import Numbers

LIMITS = Limits(rate=Rate(20.0), timeout_s=10.0, max_attempts=2)


@pytest.mark.parametrize("before", [0, 460, 490])
@pytest.mark.parametrize(
    ("code", "status"), [("CSMS.0302", 403), ("CSMS.0401", 400), ("CSMS.0103", 400), ("APIG.0601", 500)]
)
def test_no_outcome_reason_or_view_holds_it(folder: Path, code: str, status: int, before: int) -> None:
    token = small_service().token
    body = msgspec.json.encode({"error_code": code, "error_msg": "~" * before + token})
    echo = canned(status, body)
    sandbox = small_service(faults=Numbers(dict.fromkeys(range(1, 100), echo)))
    assert sandbox.token == token
    job = load_job(folder / "run", sandbox, moves(sandbox))
    sessions = list[Session]()
    end = run_job(job, LIMITS, meanwhile=sessions.append)
    kept = b"".join(path.read_bytes() for path in job.folder.iterdir())
    assert code.encode() in kept
    assert token[:4].encode() not in kept
    assert token[:4] not in repr((end, sessions[0].look()))
