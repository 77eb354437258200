"""How single rows end, through the whole engine and against the service's own records."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from batch.engine.session import Session
from batch.sandbox import faults
from batch.sandbox.assembly import Sandbox
from batch.sandbox.faults import FaultScript, InjectedFault
from jobs.ledger import Ledger, LedgerError, OpenRow
from jobs.model import Status
from jobs.rate import Rate
from jobs.run_view import ScopeState, ScopeView
from jobs.spec import Limits
from tests.engine.crash import FAILS, CrashPoint
from tests.engine.machine import Job, load_job, run_job
from tests.engine.plans import Plan
from tests.engine.rows import moves, project_of, small_service
from tests.kit.faults import refusing
from tests.kit.records import records_of
from tests.kit.scripts import Numbers
from tests.oracle import violations

LIMITS = Limits(rate=Rate(20.0), timeout_s=10.0, max_attempts=2)
NAME = project_of(small_service(secrets=1)).names[0]


def plan_for(writes: list[InjectedFault], reads: list[InjectedFault] | None = None) -> Plan:
    found = {("write", NAME, nth): fault for nth, fault in enumerate(writes, 1)}
    return Plan(found | {("read", NAME, nth): fault for nth, fault in enumerate(reads or [], 1)})


def one_row(folder: Path, script: FaultScript | None = None, **row: object) -> Job:
    sandbox = small_service(secrets=1, faults=script)
    asked = [msgspec.structs.replace(one, **row) for one in moves(sandbox)]
    return load_job(folder / "run", sandbox, asked)


def methods(sandbox: Sandbox) -> list[str]:
    return [record.method for record in records_of(sandbox.journal)]


DOWN = [faults.gateway_error(503)] * 999
LATE = faults.gateway_error(504, lands_after_s=8.0)


@pytest.mark.parametrize(
    ("writes", "reads", "status", "seen"),
    [
        ([], [], Status.UPDATED, "PUT"),
        ([faults.gateway_error(429)] * 2, [], Status.UPDATED, "PUT PUT PUT"),
        ([faults.gateway_error(504, applied=True)], [], Status.UPDATED, "PUT PUT"),
        ([faults.gateway_error(504, applied=True)] * 2, [], Status.VERIFIED, "PUT PUT GET"),
        ([faults.gateway_error(504)] * 2, [], Status.FAILED, "PUT PUT GET GET"),
        ([faults.gateway_error(504)] * 2, DOWN, Status.UNKNOWN, None),
        ([faults.reset(applied=True)] * 2, [], Status.VERIFIED, "PUT PUT GET"),
        ([faults.cut()] * 2, [], Status.VERIFIED, "PUT PUT GET"),
        ([faults.silence(applied=True)] * 2, [], Status.VERIFIED, "PUT PUT GET"),
        ([faults.page(200, applied=True)], [], Status.UPDATED, "PUT PUT"),
        ([faults.page(200, applied=True)] * 2, [], Status.VERIFIED, "PUT PUT GET"),
        ([faults.page(200)] * 2, [], Status.FAILED, "PUT PUT GET GET"),
        ([LATE, LATE], [], Status.VERIFIED, "PUT PUT GET GET"),
        ([refusing("CSMS.0109")], [], Status.REJECTED, "PUT"),
        ([faults.gateway_error(502, applied=True), refusing("CSMS.0109")], [], Status.VERIFIED, "PUT PUT GET"),
        ([faults.gateway_error(502), refusing("CSMS.0109")], [], Status.REJECTED, "PUT PUT GET GET"),
        ([faults.gateway_error(502, applied=True)] * 2, [refusing("CSMS.0109")], Status.UNKNOWN, "PUT PUT GET"),
    ],
)
def test_a_row_ends_as_what_its_answers_prove(
    folder: Path, writes: list[InjectedFault], reads: list[InjectedFault], status: Status, seen: str | None
) -> None:
    job = one_row(folder, plan_for(writes, reads))
    run_job(job, LIMITS)
    assert job.statuses() == [status]
    assert seen is None or methods(job.sandbox) == seen.split()
    assert violations(job.case(LIMITS)) == []


def test_a_put_of_an_earlier_session_is_waited_for_as_long_as_that_one_gave_it(folder: Path) -> None:
    """A resume with a shorter timeout must not end a row while the PUT of the killed run may still be applied."""
    script = plan_for([faults.silence(applied=False, lands_after_s=48.0), *[refusing("CSMS.0401")] * 2])
    job = one_row(folder, script)
    assert run_job(job, msgspec.structs.replace(LIMITS, timeout_s=60.0), crash=CrashPoint("arrived", 1)) is None
    run_job(job, msgspec.structs.replace(LIMITS, timeout_s=1.0), gap_s=1.0)
    assert [claim.status for claim in job.claims()] == [Status.VERIFIED]
    assert violations(job.case(LIMITS)) == []


def test_a_late_landing_is_waited_for_before_a_row_is_called_failed(folder: Path) -> None:
    job = one_row(folder, plan_for([LATE, LATE]))
    run_job(job, LIMITS)
    records = records_of(job.sandbox.journal)
    assert records[-1].at_s >= records[1].at_s + LIMITS.timeout_s - 0.001


@pytest.mark.parametrize(
    ("expected", "status", "seen"),
    [("old", Status.UPDATED, "GET PUT"), ("default", Status.DRIFTED, "GET")],
)
def test_an_expected_key_is_read_before_anything_is_written(
    folder: Path, expected: str, status: Status, seen: str
) -> None:
    keys = project_of(small_service(secrets=1)).key_ids
    job = one_row(folder, expected_kms_key_id=getattr(keys, expected))
    run_job(job, LIMITS)
    assert (job.statuses(), methods(job.sandbox)) == ([status], seen.split())
    assert violations(job.case(LIMITS)) == []


def test_a_row_that_expects_a_key_and_is_there_already_is_unchanged(folder: Path) -> None:
    keys = project_of(small_service(secrets=1)).key_ids
    job = one_row(folder, kms_key_id=keys.old, expected_kms_key_id=keys.new)
    run_job(job, LIMITS)
    assert (job.statuses(), methods(job.sandbox)) == ([Status.UNCHANGED], ["GET"])
    assert violations(job.case(LIMITS)) == []


def test_twins_are_sent_once_and_share_the_outcome_and_contradictions_are_never_sent(folder: Path) -> None:
    sandbox = small_service(secrets=3)
    plain = moves(sandbox)
    other = project_of(sandbox).key_ids.default
    rows = [
        *plain,
        msgspec.structs.replace(plain[0], row=4),
        msgspec.structs.replace(plain[1], row=5, kms_key_id=other),
        msgspec.structs.replace(plain[2], row=6, description="another wish"),
    ]
    job = load_job(folder / "run", sandbox, rows)
    run_job(job, LIMITS)
    updated, invalid = Status.UPDATED, Status.INVALID
    assert job.statuses() == [updated, invalid, invalid, updated, invalid, invalid]
    assert methods(sandbox) == ["PUT"]
    assert violations(job.case(LIMITS)) == []


def test_a_finished_run_resumed_sends_nothing(folder: Path) -> None:
    job = one_row(folder)
    run_job(job, LIMITS)
    run_job(job, LIMITS)
    assert methods(job.sandbox) == ["PUT"]


def test_a_resume_with_failed_rows_gives_each_fresh_attempts(folder: Path) -> None:
    job = one_row(folder, plan_for([faults.gateway_error(503)] * 3))
    run_job(job, LIMITS)
    assert job.statuses() == [Status.FAILED]
    run_job(job, LIMITS)
    assert len(methods(job.sandbox)) == len(records_of(job.sandbox.journal))
    before = methods(job.sandbox).count("PUT")
    run_job(job, LIMITS, also_failed=True)
    assert job.statuses() == [Status.UPDATED]
    assert methods(job.sandbox).count("PUT") - before == 2
    assert violations(job.case(LIMITS)) == []


@pytest.mark.parametrize("moment", ["before commit", "after commit", "leaving", "arrived", "answered"])
def test_a_killed_process_leaves_rows_that_a_resume_brings_to_their_end(folder: Path, moment: str) -> None:
    killed = 0
    for nth in range(1, 30):
        sandbox = small_service(secrets=6)
        job = load_job(folder / f"run{nth}", sandbox, moves(sandbox))
        killed += run_job(job, LIMITS, crash=CrashPoint(moment, nth)) is None
        run_job(job, LIMITS)
        assert violations(job.case(LIMITS)) == []
        assert {*job.statuses()} == {Status.UPDATED}
    assert killed >= 5


def test_a_ledger_that_breaks_stops_all_sending_and_the_run_ends_resumable(folder: Path) -> None:
    for nth in range(1, 8):
        sandbox = small_service(secrets=20)
        job = load_job(folder / f"run{nth}", sandbox, moves(sandbox))
        end = run_job(job, LIMITS, crash=CrashPoint(FAILS, nth))
        assert end is not None
        assert (end.broken is not None, job.sent_blindly) == (True, 0)
        run_job(job, LIMITS)
        assert violations(job.case(LIMITS)) == []
        assert {*job.statuses()} == {Status.UPDATED}


def test_a_run_that_is_stopped_drains_and_one_that_is_broken_off_leaves_doubt(folder: Path) -> None:
    def stop(session: Session) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, session.stop, "told to")
        loop.call_later(1.0, session.cancel)

    sandbox = small_service(secrets=40, faults=Plan({}))
    silent = project_of(sandbox).names[2]
    sandbox = small_service(secrets=40, faults=Plan({("write", silent, 1): faults.silence(applied=True)}))
    job = load_job(folder / "run", sandbox, moves(sandbox))
    end = run_job(job, LIMITS, meanwhile=stop)
    assert end is not None
    assert end.stopped == "told to"
    statuses = job.statuses()
    assert statuses[2] is Status.UNKNOWN
    assert {*statuses} == {Status.UPDATED, Status.UNKNOWN, Status.NOT_ATTEMPTED}
    assert violations(job.case(LIMITS)) == []
    run_job(job, LIMITS)
    assert {*job.statuses()} == {Status.UPDATED}
    assert violations(job.case(LIMITS)) == []


def test_a_row_that_waits_in_doubt_is_shown_so_and_tells_what_put_it_there_and_not_a_later_refusal(
    folder: Path,
) -> None:
    seen: list[ScopeView] = []

    def look_and_stop(session: Session) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(20.0, lambda: seen.extend(session.look().scopes))
        loop.call_later(21.0, session.stop, "told to")

    sandbox = small_service(secrets=1, faults=Numbers({1: faults.gateway_error(504), 2: refusing("CSMS.0109")}))
    limits = Limits(rate=Rate(20.0), timeout_s=60.0)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, limits, meanwhile=look_and_stop)
    (scope,) = seen
    assert scope.state is ScopeState.SETTLING
    assert scope.again_in_s == pytest.approx(60.0 - 20.0, abs=2.0)
    with Ledger(job.folder) as ledger:
        (told,) = (row.outcome for row in ledger.told.rows())
    assert (told.status, told.http_status, told.error_code) == (Status.UNKNOWN, 504, "APIGW.0201")
    run_job(job, limits)
    assert job.statuses() == [Status.UPDATED]
    assert violations(job.case(limits)) == []


def test_a_ledger_that_cannot_be_read_stops_the_run_and_what_is_in_flight_is_recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = small_service(secrets=600, projects=2)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    read = Ledger.open_rows

    def broken(self: Ledger, scope_id: int, after_row: int, limit: int, **more: Any) -> list[OpenRow]:
        if scope_id == 1 and after_row > 0:
            raise LedgerError(Path("ledger.db"), "disk I/O error")
        return read(self, scope_id, after_row, limit, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "open_rows", broken)
        end = run_job(job, Limits(rate=Rate(100.0)), line={"back_s": 2.0})
    assert end is not None
    assert end.broken is not None
    assert Status.UNKNOWN not in job.statuses()
    answered = sum(record.status == 200 for record in records_of(sandbox.journal))
    assert job.statuses().count(Status.UPDATED) == answered
