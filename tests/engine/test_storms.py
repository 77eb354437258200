"""A KMS key that the service blames: its other rows are left alone, until it proves to be good."""

import asyncio
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from batch.engine.session import Session
from batch.sandbox import faults
from batch.sandbox.faults import InjectedFault
from jobs.ledger import Ledger
from jobs.model import Status
from jobs.rate import Rate
from jobs.spec import Limits
from tests.engine.machine import load_job, run_job
from tests.engine.plans import Plan
from tests.engine.rows import moves, project_of, small_service
from tests.kit.faults import refusing, slow
from tests.kit.records import records_of
from tests.kit.scripts import Updates
from tests.oracle import violations

ON_ITS_WAY_S = 0.1
LIMITS = Limits(rate=Rate(10.0), timeout_s=10.0)


@pytest.mark.parametrize("rate", ["2/s", "10/s", "100/s"])
def test_after_three_answers_that_blame_a_key_nothing_more_leaves_for_it(folder: Path, rate: str) -> None:
    sandbox = small_service(secrets=40)
    keys = project_of(sandbox).key_ids
    rows = [msgspec.structs.replace(one, kms_key_id=keys.disabled) for one in moves(sandbox)]
    job = load_job(folder / "run", sandbox, rows)
    limits = msgspec.structs.replace(LIMITS, rate=Rate.parse(rate))
    run_job(job, limits)
    sent = [record for record in records_of(sandbox.journal) if record.kms_key_id == keys.disabled]
    third_answer_s = sorted(record.ended_s for record in sent if record.ended_s is not None)[2]
    assert all(record.at_s < third_answer_s + ON_ITS_WAY_S for record in sent)
    assert job.statuses().count(Status.REJECTED) == len(sent)
    assert job.statuses().count(Status.NOT_ATTEMPTED) == 40 - len(sent)
    assert violations(job.case(limits)) == []


def test_a_key_that_turns_out_good_has_all_its_rows_sent(folder: Path) -> None:
    sandbox = small_service(secrets=700)
    project = project_of(sandbox)
    names = project.names
    # The first proves the login with another key. The second is slow, and yes; three others meanwhile hear a no.
    plan = {(names[n], 1): refusing("CSMS.0401") for n in (2, 3, 4)} | {(names[1], 1): slow(3.0)}
    sandbox = small_service(secrets=700, faults=Updates(plan))
    first, *others = moves(sandbox)
    rows = [msgspec.structs.replace(first, kms_key_id=project.key_ids.default), *others]
    job = load_job(folder / "run", sandbox, rows)
    end = run_job(job, LIMITS)
    assert end is not None
    assert end.stopped is None
    assert job.statuses() == [Status.UPDATED] * 2 + [Status.REJECTED] * 3 + [Status.UPDATED] * 695
    assert violations(job.case(LIMITS)) == []
    with Ledger(job.folder) as ledger:
        told = [row.outcome for row in ledger.told.rows() if row.outcome.error_message]
    assert len(told) == 3


def test_a_row_of_a_released_key_never_leaves_before_its_intent_is_on_record(folder: Path) -> None:
    """Some were read first, and their key was held when their turn to be written came."""
    sandbox = small_service(secrets=40)
    project = project_of(sandbox)
    plan = {(project.names[n], 1): refusing("CSMS.0401") for n in (21, 22, 23)}
    sandbox = small_service(secrets=40, faults=Updates(plan | {(project.names[20], 1): slow(3.0)}))
    old = project.key_ids.old
    rows = [
        one if 21 <= one.row <= 24 else msgspec.structs.replace(one, expected_kms_key_id=old) for one in moves(sandbox)
    ]
    job = load_job(folder / "run", sandbox, rows)
    limits = msgspec.structs.replace(LIMITS, rate=Rate(200.0))
    run_job(job, limits)
    assert job.statuses().count(Status.REJECTED) == 3
    assert job.statuses().count(Status.UPDATED) == 37
    assert violations(job.case(limits)) == []


@pytest.mark.parametrize("fault", [faults.gateway_error(403), refusing("CSMS.0401")])
def test_what_an_earlier_session_was_accepted_with_is_no_storm_in_a_resume(folder: Path, fault: InjectedFault) -> None:
    """Ten rows in a row that are refused each for itself stop nothing in one go, and so nothing after a stop."""
    rows = 60
    names = project_of(small_service(secrets=rows)).names
    sandbox = small_service(secrets=rows, faults=Plan({("write", name, 1): fault for name in names[10:20]}))
    job = load_job(folder / "run", sandbox, moves(sandbox))
    limits = Limits(rate=Rate(10.0), concurrency=1)

    def stop_early(session: Session) -> None:
        asyncio.get_running_loop().call_later(0.95, session.stop, "told to")

    run_job(job, limits, meanwhile=stop_early)
    assert Counter(job.statuses())[Status.UPDATED] > 5
    run_job(job, limits)
    assert Counter(job.statuses()) == {Status.UPDATED: rows - 10, Status.REJECTED: 10}
    assert violations(job.case(limits)) == []
