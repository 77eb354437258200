"""A service that goes away, for a while or for good: no row is used up, little is asked of it, and the run ends."""

import asyncio
import itertools
from pathlib import Path

import msgspec
import pytest

from batch.csms.auth.renewal import Renewal
from batch.csms.auth.token import TokenBearer
from batch.csms.faults import Fault, FaultKind
from batch.engine.session import Session
from batch.sandbox import faults
from batch.sandbox.faults import InjectedFault
from batch.sandbox.wire import Arrival
from jobs.model import Group, Status
from jobs.rate import Rate
from jobs.spec import Limits
from tests.engine.machine import load_job, run_job
from tests.engine.rows import moves, project_of, small_service
from tests.kit.records import records_of
from tests.kit.scripts import FirstOf, Numbers, Outage, Updates
from tests.oracle import violations


@pytest.mark.parametrize("fault", [faults.drop(), faults.gateway_error(503), faults.gateway_error(504, applied=True)])
def test_an_outage_of_thirty_seconds_costs_thirty_seconds_and_no_row(folder: Path, fault: InjectedFault) -> None:
    rows, rate, start_s, length_s = 2_000, 50.0, 15.0, 30.0
    sandbox = small_service(secrets=rows, faults=Outage(start_s, start_s + length_s, fault))
    limits = Limits(rate=Rate(rate), timeout_s=10.0)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, limits)
    assert {*job.statuses()} <= {Status.UPDATED, Status.VERIFIED}
    assert violations(job.case(limits)) == []
    records = records_of(sandbox.journal)
    assert records[-1].at_s - records[0].at_s <= rows / rate + length_s + 15.0
    dead = [one.at_s for one in records if start_s + 5.0 <= one.at_s < start_s + length_s]
    assert all(later - earlier >= 2.0 for earlier, later in itertools.pairwise(dead))


def test_an_outage_without_an_end_stops_the_run_in_time_and_a_resume_completes_it(folder: Path) -> None:
    outage = Outage(3.0, 500.0, faults.gateway_error(503))
    sandbox = small_service(secrets=200, faults=outage)
    limits = Limits(rate=Rate(20.0), timeout_s=10.0, max_outage_s=60.0)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    end = run_job(job, limits)
    assert end is not None
    assert end.stopped is not None
    assert records_of(sandbox.journal)[-1].at_s <= 3.0 + 60.0 + 20.0
    assert violations(job.case(limits)) == []
    assert {status.group for status in job.statuses()} == {Group.DONE, Group.RUN_AGAIN}
    run_job(job, limits, gap_s=600.0, also_failed=True)
    assert {status.group for status in job.statuses()} == {Group.DONE}
    assert violations(job.case(limits)) == []


def test_a_closed_port_is_an_outage_like_any_other_and_takes_no_attempt_from_most_rows(folder: Path) -> None:
    sandbox = small_service(secrets=100)
    limits = Limits(rate=Rate(20.0), timeout_s=10.0)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, limits, line={"down": lambda now_s: 2.0 <= now_s < 60.0})
    assert {*job.statuses()} == {Status.UPDATED}
    assert violations(job.case(limits)) == []
    assert sum(claim.attempts > 1 for claim in job.claims()) <= 40


def test_one_scope_down_for_good_leaves_the_other_to_its_end(folder: Path) -> None:
    sandbox = small_service(secrets=80, projects=2)
    down = project_of(sandbox, 0).id
    sandbox = small_service(
        secrets=80, projects=2, faults=Outage(0.0, 9_999.0, faults.reset(applied=False), project_id=down)
    )
    limits = Limits(rate=Rate(20.0), timeout_s=10.0, max_outage_s=30.0)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    end = run_job(job, limits)
    assert end is not None
    assert down in (end.stopped or "")
    assert violations(job.case(limits)) == []
    by_project = {
        one.project_id: {
            claim.status for claim in job.claims() if job.asked[claim.row - 1].project_id == one.project_id
        }
        for one in job.asked
    }
    assert by_project.pop(down) & {Status.UPDATED, Status.VERIFIED} == set()
    assert [*by_project.values()] == [{Status.UPDATED}]


