"""Looking at projects: what is seen is kept page by page, nothing is asked twice, and trouble is kept apart."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from batch.csms.auth import Masked, TokenCredential
from batch.inventory.errands import DescribeKeys, Errand, ListSecrets, ReadSecrets, ReadVersions
from batch.inventory.looking import Looked, Looking
from batch.process.clock import Clock
from batch.sandbox.assembly import Sandbox
from batch.sandbox.faults import FaultScript
from batch.sandbox.lists import ListStyle
from batch.sandbox.wire import Operation
from batch.telemetry.look_beat import LookBeat
from jobs.rate import Rate
from jobs.sightings import SeenSecret, Sightings, Wanted
from jobs.spec import Limits
from tests.engine.crash import FAILS, MOMENTS, CrashPoint
from tests.engine.plans import Down, Plan
from tests.engine.plans import fault as plan_fault
from tests.engine.rows import project_of, small_service
from tests.inventory.looks import Looks, everything, places


def service(*, page_size: int = 5, secrets: int = 60, projects: int = 3, **more: Any) -> Sandbox:
    return small_service(secrets=secrets, projects=projects, lists=ListStyle(page_size=page_size), **more)


def out(folder: Path, sandbox: Sandbox, **limits: Any) -> Looks:
    return Looks(
        folder=folder / "out", sandbox=sandbox, limits=Limits(**{"rate": Rate(20.0), "timeout_s": 10.0, **limits})
    )


def whole(looks: Looks, errands: Sequence[Errand], **more: Any) -> Looked:
    looked = looks.session(errands, **more)
    assert looked is not None
    assert (looked.broken, looked.defect) == (None, None)
    return looked


def assert_all_seen(looks: Looks) -> None:
    projects = looks.sandbox.world.projects.values()
    with Sightings(looks.folder) as sightings:
        seen = [(one.project.project_id, one.name, one.kms_key_id) for one in sightings.shown.secrets()]
        versions = [(one.project.project_id, one.secret_name, one.version_id) for one in sightings.shown.versions()]
        assert all(one.versions for one in sightings.shown.secrets())
        assert all(one.listed and one.trouble is None for one in sightings.projects())
    assert seen == sorted((one.id, name, one.secrets[name].kms_key_id) for one in projects for name in one.names)
    assert sorted(versions) == sorted(
        (one.id, name, version.id) for one in projects for name in one.names for version in one.versions[name]
    )


def want(looks: Looks, *names: str) -> None:
    """The secrets of these names in each project."""
    looks.folder.mkdir(exist_ok=True)
    rows = enumerate(((place, name) for place in places(looks.sandbox) for name in names), 1)
    with Sightings(looks.folder) as sightings:
        sightings.want(Wanted(row=row, project=place, name=name) for row, (place, name) in rows)


def secrets_of(looks: Looks) -> dict[str, SeenSecret]:
    with Sightings(looks.folder) as sightings:
        return {one.name: one for one in sightings.shown.secrets()}


def test_answers_that_arrive_together_share_a_commit(tmp_path: Path) -> None:
    """A commit waits for the disk, so one for each secret would be the pace of the whole."""
    sandbox = service(secrets=300, projects=1, page_size=300)
    looks = out(tmp_path, sandbox, rate=Rate(1_000.0), burst=50)
    (project,) = places(sandbox)
    whole(looks, [ListSecrets(project=project)])
    listed = looks.commits
    whole(looks, [ReadVersions(project=project)])
    assert_all_seen(looks)
    assert 0 < looks.commits - listed < 300 / 5


def test_an_answer_is_durable_soon_also_where_no_other_follows(tmp_path: Path) -> None:
    """A process that dies while it waits for the rate has lost nothing that it was shown."""
    sandbox = service(secrets=9, projects=1)
    looks = out(tmp_path, sandbox, rate=Rate(0.01))
    (project,) = places(sandbox)
    want(looks, *next(iter(sandbox.world.projects.values())).names)
    left = tmp_path / "left"

    def meanwhile(_: Looking) -> None:
        asyncio.get_running_loop().call_later(450.0, shutil.copytree, looks.folder, left)

    whole(looks, [ReadSecrets(project=project)], meanwhile=meanwhile)
    with Sightings(left) as sightings:
        assert len(list(sightings.shown.secrets())) == 5


def test_all_secrets_and_versions_of_several_projects_are_seen_side_by_side(tmp_path: Path) -> None:
    sandbox = service()
    looks = out(tmp_path, sandbox)
    looked = whole(looks, everything(sandbox))
    assert looked.stopped is None
    assert_all_seen(looks)
    assert len(looks.records) == looked.requests == 3 * 4 + 60
    # Each project has 24 requests to make, at its own twenty a second.
    assert looks.records[-1].at_s - looks.records[0].at_s <= 24 / 20.0


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_look_goes_on_with_hardly_anything_asked_twice(tmp_path: Path, moment: str) -> None:
    sandbox = service(secrets=120)
    looks = out(tmp_path, sandbox, concurrency=4)
    needed = 3 * 8 + 120
    kills = 0
    for nth in (7, 25, 26, 27):
        kills += looks.session(everything(sandbox), crash=CrashPoint(moment, nth), seed=nth) is None
    whole(looks, everything(sandbox))
    assert kills == 4
    assert_all_seen(looks)
    # What was in flight at each kill, and what was answered since the last commit.
    assert len(looks.records) - needed <= kills * looks.limits.concurrency
    before = len(looks.records)
    assert whole(looks, everything(sandbox)).requests == 0
    assert len(looks.records) == before


def test_one_kill_costs_less_than_a_twentieth_of_all_requests(tmp_path: Path) -> None:
    sandbox = service(secrets=400, projects=4)
    looks = out(tmp_path, sandbox)
    assert looks.session(everything(sandbox), crash=CrashPoint("answered", 250)) is None
    whole(looks, everything(sandbox))
    assert_all_seen(looks)
    needed = 4 * 20 + 400
    assert len(looks.records) - needed <= needed * 0.05


def test_nothing_is_asked_once_the_disk_is_broken(tmp_path: Path) -> None:
    sandbox = service(projects=1)
    looks = out(tmp_path, sandbox)
    looked = looks.session(everything(sandbox), crash=CrashPoint(FAILS, 12))
    assert looked is not None
    assert looked.broken is not None
    assert len(looks.records) <= 12
    whole(looks, everything(sandbox))
    assert_all_seen(looks)


def test_a_stop_finishes_what_is_open_and_the_next_session_asks_for_the_rest(tmp_path: Path) -> None:
    sandbox = service()
    looks = out(tmp_path, sandbox)

    def stop(looking: Looking) -> None:
        asyncio.get_running_loop().call_later(0.6, looking.stop, "told to")

    assert whole(looks, everything(sandbox), meanwhile=stop).stopped == "told to"
    assert len(looks.records) < 72
    whole(looks, everything(sandbox))
    assert_all_seen(looks)
    assert len(looks.records) == 72


def test_the_time_of_a_session_is_limited(tmp_path: Path) -> None:
    sandbox = service()
    looks = out(tmp_path, sandbox, max_duration_s=1.0)
    assert whole(looks, everything(sandbox)).stopped == "--max-duration 1 s is over"


def test_nothing_leaves_in_a_pause(tmp_path: Path) -> None:
    sandbox = service()
    looks = out(tmp_path, sandbox)

    def pause(looking: Looking) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, lambda: looking.obey(looking.rate, paused=True))
        loop.call_later(60.5, lambda: looking.obey(looking.rate, paused=False))

    whole(looks, everything(sandbox), meanwhile=pause)
    assert_all_seen(looks)
    gaps = [after.at_s - before.at_s for before, after in pairwise(looks.records)]
    assert 59.0 < max(gaps) < 61.0
    assert len(looks.records) == 72


def test_a_lower_rate_holds_from_the_next_request_on(tmp_path: Path) -> None:
    sandbox = service(projects=1)
    looks = out(tmp_path, sandbox)

    def slow(looking: Looking) -> None:
        asyncio.get_running_loop().call_later(1.0, lambda: looking.obey(Rate(2.0), paused=False))

    whole(looks, everything(sandbox), meanwhile=slow)
    late = [one.at_s for one in looks.records if one.at_s > looks.records[0].at_s + 1.1]
    assert min(after - before for before, after in pairwise(late)) >= 0.49


def test_what_no_list_shows_is_read_and_what_is_not_there_is_missing(tmp_path: Path) -> None:
    sandbox = service(projects=1)
    hidden, shown = project_of(sandbox).names[:2]
    project_of(sandbox).hidden.add(hidden)
    looks = out(tmp_path, sandbox)
    want(looks, hidden, shown, "nowhere")
    place = places(sandbox)[0]
    looked = whole(looks, [ListSecrets(project=place), ReadSecrets(project=place)])
    seen = secrets_of(looks)
    assert (seen[hidden].how, seen[hidden].listed, seen[hidden].kms_key_id) == ("read", 0, seen[shown].kms_key_id)
    assert (seen["nowhere"].missing, seen["nowhere"].seen) == (True, False)
    assert looked.requests == 12 + 2


def test_a_right_that_is_missing_is_trouble_of_its_project_and_the_others_go_on(tmp_path: Path) -> None:
    sandbox = service(denied=frozenset({Operation.LIST_SECRETS}))
    looks = out(tmp_path, sandbox)
    want(looks, *project_of(sandbox).names[:3])
    looked = whole(looks, everything(sandbox))
    assert looked.stopped is None
    with Sightings(looks.folder) as sightings:
        found = sightings.projects()
        assert [(one.listed, (one.trouble or "")[:9]) for one in found] == [(False, "CSMS.0302")] * 3
        assert sum(one.seen for one in sightings.shown.secrets()) == 3


def test_versions_that_may_not_be_seen_are_not_asked_for_over_and_over(tmp_path: Path) -> None:
    sandbox = service(projects=1, denied=frozenset({Operation.LIST_VERSIONS}))
    looks = out(tmp_path, sandbox, concurrency=2)
    looked = whole(looks, everything(sandbox))
    assert (looked.stopped, looked.requests <= 12 + 5 + 2) == (None, True)
    with Sightings(looks.folder) as sightings:
        (project,) = sightings.projects()
        assert (project.listed, (project.versions_trouble or "")[:9]) == (True, "CSMS.0302")
    # Another session finds out whether that is still so.
    again = whole(looks, everything(sandbox))
    assert 5 <= again.requests <= 7


def test_keys_are_described_and_those_that_may_not_be_are_told_apart(tmp_path: Path) -> None:
    sandbox = service(projects=1)
    keys = project_of(sandbox).key_ids
    looks = out(tmp_path, sandbox)
    errand = DescribeKeys(project=places(sandbox)[0], key_ids=(keys.new, keys.disabled, "0" * 32, keys.new))
    assert whole(looks, [errand]).requests == 3
    with Sightings(looks.folder) as sightings:
        found = {one.kms_key_id: (one.state, one.spec, one.usage, one.kind) for one in sightings.shown.described()}
    assert found[keys.new] == ("enabled", "AES_256", "ENCRYPT_DECRYPT", None)
    assert found[keys.disabled][0] == "disabled"
    assert found["0" * 32][3] is not None


def test_a_login_that_is_refused_stops_its_project_after_one_look_for_another(tmp_path: Path) -> None:
    sandbox = service(projects=1)
    looks = out(tmp_path, sandbox)
    looks.login = TokenCredential(Masked("wrong"))
    looked = whole(looks, everything(sandbox))
    assert (looked.stopped or "").startswith(f"project {project_of(sandbox).id}: ")
    assert looked.requests == 1
    looks.login = None
    assert whole(looks, everything(sandbox)).stopped is None
    assert_all_seen(looks)


def storm(*outages: Down, weather: FaultScript | None = None) -> FaultScript:
    return weather or Plan({}, outages, timeout_s=10.0)


@pytest.mark.parametrize(
    ("fault", "length_s"), [("429", 20.0), ("503", 90.0), ("drop", 90.0), ("silence", 90.0), ("html 502", 90.0)]
)
@pytest.mark.parametrize("from_s", [0.0, 2.0])
def test_an_outage_that_ends_costs_time_and_nothing_else(
    tmp_path: Path, fault: str, length_s: float, from_s: float
) -> None:
    sandbox = service(faults=storm(Down("read", from_s, length_s, fault)))
    looks = out(tmp_path, sandbox)
    looked = whole(looks, everything(sandbox))
    assert looked.stopped is None
    assert_all_seen(looks)


@pytest.mark.parametrize("secrets", [1, 20])
@pytest.mark.parametrize("fault", ["504", "silence", "html 200"])
def test_a_secret_that_is_never_answered_is_trouble_of_its_own(tmp_path: Path, fault: str, secrets: int) -> None:
    # The same seed gives the same names.
    bad = project_of(service(projects=1, secrets=secrets)).names[-1]
    always = Plan({("read", bad, 0): plan_fault(fault, 10.0)}, timeout_s=10.0)
    sandbox = service(projects=1, secrets=secrets, faults=always)
    looks = out(tmp_path, sandbox)
    looked = whole(looks, everything(sandbox))
    assert looked.stopped is None
    assert [name for name, one in secrets_of(looks).items() if one.versions_trouble] == [bad]
    assert sum(one.secret_name == bad for one in looks.records) == 5


@pytest.mark.parametrize("fault", ["429", "503", "drop"])
def test_an_outage_that_does_not_end_stops_the_look_within_the_time_given_for_it(tmp_path: Path, fault: str) -> None:
    sandbox = service(faults=storm(Down("read", 0.0, 1e9, fault)))
    looks = out(tmp_path, sandbox, max_outage_s=120.0)
    looked = whole(looks, everything(sandbox))
    assert looked.stopped is not None
    assert looks.records == () or looks.records[-1].at_s <= 200.0
    per_code = Counter(one.status for one in looks.records)
    assert sum(per_code.values()) < 300


@pytest.mark.parametrize(("fault", "words"), [("429", "refused for their rate (429)"), ("503", "not answering (503)")])
def test_what_keeps_a_look_waiting_is_said_with_each_project(tmp_path: Path, fault: str, words: str) -> None:
    said: list[str] = []
    sandbox = service(projects=2, faults=storm(Down("read", 0.0, 1e9, fault)))
    looks = out(tmp_path, sandbox, max_outage_s=120.0)

    def listen(looking: Looking) -> None:
        loop = asyncio.get_running_loop()
        beat = LookBeat(looks.folder, looking, Clock(loop), said.append)
        loop.call_later(60.0, beat.report)

    whole(looks, everything(sandbox), meanwhile=listen)
    first, *others = said
    assert first.endswith("requests so far; listing secrets in 2 projects")
    assert [(words in line, "gives up in " in line) for line in others] == [(True, True)] * 2, others


def test_something_in_between_that_refuses_everything_stops_it_at_once(tmp_path: Path) -> None:
    sandbox = service(projects=1, faults=storm(Down("read", 0.0, 1e9, "html 403")))
    looks = out(tmp_path, sandbox)
    looked = whole(looks, everything(sandbox))
    assert "something in between" in (looked.stopped or "")
    assert len(looks.records) <= 8


def test_a_second_list_finds_what_has_changed_and_only_that_shows_its_versions_again(tmp_path: Path) -> None:
    sandbox = service(projects=1)
    looks = out(tmp_path, sandbox)
    place, project = places(sandbox)[0], project_of(sandbox)
    whole(looks, everything(sandbox))
    moved = project.names[3]
    project.put(replace(project.secrets[moved], kms_key_id=project.key_ids.new))
    again = whole(looks, [ListSecrets(project=place, number=2), ReadVersions(project=place)])
    assert again.requests == 12 + 1
    assert {one.listed for one in secrets_of(looks).values()} == {2}
    assert secrets_of(looks)[moved].kms_key_id == project.key_ids.new
