"""How rows are sent, seen from the service, in virtual time: order, rate, slots, the gate, scopes side by side."""

from itertools import pairwise
from pathlib import Path

import pytest

from batch.sandbox import faults
from batch.sandbox.assembly import Sandbox
from batch.sandbox.quota import ProjectQuota, parse_rate
from jobs.model import Status
from jobs.rate import Rate
from jobs.spec import Limits
from tests.engine.machine import Job, load_job, run_job
from tests.engine.rows import moves, project_of, small_service
from tests.kit.faults import slow
from tests.kit.records import Record, busiest_window, records_of
from tests.kit.scripts import Numbers, Outage, Updates
from tests.oracle import violations

LIMITS = Limits(rate=Rate(10.0), timeout_s=10.0)


def ran(folder: Path, sandbox: Sandbox, limits: Limits = LIMITS, **more: object) -> Job:
    """All secrets of a sandbox moved in one session, with nothing to object to."""
    job = load_job(folder / "run", sandbox, moves(sandbox))
    assert run_job(job, limits, **more) is not None  # type: ignore[arg-type] # handed on as it is
    assert violations(job.case(limits)) == []
    return job


def puts(job: Job, project_id: str | None = None) -> list[Record]:
    return [
        record
        for record in records_of(job.sandbox.journal)
        if record.method == "PUT" and project_id in {None, record.project_id}
    ]


def test_rows_of_a_scope_leave_in_manifest_order_and_evenly_spaced(folder: Path) -> None:
    sandbox = small_service(secrets=30)
    sent = puts(ran(folder, sandbox))
    assert [record.secret_name for record in sent] == project_of(sandbox).names
    # The first goes alone until the token has proved itself; from then on ten a second.
    gaps = [later.at_s - earlier.at_s for earlier, later in pairwise(sent[1:])]
    assert gaps == pytest.approx([0.1] * 28, abs=0.001)


@pytest.mark.parametrize(("rate", "burst", "most"), [("10/s", 1, 11), ("10/s", 5, 15), ("2.5/s", 1, 3), ("30/m", 2, 2)])
def test_no_second_sees_more_than_rate_and_burst(folder: Path, rate: str, burst: int, most: int) -> None:
    limits = Limits(rate=Rate.parse(rate), burst=burst, timeout_s=10.0)
    sandbox = small_service(secrets=60, faults=Numbers({n: faults.gateway_error(503) for n in range(5, 60, 4)}))
    job = ran(folder, sandbox, limits)
    assert busiest_window(records_of(job.sandbox.journal), 1.0) <= most


def test_a_burst_leaves_at_once_after_a_pause(folder: Path) -> None:
    limits = Limits(rate=Rate(10.0), burst=5, timeout_s=10.0)
    sent = puts(ran(folder, small_service(secrets=20), limits))
    assert busiest_window(sent[1:], 0.01) >= 4


def test_a_row_that_waits_for_its_retry_holds_no_slot(folder: Path) -> None:
    sandbox = small_service(secrets=20)
    first = project_of(sandbox).names[0]
    sandbox = small_service(
        secrets=20, faults=Updates({(first, attempt): faults.gateway_error(503) for attempt in (1, 2, 3, 4)})
    )
    limits = Limits(rate=Rate(10.0), concurrency=1, timeout_s=10.0)
    sent = puts(ran(folder, sandbox, limits))
    names = [record.secret_name for record in sent]
    assert names.count(first) == 5
    # Others left between its tries, one slot or not.
    last = len(names) - 1 - names[::-1].index(first)
    assert len({*names[:last]}) > 5


def test_one_429_shuts_the_gate_for_everybody_for_a_part_of_the_window(folder: Path) -> None:
    sandbox = small_service(secrets=40, faults=Numbers({10: faults.gateway_error(429)}))
    records = records_of(ran(folder, sandbox, Limits(rate=Rate(100.0), timeout_s=10.0)).sandbox.journal)
    refused = records[9]
    after = [record for record in records if record.at_s > refused.at_s + 0.1]
    assert 0.15 <= after[0].at_s - refused.at_s <= 0.5
    assert all(status is Status.UPDATED for status in _statuses(records, sandbox))


def _statuses(records: tuple[Record, ...], sandbox: Sandbox) -> list[Status]:
    done = {record.secret_name for record in records if record.method == "PUT" and record.status == 200}
    return [Status.UPDATED if name in done else Status.FAILED for name in project_of(sandbox).names]


def test_retry_after_is_kept_to(folder: Path) -> None:
    sandbox = small_service(secrets=20, faults=Numbers({5: faults.gateway_error(429, retry_after="7")}))
    records = records_of(ran(folder, sandbox).sandbox.journal)
    refused = records[4]
    assert not [record for record in records if refused.at_s + 0.2 < record.at_s < refused.at_s + 7.0]


def test_a_quota_that_the_service_names_is_never_met_again(folder: Path) -> None:
    sandbox = small_service(secrets=60, quota=ProjectQuota(parse_rate("4/s")))
    records = records_of(ran(folder, sandbox, Limits(rate=Rate(20.0), timeout_s=10.0)).sandbox.journal)
    refused = [record for record in records if record.status == 429]
    assert refused
    assert records[-1].at_s - refused[-1].at_s > 5.0


def test_a_dead_scope_does_not_slow_another(folder: Path) -> None:
    dead = small_service(secrets=40, projects=2)
    first, second = (project_of(dead, index).id for index in (0, 1))
    alive_alone = puts(ran(folder / "a", dead), second)
    sandbox = small_service(
        secrets=40, projects=2, faults=Outage(0.0, 60.0, faults.silence(applied=False), project_id=first)
    )
    job = ran(folder / "b", sandbox, Limits(rate=Rate(10.0), timeout_s=10.0, concurrency=2))
    beside = puts(job, second)
    assert beside[-1].at_s - beside[0].at_s == pytest.approx(alive_alone[-1].at_s - alive_alone[0].at_s, rel=0.1)
    assert {*job.statuses()} == {Status.UPDATED}


def test_open_requests_never_exceed_the_limit_over_all_scopes(folder: Path) -> None:
    sandbox = small_service(secrets=60, projects=3, faults=Outage(0.0, 9_999.0, slow(3.0)))
    job = ran(folder, sandbox, Limits(rate=Rate(0.0), concurrency=6, timeout_s=10.0))
    assert max(record.open for record in records_of(job.sandbox.journal)) == 6
