"""A run that is paused, continued or given another rate while it lasts: what its service sees, in virtual time."""

import asyncio
import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from batch.csms.auth.iam import Token
from batch.csms.faults import Fault
from batch.engine.session import Session
from batch.redaction.masked import Masked
from batch.sandbox import faults
from batch.sandbox.assembly import Sandbox
from jobs.ledger import Ledger
from jobs.model import Status
from jobs.rate import Rate
from jobs.spec import Limits
from tests.engine.machine import Job, load_job, run_job
from tests.engine.rows import moves, small_service
from tests.engine.test_logins import login_for
from tests.kit.records import Record, records_of
from tests.kit.scripts import Outage
from tests.oracle import violations

Change = tuple[float, str, bool]
"""After so many seconds: the rate, and whether it is paused."""


def controlled(*changes: Change) -> Callable[[Session], None]:
    def arrange(session: Session) -> None:
        for at_s, rate, paused in changes:
            obey = partial(session.controls.obey, Rate.parse(rate), paused=paused)
            asyncio.get_running_loop().call_later(at_s, obey)

    return arrange


def lived(folder: Path, sandbox: Sandbox, limits: Limits, *changes: Change) -> tuple[Job, list[Record]]:
    """All rows moved in one session; the oracle finds nothing wrong with it at the highest rate there was."""
    job = load_job(folder / "run", sandbox, moves(sandbox))
    end = run_job(job, limits, meanwhile=controlled(*changes))
    assert end is not None
    assert (end.broken, end.defect) == (None, None)
    highest = max((Rate.parse(rate) for _, rate, _ in changes), key=lambda rate: rate.per_s)
    if highest.per_s > limits.rate.per_s:
        limits = msgspec.structs.replace(limits, rate=highest)
    assert violations(job.case(limits)) == []
    return job, list(records_of(sandbox.journal))


def between(records: list[Record], since_s: float, until_s: float) -> list[float]:
    """When requests arrived, in seconds since the first one."""
    first_s = records[0].at_s
    return [one.at_s - first_s for one in records if since_s <= one.at_s - first_s < until_s]


def test_no_request_leaves_in_a_pause_and_all_rows_are_done_after_it(folder: Path) -> None:
    """In several projects alike, and with rows that are read before they are written."""
    sandbox = small_service(secrets=300, projects=3)
    job, records = lived(folder, sandbox, Limits(rate=Rate(10.0)), (5.0, "10/s", True), (65.0, "10/s", False))
    assert len(between(records, 0.0, 5.0)) >= 140
    assert between(records, 5.1, 65.0) == []
    assert len(between(records, 65.0, 67.0)) >= 50
    assert {*job.statuses()} == {Status.UPDATED}


@pytest.mark.parametrize("expecting", [False, True])
def test_a_request_that_waits_for_its_connection_when_a_pause_begins_stays_here_and_costs_nothing(
    folder: Path, *, expecting: bool
) -> None:
    sandbox = small_service(secrets=60)
    limits = Limits(rate=Rate(10.0), max_attempts=1)
    asked = moves(sandbox)
    if expecting:
        asked = [msgspec.structs.replace(one, expected_kms_key_id=_old(sandbox, one.project_id)) for one in asked]
    job = load_job(folder / "run", sandbox, asked)
    changes = controlled((3.0, "10/s", True), (40.0, "10/s", False))
    run_job(job, limits, meanwhile=changes, line={"connect_s": 1.5})
    records = list(records_of(sandbox.journal))
    first_s = records[0].at_s - 1.5
    assert [one.at_s - first_s for one in records if 3.1 < one.at_s - first_s < 41.0] == []
    assert violations(job.case(limits)) == []
    assert {*job.statuses()} == {Status.UPDATED}
    assert {claim.attempts for claim in job.claims()} == {1}


def _old(sandbox: Sandbox, project_id: str) -> str:
    return sandbox.world.projects[project_id].key_ids.old


