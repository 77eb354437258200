"""Refusals that may be true of a row or only of this moment: a right, a key, a project, a proxy in between."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from batch.engine.outside import SessionEnd
from batch.sandbox import faults
from batch.sandbox.assembly import Sandbox
from batch.sandbox.faults import FaultScript, InjectedFault
from batch.sandbox.wire import Arrival
from jobs.model import Status
from jobs.rate import Rate
from jobs.spec import Limits
from tests.engine.machine import Job, load_job, run_job
from tests.engine.plans import Plan
from tests.engine.rows import moves, project_of, small_service
from tests.kit.bad_days import Always, While
from tests.kit.faults import refusing
from tests.kit.records import records_of
from tests.oracle import Asked, violations

LIMITS = Limits(rate=Rate(50.0), timeout_s=10.0)
DENIED = faults.gateway_error(403)
KEY_DISABLED = refusing("CSMS.0401")
GONE = refusing("CSMS.0106")
NAMES = project_of(small_service(secrets=1_000)).names


def service(rows: int, script: FaultScript | None = None) -> Sandbox:
    return small_service(secrets=rows, faults=script)


def started(folder: Path, sandbox: Sandbox, change: Callable[[Asked], Asked] = lambda one: one) -> Job:
    return load_job(folder / "run", sandbox, [change(one) for one in moves(sandbox)])


def ran(job: Job, limits: Limits = LIMITS, **more: float) -> SessionEnd:
    end = run_job(job, limits, **more)  # type: ignore[arg-type] # handed on unchanged
    assert end is not None
    assert violations(job.case(limits)) == []
    return end


def counted(job: Job) -> dict[Status, int]:
    return dict(Counter(job.statuses()))


def puts(sandbox: Sandbox) -> int:
    return sum(record.method == "PUT" for record in records_of(sandbox.journal))


@pytest.mark.parametrize("fault", [DENIED, KEY_DISABLED, GONE])
def test_what_is_refused_everywhere_is_asked_few_times_and_burns_no_row(folder: Path, fault: InjectedFault) -> None:
    sandbox = service(400, While(lambda _: True, fault))
    job = started(folder, sandbox)
    ran(job)
    assert counted(job) == {Status.NOT_ATTEMPTED: 400}
    assert puts(sandbox) <= 5 + 3 + 1 + 4


@pytest.mark.parametrize("fault", [DENIED, KEY_DISABLED, GONE])
def test_what_is_lost_for_a_minute_in_the_middle_costs_no_row_and_one_resume_completes_it(
    folder: Path, fault: InjectedFault
) -> None:
    sandbox = service(1_000, While(lambda now_s: 10.0 <= now_s < 70.0, fault))
    job = started(folder, sandbox)
    ran(job)
    assert Status.REJECTED not in counted(job)
    ran(job, gap_s=70.0)
    assert counted(job) == {Status.UPDATED: 1_000}


def test_a_resume_while_the_right_is_still_missing_burns_no_row_that_was_not_refused_before(folder: Path) -> None:
    sandbox = service(300, While(lambda now_s: 2.0 <= now_s < 400.0, DENIED))
    job = started(folder, sandbox)
    for _ in range(4):
        ran(job, gap_s=5.0)
    assert Status.REJECTED not in counted(job)
    ran(job, gap_s=500.0)
    assert counted(job) == {Status.UPDATED: 300}


@pytest.mark.parametrize("fault", [DENIED, GONE, KEY_DISABLED])
def test_refused_rows_at_the_head_keep_no_other_from_being_sent(folder: Path, fault: InjectedFault) -> None:
    sandbox = service(260, Always(frozenset(NAMES[:60]), fault))
    job = started(folder, service(260, Always(frozenset(project_of(sandbox).names[:60]), fault)))
    ran(job)
    assert job.statuses() == [Status.REJECTED] * 60 + [Status.UPDATED] * 200


@pytest.mark.parametrize("fault", [DENIED, GONE, KEY_DISABLED, faults.page(403)])
@pytest.mark.parametrize(("rows", "rate_per_s"), [(40, 200.0), (110, 200.0), (250, 2_000.0)])
def test_nor_where_all_the_others_are_ready_to_leave_already(
    folder: Path, fault: InjectedFault, rows: int, rate_per_s: float
) -> None:
    head = frozenset(project_of(service(rows)).names[:10])
    job = started(folder, service(rows, Always(head, fault)))
    ran(job, Limits(rate=Rate(rate_per_s), timeout_s=10.0))
    assert counted(job)[Status.UPDATED] == rows - 10


def test_rows_that_are_refused_one_by_one_among_others_are_rejected_after_a_second_refusal_each(folder: Path) -> None:
    names = project_of(service(100)).names
    bad = frozenset(names[::10])
    sandbox = service(100, Always(bad, DENIED))
    job = started(folder, sandbox)
    ran(job)
    assert counted(job) == {Status.UPDATED: 90, Status.REJECTED: 10}
    assert puts(sandbox) == 110


@pytest.mark.parametrize("fault", [DENIED, GONE])
def test_a_row_whose_read_was_refused_has_its_intent_on_record_again_before_its_put(
    folder: Path, fault: InjectedFault
) -> None:
    """What is put on record of a row that is put aside replaces the intent that was there."""
    project = project_of(service(20))
    reads = Plan({("read", name, 1): fault for name in project.names[::7]})

    def guarded(one: Asked) -> Asked:
        return msgspec.structs.replace(one, expected_kms_key_id=project.key_ids.old)

    job = started(folder, service(20, reads), guarded)
    ran(job)
    assert counted(job) == {Status.UPDATED: 20}


def test_six_rows_that_are_all_denied_stop_the_run_and_are_rejected_by_the_resume(folder: Path) -> None:
    job = started(folder, service(6, While(lambda _: True, DENIED)))
    assert ran(job).stopped is not None
    assert counted(job) == {Status.NOT_ATTEMPTED: 6}
    ran(job)
    assert counted(job) == {Status.REJECTED: 6}


def test_three_rows_that_are_all_denied_are_too_few_to_tell_and_are_rejected_at_once(folder: Path) -> None:
    job = started(folder, service(3, While(lambda _: True, DENIED)))
    ran(job)
    assert counted(job) == {Status.REJECTED: 3}


@pytest.mark.parametrize("lost_s", [20.0, 70.0])
def test_a_held_key_is_tried_every_half_minute_while_others_are_sent(folder: Path, lost_s: float) -> None:
    """Its rows are all done in the same run, though the key was refused when their turn came."""
    names = project_of(service(1_000)).names
    of_key = frozenset(names[100:300])

    class Lost(Always):
        def decide(self, arrival: Arrival) -> InjectedFault | None:
            return super().decide(arrival) if arrival.now_s < lost_s else None

    sandbox = service(1_000, Lost(of_key, KEY_DISABLED))
    default = project_of(sandbox).key_ids.default
    job = started(
        folder,
        sandbox,
        lambda one: msgspec.structs.replace(one, kms_key_id=default) if one.secret_name in of_key else one,
    )
    limits = msgspec.structs.replace(LIMITS, rate=Rate(8.0))
    end = ran(job, limits)
    assert end.stopped is None
    assert counted(job) == {Status.UPDATED: 1_000}


def test_a_page_of_a_filter_in_place_of_every_answer_stops_the_scope_and_rejects_nothing(folder: Path) -> None:
    sandbox = service(200, While(lambda _: True, faults.page(403)))
    job = started(folder, sandbox)
    end = ran(job)
    assert "proxy, filter or gateway" in (end.stopped or "")
    assert Status.REJECTED not in counted(job)
    assert puts(sandbox) <= 3 + 3 + 4


def test_a_filter_that_blocks_one_row_alone_is_no_reason_to_stop(folder: Path) -> None:
    name = project_of(service(30)).names[10]
    job = started(folder, service(30, Always({name}, faults.page(403))))
    end = ran(job)
    assert end.stopped is None
    assert counted(job) == {Status.UPDATED: 29, Status.FAILED: 1}
