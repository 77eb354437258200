"""A login that ends in the middle of a run, in virtual time: no row pays for it, and no doubt is lost over it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from batch.csms.auth.iam import Token
from batch.csms.auth.renewal import Renewal
from batch.csms.auth.token import TokenBearer
from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import WireRequest
from batch.engine.session import Session
from batch.redaction.masked import Masked
from batch.sandbox import faults
from batch.sandbox.assembly import Sandbox
from batch.sandbox.faults import InjectedFault
from batch.sandbox.wire import Arrival
from jobs.ledger import Ledger
from jobs.model import Status
from jobs.rate import Rate
from jobs.run_view import ScopeState, ScopeView
from jobs.spec import Before, Limits
from tests.engine.machine import load_job, run_job
from tests.engine.rows import moves, small_service
from tests.kit.faults import canned, refusing
from tests.kit.records import records_of
from tests.kit.scripts import Numbers, Updates
from tests.oracle import violations

LIMITS = Limits(rate=Rate(20.0), timeout_s=10.0, max_attempts=1)
DOWN = Fault(kind=FaultKind.UNAVAILABLE, code="HTTP.503", message="IAM is down", maybe_applied=False)
REFUSED = faults.gateway_error(401)
TIMED_OUT_REFUSED = canned(504, b'{"error_code":"APIGW.0307","error_msg":"The token must be updated."}')


def login_for(
    sandbox: Sandbox, fetch: Callable[[int], Awaitable[Token | Fault]], *, has_one: bool = True, locks: bool = False
) -> type[TokenBearer]:
    """A login whose `fetch` learns how often it was asked; whatever it holds, the sandbox lets it in."""

    class Login(TokenBearer):
        def __init__(self, _token: Masked) -> None:
            self._asked = 0
            held = Token(value=Masked("first")) if has_one else None
            super().__init__(Renewal(self._fetch, held=held, locks=locks))

        def for_scope(self, _endpoint: str, _project_id: str) -> "Login":
            return self

        async def authorize(self, request: WireRequest) -> WireRequest:
            await super().authorize(request)
            headers = {**request.headers, "X-Auth-Token": sandbox.token}
            return WireRequest(method=request.method, target=request.target, headers=headers, body=request.body)

        async def _fetch(self) -> Token | Fault:
            self._asked += 1
            return await fetch(self._asked)

    return Login


class Ending:
    """From the tenth request on refuses the token, until there is another."""

    def __init__(self) -> None:
        self.arrived = 0
        self.renewed = False

    def decide(self, arrival: Arrival) -> InjectedFault | None:  # noqa: ARG002 - as `Faults`
        self.arrived += 1
        return REFUSED if self.arrived >= 10 and not self.renewed else None


async def another(asked: int) -> Token | Fault:
    return Token(value=Masked(f"token {asked}"))


def test_iam_that_is_down_when_a_token_ends_is_waited_for_and_no_row_pays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down_for_two_minutes(asked: int) -> Token | Fault:
        ending.renewed = asyncio.get_running_loop().time() >= began[0] + 120.0
        return await another(asked) if ending.renewed else DOWN

    began: list[float] = []
    ending = Ending()
    sandbox = small_service(secrets=40, faults=ending)
    monkeypatch.setattr("tests.engine.machine.TokenCredential", login_for(sandbox, down_for_two_minutes))
    job = load_job(folder / "run", sandbox, moves(sandbox))
    end = run_job(job, LIMITS, meanwhile=lambda _: began.append(asyncio.get_running_loop().time()))
    assert end is not None
    assert end.stopped is None
    assert {*job.statuses()} == {Status.UPDATED}
    assert violations(job.case(LIMITS)) == []
    assert sum(record.status == 401 for record in records_of(sandbox.journal)) <= 4


def test_iam_that_stays_down_ends_the_run_in_time_with_no_row_touched(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(_asked: int) -> Token | Fault:
        return DOWN

    sandbox = small_service(secrets=3, faults=Numbers({1: REFUSED}))
    monkeypatch.setattr("tests.engine.machine.TokenCredential", login_for(sandbox, down))
    job = load_job(folder / "run", sandbox, moves(sandbox))
    times: list[float] = []
    end = run_job(job, LIMITS, meanwhile=lambda _: times.append(asyncio.get_running_loop().time()))
    assert end is not None
    assert "down" in (end.stopped or "")
    assert job.statuses() == [Status.NOT_ATTEMPTED] * 3
    assert len(records_of(sandbox.journal)) == 1


def test_a_login_that_is_down_from_the_start_is_seen_within_seconds_and_given_up_in_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what the last try met, the next one, and the end of patience; the time counts from the first try, for all
    projects together.
    """
    views: dict[float, ScopeView] = {}

    async def down(_asked: int) -> Token | Fault:
        return DOWN

    def meanwhile(session: Session) -> None:
        loop = asyncio.get_running_loop()
        for moment_s in (1.0, 5.0, 33.0, 100.0, 155.0):
            loop.call_later(moment_s, look, session, moment_s)

    def look(session: Session, at_s: float) -> None:
        views[at_s] = session.look().scopes[0]

    sandbox = small_service(secrets=6, projects=3)
    login = login_for(sandbox, down, has_one=False, locks=True)
    monkeypatch.setattr("tests.engine.machine.TokenCredential", login)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    job.lists = Before.LIST
    end = run_job(job, msgspec.structs.replace(LIMITS, max_outage_s=120.0), meanwhile=meanwhile)
    assert views[1.0].state is ScopeState.RUNNING
    for moment_s in (5.0, 33.0, 100.0):
        view = views[moment_s]
        assert (view.state, view.code, view.login) == (ScopeState.OUTAGE, "HTTP.503", ""), moment_s
        assert view.gives_up_in_s == pytest.approx(120.0 - moment_s, abs=0.1)
    assert views[5.0].again_in_s == pytest.approx(2.0, abs=0.1)
    assert end is not None
    down_s = re.search("the login has been down for ([0-9]+) s", end.stopped or "")
    assert down_s is not None, end.stopped
    # A login that is under way is waited for.
    assert 120 <= int(down_s[1]) <= 120 + 35
    assert 155.0 not in views
    assert job.statuses() == [Status.NOT_ATTEMPTED] * 6
    assert not records_of(sandbox.journal)


