"""How a project stands while it is run, in virtual time: what slows it, in figures."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from batch.engine.session import Session
from batch.sandbox import faults
from batch.sandbox.assembly import Sandbox
from batch.sandbox.quota import ProjectQuota, parse_rate
from jobs.rate import Rate
from jobs.run_view import ScopeState, ScopeView
from jobs.spec import Limits
from tests.engine.machine import load_job, run_job
from tests.engine.rows import moves, project_of, small_service
from tests.kit.bad_days import Share, While
from tests.oracle import Asked


def seen(
    folder: Path, sandbox: Sandbox, rate: float, *moments_s: float, asked: Sequence[Asked] | None = None
) -> list[ScopeView]:
    """The only project of a sandbox at these moments of a run."""
    views: list[ScopeView] = []

    def look_at(session: Session) -> Callable[[], None]:
        return lambda: views.extend(session.look().scopes)

    def meanwhile(session: Session) -> None:
        for moment_s in moments_s:
            asyncio.get_running_loop().call_later(moment_s, look_at(session))

    job = load_job(folder / "run", sandbox, asked or moves(sandbox))
    run_job(job, Limits(rate=Rate(rate), timeout_s=10.0, max_outage_s=300.0), meanwhile=meanwhile)
    return views


def test_a_share_of_failures_is_seen_with_its_code_while_the_rest_goes_on(folder: Path) -> None:
    sandbox = small_service(secrets=500, faults=Share(0.3, faults.gateway_error(504)))
    (view,) = seen(folder, sandbox, 50.0, 8.0)
    assert (view.state, view.code, view.asked_per_s, view.named_per_s) == (ScopeState.SLOWED, "504", 50.0, None)
    assert 0.15 <= view.unanswered <= 0.45
    assert 25.0 <= view.accepted_per_s <= 45.0


def test_a_limit_that_the_service_names_is_seen_and_does_not_slow_what_keeps_to_it(folder: Path) -> None:
    sandbox = small_service(secrets=400, quota=ProjectQuota(parse_rate("4/s")))
    (view,) = seen(folder, sandbox, 20.0, 80.0)
    assert (view.asked_per_s, view.named_per_s) == (20.0, 4.0)
    assert view.state is (ScopeState.SLOWED if view.reduced else ScopeState.RUNNING)


def test_an_outage_is_seen_with_its_code_the_next_probe_and_the_end_of_patience(folder: Path) -> None:
    sandbox = small_service(secrets=60, faults=While(lambda now_s: now_s < 100.0, faults.gateway_error(502)))
    (view,) = seen(folder, sandbox, 10.0, 60.0)
    assert (view.state, view.code) == (ScopeState.OUTAGE, "502")
    assert view.gives_up_in_s is not None
    assert 200.0 < view.gives_up_in_s < 290.0


def test_a_key_that_is_held_back_is_seen_with_what_the_service_said_of_it(folder: Path) -> None:
    sandbox = small_service(secrets=100)
    disabled = project_of(sandbox).key_ids.disabled
    asked = [msgspec.structs.replace(one, kms_key_id=disabled) if one.row <= 50 else one for one in moves(sandbox)]
    (view,) = seen(folder, sandbox, 10.0, 3.0, asked=asked)
    assert (view.state, view.held_keys) == (ScopeState.RUNNING, 1)
    assert (view.held_reason or "").startswith("CSMS.0401: ")


def test_a_short_wait_after_a_refusal_is_part_of_the_pace(folder: Path) -> None:
    sandbox = small_service(secrets=200, faults=While(lambda now_s: 5.0 < now_s < 5.15, faults.gateway_error(429)))
    views = seen(folder, sandbox, 20.0, *(5.0 + tenth / 10 for tenth in range(20)))
    assert {view.state for view in views} <= {ScopeState.RUNNING, ScopeState.SLOWED}


def test_a_project_that_has_ended_is_looked_at_again_only_when_the_rate_is_changed(folder: Path) -> None:
    """There may be thousands of them, and others that take for hours."""
    sandbox = small_service(secrets=60, projects=2)
    rows = [*moves(sandbox, [0])[:2], *moves(sandbox, [1])]
    rows = [msgspec.structs.replace(row, row=number) for number, row in enumerate(rows, 1)]
    views: list[ScopeView] = []

    def meanwhile(session: Session) -> None:
        loop = asyncio.get_running_loop()
        for moment_s in (5.0, 6.0, 8.0):
            loop.call_later(moment_s, lambda: views.append(session.look().scopes[0]))
        loop.call_later(7.0, lambda: session.controls.obey(Rate(3.0), paused=False))

    run_job(load_job(folder / "run", sandbox, rows), Limits(rate=Rate(2.0)), meanwhile=meanwhile)
    before, again, _ = views
    assert before is again
    assert [(view.state, view.open_rows, view.asked_per_s) for view in views] == [
        *[(ScopeState.ENDED, 0, 2.0)] * 2,
        (ScopeState.ENDED, 0, 3.0),
    ]