class NoLogin(TokenBearer):
    """A login whose first token is not to be had: IAM answers 503 for ever."""

    def __init__(self, *_given: object) -> None:
        async def fetch() -> Fault:
            return Fault(kind=FaultKind.UNAVAILABLE, code="HTTP.503", message="IAM is down", maybe_applied=True)

        super().__init__(Renewal(fetch))

    def for_scope(self, _endpoint: str, _project_id: str) -> "NoLogin":
        return self


def test_a_login_that_is_not_to_be_had_stops_the_run_and_costs_no_row_anything(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.engine.machine.TokenCredential", NoLogin)
    sandbox = small_service(secrets=4)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    end = run_job(job, Limits(rate=Rate(20.0), max_outage_s=60.0, max_attempts=2))
    assert end is not None
    assert end.stopped is not None
    assert job.statuses() == [Status.NOT_ATTEMPTED] * 4
    assert [claim.attempts for claim in job.claims()] == [0] * 4
    assert not records_of(sandbox.journal)


def test_rights_refused_everywhere_stop_a_scope_also_where_rows_are_read_first_and_burn_no_row(folder: Path) -> None:
    sandbox = small_service(secrets=60, faults=Outage(0.0, float("inf"), faults.gateway_error(403)))
    old = project_of(sandbox).key_ids.old
    rows = [msgspec.structs.replace(one, expected_kms_key_id=old) for one in moves(sandbox)]
    job = load_job(folder / "run", sandbox, rows)
    end = run_job(job, Limits(rate=Rate(20.0)))
    assert end is not None
    assert end.stopped is not None
    assert job.statuses() == [Status.NOT_ATTEMPTED] * 60
    assert len(records_of(sandbox.journal)) <= 10


class WritesDown:
    """Every change meets a 503 from `from_s` until `until_s`, every read is answered."""

    def __init__(self, from_s: float = 0.0, until_s: float = float("inf")) -> None:
        self._from_s = from_s
        self._until_s = until_s

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        down = arrival.is_update and self._from_s <= arrival.now_s < self._until_s
        return faults.gateway_error(503) if down else None


def test_a_service_that_can_be_read_but_not_written_is_given_up_in_time_and_most_rows_are_left_alone(
    folder: Path,
) -> None:
    sandbox = small_service(secrets=200, faults=WritesDown())
    limits = Limits(rate=Rate(20.0), timeout_s=10.0, max_outage_s=600.0)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    end = run_job(job, limits)
    assert end is not None
    assert end.stopped is not None
    records = records_of(sandbox.journal)
    assert records[-1].at_s - records[0].at_s <= 600.0 + 20.0
    assert violations(job.case(limits)) == []
    assert job.statuses().count(Status.NOT_ATTEMPTED) >= 170
    # What became of a PUT that met a 503 is not known; no row was used up.
    assert {*job.statuses()} == {Status.NOT_ATTEMPTED, Status.UNKNOWN}
    run_job(job, limits, gap_s=60.0)
    assert {*job.statuses()} == {Status.NOT_ATTEMPTED, Status.UNKNOWN}


@pytest.mark.parametrize(
    ("rows", "max_attempts", "rate", "down_s"),
    [
        (12, 5, 20.0, (0.0, 240.0)),
        (30, 3, 20.0, (0.0, 240.0)),
        (200, 5, 2.0, (20.0, 80.0)),
        (120, 5, 1.0, (20.0, 260.0)),
    ],
)
def test_rows_that_try_whether_changes_are_taken_again_lose_no_attempt(
    folder: Path, rows: int, max_attempts: int, rate: float, down_s: tuple[float, float]
) -> None:
    sandbox = small_service(secrets=rows, faults=WritesDown(*down_s))
    limits = Limits(rate=Rate(rate), timeout_s=10.0, max_attempts=max_attempts)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    end = run_job(job, limits)
    assert end is not None
    assert end.stopped is None
    assert {*job.statuses()} == {Status.UPDATED}
    assert violations(job.case(limits)) == []


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("max_attempts", [3, 5, 8])
@pytest.mark.parametrize("seed", range(4))
def test_a_few_rows_that_never_go_through_use_up_their_attempts_and_the_run_ends(
    folder: Path, rows: int, max_attempts: int, seed: int
) -> None:
    sandbox = small_service(secrets=rows, faults=WritesDown())
    limits = Limits(rate=Rate(20.0), timeout_s=10.0, max_attempts=max_attempts)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    end = run_job(job, limits, seed=seed)
    assert end is not None
    assert end.stopped is None
    assert [(claim.status, claim.attempts) for claim in job.claims()] == [(Status.FAILED, max_attempts)] * rows
    assert records_of(sandbox.journal)[-1].at_s < 300.0


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 6, 12])
@pytest.mark.parametrize("max_attempts", [1, 5])
def test_rows_that_are_read_first_are_not_used_up_by_a_short_outage(folder: Path, rows: int, max_attempts: int) -> None:
    sandbox = small_service(secrets=rows)
    old = project_of(sandbox).key_ids.old
    asked = [msgspec.structs.replace(one, expected_kms_key_id=old) for one in moves(sandbox)]
    job = load_job(folder / "run", sandbox, asked)
    limits = Limits(rate=Rate(20.0), timeout_s=10.0, max_attempts=max_attempts)
    run_job(job, limits, line={"down": lambda now_s: now_s < 30.0})
    assert job.statuses() == [Status.UPDATED] * rows
    assert violations(job.case(limits)) == []