def test_breaking_off_while_a_new_token_is_waited_for_leaves_no_doubt(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_asked: int) -> Token | Fault:
        await asyncio.Event().wait()
        raise AssertionError

    def break_off(session: Session) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(5.0, session.stop, "told to")
        loop.call_later(6.0, session.cancel)

    sandbox = small_service(secrets=8, faults=Numbers(dict.fromkeys(range(4, 9), REFUSED)))
    monkeypatch.setattr("tests.engine.machine.TokenCredential", login_for(sandbox, never))
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, LIMITS, meanwhile=break_off)
    assert {*job.statuses()} == {Status.UPDATED, Status.NOT_ATTEMPTED}
    with Ledger(job.folder) as ledger:
        (scope,) = ledger.open_scopes()
        assert all(row.attempts == row.spent and not row.doubt for row in ledger.open_rows(scope.id, 0, 99))


def test_a_gateway_that_gave_up_and_speaks_of_the_token_leaves_its_row_in_doubt(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = small_service(secrets=1, faults=Numbers({1: TIMED_OUT_REFUSED, 2: refusing("CSMS.0103")}))
    monkeypatch.setattr("tests.engine.machine.TokenCredential", login_for(sandbox, another))
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, LIMITS)
    assert [record.method for record in records_of(sandbox.journal)] == ["PUT", "PUT", "GET", "GET"]
    assert job.statuses() == [Status.REJECTED]
    # The first attempt cost nothing, which its 504 does not show.
    assert violations(job.case(msgspec.structs.replace(LIMITS, max_attempts=2))) == []


def test_a_late_landing_is_waited_for_from_the_moment_the_put_left_and_not_from_its_turn(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(asked: int) -> Token | Fault:
        return DOWN if asked <= 5 else await another(asked)

    late = faults.gateway_error(504, lands_after_s=55.0)
    sandbox = small_service(secrets=1, faults=Updates({(moves(small_service(secrets=1))[0].secret_name, 1): late}))
    monkeypatch.setattr("tests.engine.machine.TokenCredential", login_for(sandbox, slow, has_one=False))
    limits = Limits(rate=Rate(20.0), timeout_s=60.0, max_attempts=1)
    job = load_job(folder / "run", sandbox, moves(sandbox))
    run_job(job, limits)
    assert job.statuses() == [Status.VERIFIED]
    assert violations(job.case(limits)) == []
