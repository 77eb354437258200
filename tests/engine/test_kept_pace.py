"""What stays on record of how a session's requests were answered, in virtual time."""

from pathlib import Path

from batch.sandbox import faults
from jobs.ledger import Ledger, PaceCell
from jobs.rate import Rate
from jobs.spec import Limits
from tests.engine.crash import CrashPoint
from tests.engine.machine import Job, load_job, run_job
from tests.engine.rows import moves, small_service
from tests.kit.records import records_of
from tests.kit.scripts import Numbers

LIMITS = Limits(rate=Rate(10.0), timeout_s=10.0)


def loaded(folder: Path, *, secrets: int) -> Job:
    """Of the first sixty requests every fourth meets a 504, a later one a 429."""
    script = Numbers({n: faults.gateway_error(504) for n in range(4, 61, 4)} | {90: faults.gateway_error(429)})
    sandbox = small_service(secrets=secrets, projects=2, faults=script)
    return load_job(folder / "run", sandbox, moves(sandbox))


def cells_of(job: Job) -> list[PaceCell]:
    with Ledger(job.folder) as ledger:
        return [cell for _, cell in ledger.told.pace()]


def test_every_request_is_counted_by_how_it_was_answered_beside_the_rate_of_all_projects(folder: Path) -> None:
    job = loaded(folder, secrets=200)
    run_job(job, LIMITS)
    cells = cells_of(job)
    records = records_of(job.sandbox.journal)
    assert sum(cell.sent for cell in cells) == len(records)
    assert (sum(cell.unanswered for cell in cells), sum(cell.refused for cell in cells)) == (15, 1)
    assert {cell.code for cell in cells if cell.unanswered} == {"504"}
    assert cells[1].allowed_per_s == 20.0


def test_a_killed_process_leaves_all_but_the_last_ten_seconds(folder: Path) -> None:
    job = loaded(folder, secrets=600)
    run_job(job, LIMITS, crash=CrashPoint("leaving", 500))
    crashed_s = records_of(job.sandbox.journal)[-1].at_s - records_of(job.sandbox.journal)[0].at_s
    assert crashed_s > 20
    assert crashed_s - 11 < cells_of(job)[-1].at_s <= crashed_s


def test_a_disk_that_breaks_ends_the_session_without_another_word_on_its_pace(folder: Path) -> None:
    job = loaded(folder, secrets=200)
    end = run_job(job, LIMITS, crash=CrashPoint("commit fails", 20))
    assert end is not None
    assert end.broken
    assert cells_of(job) == []
