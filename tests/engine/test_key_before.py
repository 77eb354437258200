"""The key before: listed before a scope's first PUT, kept with its row, and never in the way of what is to be sent."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from batch.engine.session import Session
from batch.sandbox import faults
from batch.sandbox.assembly import Sandbox
from batch.sandbox.faults import InjectedFault
from batch.sandbox.lists import ListStyle, Markers
from batch.sandbox.wire import Arrival, Operation
from jobs.ledger import Ledger
from jobs.model import Status
from jobs.rate import Rate
from jobs.spec import Before, Limits
from tests.engine.crash import CrashPoint
from tests.engine.machine import Job, load_job, run_job
from tests.engine.plans import Plan
from tests.engine.rows import moves, project_of, small_service
from tests.kit.faults import canned, refusing
from tests.kit.records import records_of
from tests.oracle import violations

LIMITS = Limits(rate=Rate(10.0), timeout_s=10.0)
KEYS = project_of(small_service()).key_ids
OLD, NEW = KEYS.old, KEYS.new
UPDATED, UNCHANGED = Status.UPDATED, Status.UNCHANGED


def listing(folder: Path, sandbox: Sandbox, rows: int | None = None, **changes: object) -> Job:
    asked = [msgspec.structs.replace(one, **changes) for one in moves(sandbox)[:rows]]
    job = load_job(folder / "run", sandbox, asked)
    job.lists = Before.LIST
    return job


def told(job: Job) -> list[tuple[Status, str | None]]:
    with Ledger(job.folder) as ledger:
        return [(row.outcome.status, row.before_kms_key_id) for row in ledger.told.rows()]


def trouble(job: Job) -> tuple[str | None, int]:
    """What is reported of the list of the only project, and of how many changed rows the key before is not known."""
    with Ledger(job.folder) as ledger:
        (scope,) = ledger.told.scopes()
    return scope.unlisted, scope.unseen


def asked_for(job: Job) -> str:
    """One letter for each request: a list, a read, a PUT."""
    letters = {"PUT": "P", "GET": "r"}
    return "".join(letters[one.method] if one.secret_name else "L" for one in records_of(job.sandbox.journal))


def span_s(job: Job) -> float:
    """From the first request to the last."""
    arrived = [one.at_s for one in records_of(job.sandbox.journal)]
    return max(arrived) - min(arrived)


class Lists:
    """Answers the n-th list, counted from 0, in the way that the scenario gives."""

    def __init__(self, page: Callable[[int], InjectedFault | None]) -> None:
        self._page = page
        self._asked = 0

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        if arrival.route is None or arrival.route.operation is not Operation.LIST_SECRETS:
            return None
        self._asked += 1
        return self._page(self._asked - 1)


def page(names: Sequence[str], marker: str | None, key: str = OLD) -> InjectedFault:
    secrets = [{"name": name, "kms_key_id": key} for name in names]
    body = {"secrets": secrets, "page_info": {"next_marker": marker, "current_count": len(secrets)}}
    return canned(200, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("most", "markers", "lists", "slower"),
    [
        (1_000, Markers.EXCLUSIVE, 1, 0.005),
        (1_000, Markers.NONE, 1, 0.005),
        (50, Markers.EXCLUSIVE, 10, 0.025),
        (50, Markers.INCLUSIVE, 11, 0.025),
        (50, Markers.NEXT, 10, 0.025),
        (50, Markers.NONE, 10, 0.025),
    ],
)
def test_the_keys_before_of_500_rows_cost_a_page_for_as_many_as_the_service_shows_on_one(
    tmp_path: Path, most: int, markers: Markers, lists: int, slower: float
) -> None:
    usual = small_service(secrets=500)
    run_job(load_job(tmp_path / "usual", usual, moves(usual)), LIMITS)
    job = listing(tmp_path, small_service(secrets=500, lists=ListStyle(page_size=most, markers=markers)))
    run_job(job, LIMITS)
    assert asked_for(job) == "L" * lists + "P" * 500
    assert told(job) == [(UPDATED, OLD)] * 500
    spans = [span_s(one) for one in (job, Job(folder=tmp_path, sandbox=usual, asked=(), before={}))]
    assert spans[0] <= spans[1] * (1 + slower)
    assert violations(job.case(LIMITS)) == []


def test_no_more_pages_are_asked_for_than_they_save_reads(tmp_path: Path) -> None:
    sandbox = small_service(secrets=20, lists=ListStyle(page_size=2))
    last = [msgspec.structs.replace(one, row=row) for row, one in enumerate(moves(sandbox)[-3:], 1)]
    job = load_job(tmp_path / "run", sandbox, last)
    job.lists = Before.LIST
    run_job(job, LIMITS)
    assert asked_for(job).count("L") == 3
    assert sorted(asked_for(job)[3:]) == ["P", "P", "P", "r", "r", "r"]
    assert told(job) == [(UPDATED, OLD)] * 3
    assert violations(job.case(LIMITS)) == []


def test_a_name_that_the_list_does_not_show_is_read_and_sent(tmp_path: Path) -> None:
    sandbox = small_service(secrets=4)
    job = listing(tmp_path, sandbox)
    hidden = project_of(sandbox).names.pop(1)
    run_job(job, LIMITS)
    assert sorted(asked_for(job)) == sorted("LrPPPP")
    assert next(one.method for one in records_of(sandbox.journal) if one.secret_name == hidden) == "GET"
    assert told(job) == [(UPDATED, OLD)] * 4
    assert (trouble(job), violations(job.case(LIMITS))) == ((None, 0), [])


FAILURES = {
    "a missing right": refusing("CSMS.0302", status=403),
    "a filter before the service": faults.page(403),
    "no such API": refusing("APIGW.0101"),
    "an outage": faults.gateway_error(503),
    "silence": faults.silence(applied=False),
    "its rate": faults.gateway_error(429),
    "a text that is no list": canned(200, b"[]"),
    "a list of what cannot be names": canned(200, b'{"secrets":[{"name":"..","kms_key_id":"x"}]}'),
}


@pytest.mark.parametrize("met", FAILURES.values(), ids=FAILURES)
def test_a_list_that_fails_is_tried_three_times_and_then_rows_go_without(tmp_path: Path, met: InjectedFault) -> None:
    job = listing(tmp_path, small_service(secrets=6, faults=Lists(lambda _: met)))
    run_job(job, LIMITS)
    assert asked_for(job) == "LLLPPPPPP"
    assert told(job) == [(UPDATED, None)] * 6
    reason, unseen = trouble(job)
    assert reason
    assert unseen == 6
    assert violations(job.case(LIMITS)) == []


def test_a_list_that_fails_only_twice_costs_no_row_its_key_before(tmp_path: Path) -> None:
    job = listing(
        tmp_path, small_service(secrets=3, faults=Lists(lambda n: faults.gateway_error(502) if n < 2 else None))
    )
    run_job(job, LIMITS)
    assert (asked_for(job), told(job), trouble(job)) == ("LLLPPP", [(UPDATED, OLD)] * 3, (None, 0))


NAMES = project_of(small_service(secrets=6)).names
LIES: dict[str, tuple[Callable[[int], InjectedFault], int, bool]] = {
    "each name twice": (lambda _: page(NAMES + NAMES, None), 1, False),
    "the first page for ever": (lambda _: page(NAMES[:2], "same"), 2, True),
    "the first page under new markers": (lambda n: page(NAMES[:2], f"m{n}"), 4, False),
    "pages in a circle": (lambda n: page(NAMES[n % 2 : n % 2 + 1], f"m{n % 2}"), 3, True),
    "an empty page in the middle": (lambda n: page([(), NAMES][n == 1], [f"m{n}", None][n == 1]), 2, False),
    "nothing but empty pages": (lambda n: page((), f"m{n}"), 6, False),
    "secrets of somebody else": (lambda _: page(["x", "y"], None), 1, False),
    "a name twice with two keys": (lambda n: page(NAMES, [f"m{n}", None][n == 1], [OLD, KEYS.default][n]), 1, False),
    "no end of new names": (lambda n: page([f"x{n}"], f"m{n}"), 6, False),
}


@pytest.mark.parametrize(("lie", "pages", "reported"), LIES.values(), ids=LIES)
def test_a_list_that_lies_keeps_no_row_from_being_sent(
    tmp_path: Path, lie: Callable[[int], InjectedFault], pages: int, *, reported: bool
) -> None:
    job = listing(tmp_path, small_service(secrets=6, faults=Lists(lie)))
    run_job(job, LIMITS)
    assert asked_for(job).count("L") == pages
    assert told(job) == [(UPDATED, OLD)] * 6
    assert (trouble(job)[0] is not None, trouble(job)[1]) == (reported, 0)


def test_rows_that_have_their_change_already_end_without_a_put_but_not_over_another_description(
    tmp_path: Path,
) -> None:
    sandbox = small_service(secrets=5)
    project = project_of(sandbox)
    for name in project.names[:4]:
        project.put(msgspec.structs.replace(project.secrets[name], kms_key_id=NEW.upper(), description="as it was"))
    asked = moves(sandbox)
    asked[1:4] = [
        msgspec.structs.replace(asked[1], description="as it was"),
        msgspec.structs.replace(asked[2], description="another one"),
        msgspec.structs.replace(asked[3], expected_kms_key_id=OLD),
    ]
    job = load_job(tmp_path / "run", sandbox, asked)
    job.lists = Before.LIST
    run_job(job, LIMITS)
    assert asked_for(job) == "LPP"
    assert told(job) == [(UNCHANGED, NEW.upper())] * 2 + [
        (UPDATED, NEW.upper()),
        (UNCHANGED, NEW.upper()),
        (UPDATED, OLD),
    ]


def test_a_row_that_expects_another_key_than_the_list_shows_is_judged_by_its_own_read(tmp_path: Path) -> None:
    everybody = project_of(small_service(secrets=2)).names
    job = listing(
        tmp_path,
        small_service(secrets=2, faults=Lists(lambda _: page(everybody, None, KEYS.default))),
        expected_kms_key_id=OLD,
    )
    run_job(job, LIMITS)
    assert sorted(asked_for(job)) == sorted("LrPrP")
    assert told(job) == [(UPDATED, KEYS.default)] * 2


def test_the_read_for_an_expected_key_tells_the_key_before_where_nothing_is_listed(tmp_path: Path) -> None:
    job = listing(tmp_path, small_service(secrets=3), expected_kms_key_id=OLD)
    job.lists = Before.OFF
    run_job(job, LIMITS)
    assert "L" not in asked_for(job)
    assert told(job) == [(UPDATED, OLD)] * 3
    assert violations(job.case(LIMITS)) == []


def test_a_row_in_doubt_that_the_next_list_shows_on_its_key_is_verified_and_its_key_before_is_kept(
    tmp_path: Path,
) -> None:
    job = listing(tmp_path, small_service(secrets=3))
    run_job(job, LIMITS, crash=CrashPoint("arrived", 3))
    with Ledger(job.folder) as ledger:
        (scope,) = ledger.open_scopes()
        in_doubt = [row.row for row in ledger.open_rows(scope.id, 0, 9) if row.doubt]
    seen = len(records_of(job.sandbox.journal))
    run_job(job, LIMITS)
    assert asked_for(job)[seen] == "L"
    statuses = told(job)
    assert [statuses[row - 1][0] for row in in_doubt].count(Status.VERIFIED) >= 1
    assert [before for _, before in statuses] == [OLD] * 3
    assert violations(job.case(LIMITS)) == []


def test_rows_that_were_sent_without_a_key_before_never_get_one(tmp_path: Path) -> None:
    plan = Plan({("write", name, 1): faults.gateway_error(504) for name in NAMES})
    job = listing(tmp_path, small_service(secrets=6, faults=plan))
    job.lists = Before.OFF
    run_job(job, msgspec.structs.replace(LIMITS, max_attempts=1), meanwhile=stopping(after_s=3.0))
    job.lists = Before.LIST
    run_job(job, LIMITS)
    assert [before for _, before in told(job)] == [None] * 6
    assert violations(job.case(LIMITS)) == []


def stopping(after_s: float, *, cancel: bool = False) -> Callable[[Session], None]:
    def arrange(session: Session) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(after_s, session.stop, "told to")
        if cancel:
            loop.call_later(after_s + 0.01, session.cancel)

    return arrange


@pytest.mark.parametrize("cancel", [False, True])
def test_a_stop_while_a_page_is_on_its_way_ends_the_session_with_nothing_sent(tmp_path: Path, *, cancel: bool) -> None:
    job = listing(tmp_path, small_service(secrets=3, faults=Lists(lambda _: faults.silence(applied=False))))
    end = run_job(job, LIMITS, meanwhile=stopping(1.0, cancel=cancel))
    assert end is not None
    assert (end.stopped, end.defect, end.unrecorded) == ("told to", None, ())
    assert (asked_for(job), told(job)) == ("L", [(Status.NOT_ATTEMPTED, None)] * 3)
    assert trouble(job) == (None, 0)
    run_job(job, LIMITS)


def test_a_pause_holds_the_list_too(tmp_path: Path) -> None:
    job = listing(tmp_path, small_service(secrets=3))

    def paused(session: Session) -> None:
        session.controls.obey(LIMITS.rate, paused=True)
        asyncio.get_running_loop().call_later(60.0, lambda: session.controls.obey(LIMITS.rate, paused=False))

    run_job(job, LIMITS, gap_s=0.0, meanwhile=paused)
    assert (asked_for(job), told(job)) == ("LPPP", [(UPDATED, OLD)] * 3)
    assert records_of(job.sandbox.journal)[0].at_s >= 60.0


def test_where_reads_are_refused_rows_are_sent_all_the_same(tmp_path: Path) -> None:
    sandbox = small_service(secrets=40, denied=frozenset({Operation.SHOW_SECRET}))
    job = listing(tmp_path, sandbox)
    project_of(sandbox).names.clear()
    run_job(job, msgspec.structs.replace(LIMITS, concurrency=16))
    assert told(job) == [(UPDATED, None)] * 40
    assert trouble(job) == (None, 40)
    assert violations(job.case(LIMITS)) == []


def test_where_writes_are_refused_the_scope_stops_as_if_nothing_had_been_read_before(tmp_path: Path) -> None:
    sandbox = small_service(secrets=40, denied=frozenset({Operation.UPDATE_SECRET}))
    job = listing(tmp_path, sandbox)
    project_of(sandbox).names.clear()
    end = run_job(job, LIMITS)
    assert end is not None
    assert "rows in a row were refused" in (end.stopped or "")
    assert {status for status, _ in told(job)} == {Status.NOT_ATTEMPTED}
    # Eight, and one that was being read when the fifth was refused.
    assert asked_for(job).count("P") == 9


def test_without_open_rows_nothing_is_listed_and_a_resume_lists_once_more(tmp_path: Path) -> None:
    job = listing(tmp_path, small_service(secrets=30))
    run_job(job, LIMITS, meanwhile=stopping(after_s=1.0))
    run_job(job, LIMITS)
    run_job(job, LIMITS)
    assert asked_for(job).count("L") == 2
    assert told(job) == [(UPDATED, OLD)] * 30
    assert violations(job.case(LIMITS)) == []