@pytest.mark.parametrize("from_s", [1.0, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("max_attempts", [1, 2, 5])
def test_rows_in_doubt_are_read_when_a_short_outage_is_over(folder: Path, from_s: float, max_attempts: int) -> None:
    name = project_of(small_service(secrets=10)).names[4]
    always = Updates({(name, nth): faults.gateway_error(504, applied=True) for nth in range(1, 9)})
    outage = Outage(from_s, from_s + 30.0, faults.gateway_error(503))
    sandbox = small_service(secrets=10, faults=FirstOf(outage, always))
    job = load_job(folder / "run", sandbox, moves(sandbox))
    limits = Limits(rate=Rate(4.0), timeout_s=10.0, max_attempts=max_attempts)
    run_job(job, limits)
    assert Status.UNKNOWN not in job.statuses()
    assert violations(job.case(limits)) == []


@pytest.mark.parametrize(("rows", "from_s"), [(3, 1.0), (5, 0.3), (5, 0.6), (5, 1.0), (10, 1.5)])
def test_an_answer_to_others_before_the_outage_does_not_blind_for_it(folder: Path, rows: int, from_s: float) -> None:
    class Unsteady:
        """Every other first PUT meets a separate 503."""

        def __init__(self) -> None:
            self.seen: set[str] = set()

        def decide(self, arrival: Arrival) -> InjectedFault | None:
            first = arrival.secret_name is not None and arrival.secret_name not in self.seen
            self.seen.add(arrival.secret_name or "")
            return faults.gateway_error(503) if first and arrival.n % 2 else None

    outage = Outage(from_s, from_s + 30.0, faults.gateway_error(503))
    sandbox = small_service(secrets=rows, faults=FirstOf(outage, Unsteady()))
    job = load_job(folder / "run", sandbox, moves(sandbox))
    limits = Limits(rate=Rate(20.0), timeout_s=10.0)
    run_job(job, limits)
    assert {*job.statuses()} == {Status.UPDATED}


def test_a_service_that_answers_every_read_is_not_down_where_only_reads_are_left(folder: Path) -> None:
    sandbox = small_service(secrets=6, faults=Outage(0.0, 30.0, faults.gateway_error(504)))
    limits = Limits(rate=Rate(20.0), timeout_s=60.0, max_outage_s=45.0, max_attempts=2)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    end = run_job(job, limits)
    assert end is not None
    assert end.stopped is None
    assert {*job.statuses()} <= {Status.FAILED, Status.UPDATED}
    assert violations(job.case(limits)) == []


@pytest.mark.parametrize("writes_only", [False, True])
def test_a_page_of_somebody_else_in_place_of_every_answer_is_an_outage(folder: Path, *, writes_only: bool) -> None:
    class Pages:
        def decide(self, arrival: Arrival) -> InjectedFault | None:
            met = 3.0 <= arrival.now_s < 63.0 and (arrival.is_update or not writes_only)
            return faults.page(200) if met else None

    sandbox = small_service(secrets=200, faults=Pages())
    limits = Limits(rate=Rate(20.0), timeout_s=10.0)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, limits)
    assert {*job.statuses()} == {Status.UPDATED}
    assert violations(job.case(limits)) == []


def test_a_refused_login_costs_a_row_no_attempt_also_when_the_run_ends_with_it(folder: Path) -> None:
    script = Numbers({1: faults.gateway_error(401), 2: faults.gateway_error(503)})
    sandbox = small_service(secrets=1, faults=script)
    limits = Limits(rate=Rate(20.0), timeout_s=10.0, max_attempts=2)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, limits)
    assert job.statuses() == [Status.NOT_ATTEMPTED]
    run_job(job, limits)
    assert [(claim.status, claim.attempts) for claim in job.claims()] == [(Status.UPDATED, 3)]
    assert violations(job.case(limits)) == []


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_short_outage_costs_no_row_however_few_there_are(folder: Path, rows: int) -> None:
    sandbox = small_service(secrets=rows)
    limits = Limits(rate=Rate(10.0), timeout_s=10.0)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, limits, line={"down": lambda now_s: now_s < 30.0})
    assert job.statuses() == [Status.UPDATED] * rows
    assert violations(job.case(limits)) == []


