"""Waves: one is done before the next begins, over all projects, and a bad one is never passed unasked."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from batch.engine.session import Session
from batch.sandbox.assembly import Sandbox
from jobs.ledger import Ledger
from jobs.model import Status
from jobs.rate import Rate
from jobs.run_view import ScopeState, WaveStage, WaveView
from jobs.spec import Before, Limits
from tests.engine.machine import Job, load_job, run_job
from tests.engine.rows import moves, small_service
from tests.kit.records import Record, records_of
from tests.oracle import violations

LIMITS = Limits(rate=Rate(10.0), timeout_s=10.0)
SOAKED = msgspec.structs.replace(LIMITS, soak_s=600.0)
BY_HAND = {"by_hand": True}
BAD = "nowhere"


class Ask:
    """Is asked between two waves, and answers what it is asked to."""

    def __init__(self, *answers: str | None, takes_s: float = 0.0) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)
        self._takes_s = takes_s
        self._stopped = asyncio.Event()

    async def ask(self, wave: str) -> str | None:
        self.asked.append(wave)
        try:
            async with asyncio.timeout(self._takes_s):
                await self._stopped.wait()
        except TimeoutError:
            return self._answers.pop(0) if self._answers else None
        return "broken off"

    def stop(self) -> None:
        self._stopped.set()

    def cancel(self) -> None:
        self._stopped.set()


def waved(folder: Path, sandbox: Sandbox, wave_of: Callable[[int], str], *, bad: Sequence[int] = ()) -> Job:
    """Every secret moved, the wave of a row by its number; rows that are `bad` name a secret that is not there."""
    asked = [msgspec.structs.replace(one, wave=wave_of(one.row)) for one in moves(sandbox)]
    asked = [msgspec.structs.replace(one, secret_name=f"{BAD}-{one.row}") if one.row in bad else one for one in asked]
    return load_job(folder / "run", sandbox, asked)


def ran(
    job: Job, limits: Limits = LIMITS, *, outside: Mapping[str, object] | None = None, **more: object
) -> str | None:
    """One session, in which the oracle finds nothing wrong; why it stopped."""
    job.outside = outside or {}
    end = run_job(job, limits, **more)  # type: ignore[arg-type]  # what a session is run with
    assert end is not None
    assert (end.broken, end.defect, end.unrecorded) == (None, None, ())
    assert violations(job.case(limits)) == []
    return end.stopped


def waves_seen(job: Job) -> list[str | None]:
    """The wave of each PUT, as often as one follows another."""
    wave_of = {one.place: one.wave for one in job.asked}
    seen = [wave_of[one.project_id or "", one.secret_name or ""] for one in puts(job)]
    return [wave for place, wave in enumerate(seen) if place == 0 or wave != seen[place - 1]]


def puts(job: Job) -> list[Record]:
    return [one for one in records_of(job.sandbox.journal) if one.method == "PUT"]


def gap_s(job: Job) -> float:
    """From the last answer of the first wave to the first request of the second."""
    last, first = puts(job)[9:11]
    assert last.ended_s is not None
    return first.at_s - last.ended_s


def thirds(row: int) -> str:
    return ("canary", "", "rest")[row % 3 - 1]


def halves(row: int) -> str:
    return "first" if row <= 10 else "second"


def test_waves_run_one_after_another_over_all_projects_in_the_order_of_their_first_rows(folder: Path) -> None:
    """Rows without a value are a wave like any other; all that a project has learned of its quota lasts."""
    sandbox = small_service(secrets=60, projects=3)
    job = waved(folder, sandbox, thirds)
    assert ran(job) is None
    assert waves_seen(job) == ["canary", "", "rest"]
    assert {*job.statuses()} == {Status.UPDATED}
    # No time is lost between two waves, and no burst is gained.
    assert puts(job)[-1].at_s - puts(job)[0].at_s == pytest.approx(2.0, abs=0.3)


def test_a_wave_that_only_some_projects_have_uses_all_slots(folder: Path) -> None:
    sandbox = small_service(secrets=80, projects=8)
    job = waved(folder, sandbox, lambda row: "one" if row <= 10 else "others")
    limits = Limits(rate=Rate.parse("unlimited"), concurrency=8, timeout_s=10.0)
    assert ran(job, limits, line={"back_s": 1.0}) is None
    first = [one for one in puts(job) if one.project_id == job.asked[0].project_id]
    assert max(one.open for one in first) == 8


def test_a_repeat_runs_with_the_row_that_it_repeats(folder: Path) -> None:
    sandbox = small_service(secrets=4)
    asked = [msgspec.structs.replace(one, wave=f"w{one.row}") for one in moves(sandbox)]
    asked.append(msgspec.structs.replace(asked[0], row=5, wave="w4"))
    job = load_job(folder / "run", sandbox, asked)
    assert ran(job) is None
    with Ledger(job.folder) as ledger:
        assert [(wave.name, wave.rows, wave.done) for wave in ledger.told.waves()] == [
            ("w1", 2, 2),
            ("w2", 1, 1),
            ("w3", 1, 1),
            ("w4", 1, 1),
        ]


def test_a_wave_with_a_row_that_is_not_done_stops_the_run(folder: Path) -> None:
    job = waved(folder, small_service(secrets=20), halves, bad=[3])
    stopped = ran(job)
    assert stopped == "wave 'first': 1 of 10 rows not done, so the next wave did not begin"
    assert waves_seen(job) == ["first"]
    assert job.statuses()[10:] == [Status.NOT_ATTEMPTED] * 10


def test_an_invalid_row_counts_as_not_done_and_one_that_is_left_out_does_not(folder: Path) -> None:
    sandbox = small_service(secrets=20)
    asked = [msgspec.structs.replace(one, wave=halves(one.row)) for one in moves(sandbox)]
    left_out = [msgspec.structs.replace(one, selected=one.row != 2) for one in asked]
    job = load_job(folder / "left-out", sandbox, left_out)
    assert ran(job) is None
    invalid = [msgspec.structs.replace(one, usable=one.row != 2) for one in asked]
    sandbox = small_service(secrets=20)
    job = load_job(folder / "invalid", sandbox, invalid)
    assert ran(job) == "wave 'first': 1 of 10 rows not done, so the next wave did not begin"


def test_a_person_who_resumes_goes_past_a_bad_wave_and_a_scheduler_does_not(folder: Path) -> None:
    job = waved(folder, small_service(secrets=20), halves, bad=[3])
    reason = ran(job)
    seen = len(records_of(job.sandbox.journal))
    assert ran(job) == reason
    assert len(records_of(job.sandbox.journal)) == seen
    assert ran(job, outside=BY_HAND) is None
    assert job.statuses() == [*[Status.UPDATED] * 2, Status.REJECTED, *[Status.UPDATED] * 17]


def test_a_person_who_resumes_accepts_nothing_that_happens_only_now(folder: Path) -> None:
    """The open rows of the wave come first, and a new one of them that is not done stops the run again."""
    job = waved(folder, small_service(secrets=20), halves, bad=[1, 9])
    limits = msgspec.structs.replace(LIMITS, rate=Rate(5.0), max_duration_s=1.0)
    assert "--max-duration" in (ran(job, limits) or "")
    assert Status.NOT_ATTEMPTED in job.statuses()[5:8]
    assert ran(job, outside=BY_HAND) == "wave 'first': 2 of 10 rows not done, so the next wave did not begin"
    assert waves_seen(job) == ["first"]
    assert (ran(job, outside=BY_HAND), waves_seen(job)) == (None, ["first", "second"])


def test_rows_that_stay_open_hold_a_run_up_once_and_a_person_passes_them(folder: Path) -> None:
    """A key that is refused again and again: its rows are tried first, and then the next wave begins."""
    sandbox = small_service(secrets=20)
    keys = next(iter(sandbox.world.projects.values())).key_ids
    asked = [msgspec.structs.replace(one, wave=halves(one.row)) for one in moves(sandbox)]
    asked = [
        msgspec.structs.replace(one, kms_key_id=keys.disabled) if one.row > 4 and one.row <= 10 else one
        for one in asked
    ]
    job = load_job(folder / "run", sandbox, asked)
    assert (ran(job) or "").startswith("wave 'first': 6 of 10")
    for _ in range(3):
        if ran(job, outside=BY_HAND) is None:
            break
    assert job.statuses()[10:] == [Status.UPDATED] * 10


def test_nothing_is_sent_while_it_soaks_and_a_signal_ends_that(folder: Path) -> None:
    job = waved(folder, small_service(secrets=20), halves)
    assert ran(job, SOAKED) is None
    assert gap_s(job) == pytest.approx(600.0, abs=0.5)

    job = waved(folder / "other", small_service(secrets=20), halves)

    def arrange(session: Session) -> None:
        asyncio.get_running_loop().call_later(100.0, session.stop, "interrupted by SIGTERM")

    assert ran(job, SOAKED, meanwhile=arrange) == "interrupted by SIGTERM"
    assert len(puts(job)) == 10
    # The session that continues waits for the rest of the time, also by hand.
    assert ran(job, SOAKED, outside=BY_HAND, gap_s=200.0) is None
    assert gap_s(job) == pytest.approx(600.0, abs=0.5)


def test_the_command_between_two_waves_lets_the_next_one_begin_or_stops_the_run(folder: Path) -> None:
    job = waved(folder, small_service(secrets=30), lambda row: f"w{(row - 1) // 10}")
    ask = Ask(None, "the command of --between ended with exit code 7")
    assert ran(job, outside={"between": ask}) == (
        "wave 'w1': the command of --between ended with exit code 7, so the next wave did not begin"
    )
    assert (ask.asked, waves_seen(job)) == (["w0", "w1"], ["w0", "w1"])
    # It has not said yes yet: it is asked again, and not after the last wave.
    again = Ask()
    assert ran(job, outside={"between": again}) is None
    assert (again.asked, waves_seen(job)) == (["w1"], ["w0", "w1", "w2"])


def test_a_stop_breaks_off_what_is_asked(folder: Path) -> None:
    job = waved(folder, small_service(secrets=20), halves)

    def arrange(session: Session) -> None:
        asyncio.get_running_loop().call_later(50.0, session.stop, "interrupted by SIGTERM")

    assert ran(job, outside={"between": Ask(takes_s=1e6)}, meanwhile=arrange) == "interrupted by SIGTERM"
    assert waves_seen(job) == ["first"]


def test_a_session_says_which_wave_it_is_at(folder: Path) -> None:
    job = waved(folder, small_service(secrets=40, projects=2), lambda row: "first" if row <= 20 else "second")
    views: list[tuple[WaveView | None, list[ScopeState]]] = []

    def arrange(session: Session) -> None:
        def look() -> None:
            view = session.look()
            views.append((view.wave, [scope.state for scope in view.scopes]))

        for at_s in (1.0, 100.0, 602.5):
            asyncio.get_running_loop().call_later(at_s, look)

    assert ran(job, SOAKED, meanwhile=arrange) is None
    first = WaveView(name="first", number=1, waves=2, stage=WaveStage.RUNNING)
    assert views[0] == (first, [ScopeState.RUNNING, ScopeState.WAITING])
    soaking, states = views[1]
    assert soaking is not None
    assert (soaking.stage, soaking.following, states) == (
        WaveStage.SOAKING,
        "second",
        [ScopeState.ENDED, ScopeState.WAITING],
    )
    assert soaking.again_in_s == pytest.approx(502.0, abs=1.0)
    assert views[2][0] == WaveView(name="second", number=2, waves=2, stage=WaveStage.RUNNING)


def test_the_keys_before_are_listed_once_for_all_waves(folder: Path) -> None:
    sandbox = small_service(secrets=30)
    job = waved(folder, sandbox, lambda row: f"w{(row - 1) // 10}")
    job.lists = Before.LIST
    assert ran(job) is None
    assert sum(one.secret_name is None for one in records_of(sandbox.journal)) == 1
    with Ledger(job.folder) as ledger:
        assert all(row.before_kms_key_id for row in ledger.told.rows())
