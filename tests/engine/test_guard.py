"""A session that is guarded: nothing leaves once that is forbidden, nor a PUT before what is on record is kept."""

import asyncio
from pathlib import Path

import pytest

from batch.engine.session import Session
from jobs.model import Status
from jobs.rate import Rate
from jobs.spec import Before, Limits
from tests.engine.machine import Job, load_job, run_job
from tests.engine.rows import moves, small_service
from tests.kit.records import records_of
from tests.oracle import violations

LIMITS = Limits(rate=Rate(10.0), timeout_s=10.0)


def job_in(folder: Path, lists: Before = Before.OFF, projects: int = 1) -> Job:
    sandbox = small_service(secrets=20, projects=projects)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    job.lists = lists
    return job


@pytest.mark.parametrize("connect_s", [0.0, 3.0])
def test_nothing_leaves_any_more_from_the_moment_that_it_is_forbidden(folder: Path, connect_s: float) -> None:
    """Also not what had been let out, and waits for a connection."""
    job = job_in(folder)

    def forbidden() -> str | None:
        return "the lease is lost" if asyncio.get_running_loop().time() >= 1_001.0 else None

    job.outside = {"forbidden": forbidden}
    end = run_job(job, LIMITS, line={"connect_s": connect_s})
    assert end is not None
    assert end.stopped == "the lease is lost"
    assert len(records_of(job.sandbox.journal)) == (0 if connect_s else 10)
    assert violations(job.case(LIMITS)) == []
    job.outside = {}
    assert run_job(job, LIMITS) is not None
    assert set(job.statuses()) == {Status.UPDATED}
    assert all(claim.attempts == 1 for claim in job.claims())


@pytest.mark.parametrize("lists", list(Before))
def test_each_project_waits_before_its_first_put_until_what_is_on_record_is_kept(folder: Path, lists: Before) -> None:
    job = job_in(folder, lists, projects=2)
    job.outside = {"keep": lambda: asyncio.sleep(5.0)}
    began_s = job.sandbox.exchange.last_s + 1.0
    assert run_job(job, LIMITS) is not None
    records = records_of(job.sandbox.journal)
    for project in job.sandbox.world.projects.values():
        own = [one for one in records if one.project_id == project.id]
        looks = [one.at_s for one in own if one.method == "GET"]
        assert len(looks) == (1 if lists is Before.LIST else 0)
        assert min(one.at_s for one in own if one.method == "PUT") >= 5.0 + max(looks, default=began_s)
    assert set(job.statuses()) == {Status.UPDATED}


def stopped_soon(session: Session) -> None:
    asyncio.get_running_loop().call_later(3.0, session.stop, "enough")


def test_a_session_that_is_stopped_does_not_wait_until_anything_is_kept(folder: Path) -> None:
    job = job_in(folder)
    job.outside = {"keep": lambda: asyncio.sleep(1e6)}
    end = run_job(job, LIMITS, meanwhile=stopped_soon)
    assert end is not None
    assert end.stopped == "enough"
    assert set(job.statuses()) == {Status.NOT_ATTEMPTED}


def test_a_session_that_is_held_sends_nothing_until_it_is_let_go_whatever_else_is_asked_of_it(folder: Path) -> None:
    job = job_in(folder)
    began_s = job.sandbox.exchange.last_s + 1.0

    def held(session: Session) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, session.controls.hold, True)  # noqa: FBT003 - as it is there
        loop.call_later(1.0, lambda: session.controls.obey(LIMITS.rate, paused=True))
        loop.call_later(2.0, lambda: session.controls.obey(LIMITS.rate, paused=False))
        loop.call_later(2.5, lambda: shown.append(session.look().paused))
        loop.call_later(9.0, session.controls.hold, False)  # noqa: FBT003 - the same

    shown: list[bool] = []
    assert run_job(job, LIMITS, meanwhile=held) is not None
    at = [one.at_s - began_s for one in records_of(job.sandbox.journal)]
    assert not [one for one in at if 0.6 < one < 9.0]
    assert shown == [True]
    assert set(job.statuses()) == {Status.UPDATED}