@pytest.mark.parametrize("rows", [1, 5, 15])
@pytest.mark.parametrize("status", [503, 429])
def test_an_outage_that_tells_every_row_to_wait_ends_the_run_in_time_too(folder: Path, status: int, rows: int) -> None:
    """No row is there to ask for leave meanwhile, and the time runs all the same."""
    sandbox = small_service(secrets=rows, faults=Outage(0.0, 9e9, faults.gateway_error(status, retry_after="300")))
    job = load_job(folder / "run", sandbox, moves(sandbox))
    late: list[float] = []

    def watch(_session: Session) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(33.0, lambda: late.append(loop.time()))

    end = run_job(job, Limits(rate=Rate(20.0), max_outage_s=30.0), meanwhile=watch)
    assert end is not None
    assert end.stopped is not None
    assert late == []
    assert violations(job.case(Limits(rate=Rate(20.0)))) == []


def test_scopes_that_hang_leave_half_of_the_slots_to_those_that_answer(folder: Path) -> None:
    """As many that hang as there are slots: the others wait for two of their timeouts at the start, and never again."""
    hanging, answering, timeout_s = 8, 2, 60.0
    rows = [6 * (hanging + answering), hanging + answering]
    down = {project_of(small_service(secrets=rows[0], projects=rows[1]), number).id for number in range(hanging)}
    script = FirstOf(*(Outage(0.0, 9e9, faults.silence(applied=False), project_id=one) for one in down))
    sandbox = small_service(secrets=rows[0], projects=rows[1], faults=script)
    limits = Limits(rate=Rate(10.0), timeout_s=timeout_s, concurrency=hanging)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, limits)
    heard = [record for record in records_of(sandbox.journal) if record.project_id not in down]
    assert len(heard) == rows[0] // rows[1] * answering
    assert max(record.at_s for record in heard) <= 2 * timeout_s + 5.0
    assert violations(job.case(limits)) == []