def test_a_row_that_waits_for_a_new_login_when_a_pause_begins_is_not_sent_in_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The login itself may be renewed in a pause."""
    sandbox = small_service(secrets=40)
    renewed_s: list[float] = []

    async def slow(_asked: int) -> Token | Fault:
        await asyncio.sleep(5.0)
        renewed_s.append(asyncio.get_running_loop().time())
        return Token(value=Masked("next"))

    monkeypatch.setattr("tests.engine.machine.TokenCredential", login_for(sandbox, slow, has_one=False))
    job, records = lived(folder, sandbox, Limits(rate=Rate(10.0)), (2.0, "10/s", True), (30.0, "10/s", False))
    assert renewed_s[0] == pytest.approx(1_005.0, abs=0.1)
    assert len(between(records, 0.0, 3.0)) >= 25
    assert {*job.statuses()} == {Status.UPDATED}
    assert {claim.attempts for claim in job.claims()} == {1}


@pytest.mark.parametrize(
    ("before", "after"), [("200/5m", "20/s"), ("1/m", "5/s"), ("2/s", "20/s"), ("20/s", "2/s"), ("50/s", "1/s")]
)
def test_a_changed_rate_takes_effect_within_two_seconds_in_every_project(folder: Path, before: str, after: str) -> None:
    """Also while a long wait at the old one is booked."""
    sandbox = small_service(secrets=1_000, projects=2)
    limits = Limits(rate=Rate.parse(before), max_duration_s=30.0)
    _, records = lived(folder, sandbox, limits, (8.0, after, False))
    for project_id in sandbox.world.projects:
        arrived = [one.at_s - records[0].at_s for one in records if one.project_id == project_id]
        per_s = Rate.parse(after).per_s
        settled = sum(10.0 <= at < 20.0 for at in arrived)
        assert settled == pytest.approx(10.0 * per_s, abs=max(1.0, 0.05 * 10.0 * per_s))


def test_a_pause_in_an_outage_sends_no_probe_and_the_row_and_the_run_survive_it(folder: Path) -> None:
    """It lasts longer than the longest outage that is allowed."""
    outage = Outage(3.0, 30.0, faults.gateway_error(503))
    sandbox = small_service(secrets=200, faults=outage)
    limits = Limits(rate=Rate(20.0), timeout_s=10.0, max_outage_s=60.0)
    job, records = lived(folder, sandbox, limits, (15.0, "20/s", True), (500.0, "20/s", False))
    assert between(records, 15.1, 500.0) == []
    assert {*job.statuses()} == {Status.UPDATED}


def test_a_paused_run_that_is_told_to_stop_ends_at_once(folder: Path) -> None:
    sandbox = small_service(secrets=100)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    ended_s: list[float] = []

    def arrange(session: Session) -> None:
        loop = asyncio.get_running_loop()
        controlled((2.0, "10/s", True))(session)
        loop.call_later(60.0, session.stop, "told to")
        loop.call_later(60.5, lambda: ended_s.append(len(asyncio.all_tasks(loop))))

    end = run_job(job, Limits(rate=Rate(10.0)), meanwhile=arrange)
    assert end is not None
    assert end.stopped == "told to"
    assert ended_s == [], "the loop was over by then"
    assert {*job.statuses()} == {Status.UPDATED, Status.NOT_ATTEMPTED}


def test_what_was_changed_stands_in_the_ledger_with_the_session(folder: Path) -> None:
    sandbox = small_service(secrets=100)
    changes: list[Change] = [(1.0, "5/s", False), (2.0, "5/s", True), (3.0, "5/s", True), (4.0, "10/s", False)]
    job, _ = lived(folder, sandbox, Limits(rate=Rate(10.0)), *changes)
    with Ledger(job.folder) as ledger:
        (session,) = ledger.told.sessions()
    assert [one.words for one in session.controls] == [
        "rate 5/s (before 10/s)",
        "paused",
        "rate 10/s (before 5/s), continued",
    ]
    assert [round(later.at - one.at) for one, later in itertools.pairwise(session.controls)] == [1, 2]
