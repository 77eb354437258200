"""What shares of the slots and adaptive concurrency are for: the harm without them, in virtual time."""

import heapq
from pathlib import Path

import pytest

from batch.flow import concurrency
from batch.flow.concurrency import ConcurrencyState
from batch.flow.slots import ScopeSlots
from batch.sandbox import faults
from batch.sandbox.faults import InjectedFault
from batch.sandbox.wire import Arrival
from jobs.model import Group
from jobs.rate import Rate
from jobs.spec import Limits
from tests.engine.machine import load_job, run_job
from tests.engine.rows import moves, project_of, small_service
from tests.kit.faults import slow
from tests.kit.records import records_of
from tests.kit.scripts import Outage
from tests.oracle import violations

PROJECTS, ROWS = 10, 100


def time_of_the_others(folder: Path) -> float:
    """One of ten projects answers after five seconds: from first to last PUT of the other nine, at 10/s each."""
    slow_id = project_of(small_service(secrets=PROJECTS * ROWS, projects=PROJECTS)).id
    script = Outage(0.0, 9e9, slow(5.0), project_id=slow_id)
    sandbox = small_service(secrets=PROJECTS * ROWS, projects=PROJECTS, faults=script)
    limits = Limits(rate=Rate(10.0), concurrency=10)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, limits)
    assert violations(job.case(limits)) == []
    sent = [record.at_s for record in records_of(sandbox.journal) if record.project_id != slow_id]
    assert len(sent) == (PROJECTS - 1) * ROWS
    return sent[-1] - sent[0]


def test_one_slow_project_of_ten_costs_the_others_nothing(folder: Path) -> None:
    assert time_of_the_others(folder) <= 1.02 * ROWS / 10


def test_without_shares_one_slow_project_of_ten_makes_the_others_three_times_as_slow(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScopeSlots, "full", lambda slots, most: slots.in_flight >= most)
    assert time_of_the_others(folder) >= 3 * ROWS / 10


class Crowded:
    """A service that carries out so many updates at once, half a second each, and answers 503 to more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ends_s: list[float] = []

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        if not arrival.is_update:
            return None
        while self._ends_s and self._ends_s[0] <= arrival.now_s:
            heapq.heappop(self._ends_s)
        if len(self._ends_s) >= self._most:
            return faults.gateway_error(503)
        heapq.heappush(self._ends_s, arrival.now_s + 0.5)
        return slow(0.5)


def done_and_sent(folder: Path) -> tuple[int, int]:
    """Of 1,000 rows sent with 64 at once to a service that takes 16: how many are done, and PUTs sent."""
    sandbox = small_service(secrets=1_000, faults=Crowded(16))
    limits = Limits(rate=Rate(0.0), concurrency=64, max_attempts=8)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, limits)
    assert violations(job.case(limits)) == []
    puts = sum(record.method == "PUT" for record in records_of(sandbox.journal))
    return sum(status.group is Group.DONE for status in job.statuses()), puts


def test_a_service_that_is_asked_too_much_at_once_is_asked_less_and_nearly_all_rows_are_done(folder: Path) -> None:
    done, sent = done_and_sent(folder)
    assert done >= 990
    assert done / sent >= 0.4


def test_without_adaptive_concurrency_most_requests_are_in_vain_and_a_third_of_the_rows_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unmoved(state: ConcurrencyState, _now_s: float, _share: float) -> ConcurrencyState:
        return state

    monkeypatch.setattr(concurrency, "unanswered", unmoved)
    done, sent = done_and_sent(folder)
    assert done <= 700
    assert done / sent <= 0.15
