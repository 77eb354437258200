"""Whether an old key may be retired: never free while the world that was read needs it, whatever happens meanwhile."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from batch.inventory.retiring import retirement_errands
from batch.sandbox.assembly import Sandbox, build_sandbox
from batch.sandbox.lists import ListStyle, Markers
from batch.sandbox.variety import vary
from batch.sandbox.versions import add_version
from batch.sandbox.world import build_world
from jobs.rate import Rate
from jobs.retirement import Verdict
from jobs.sightings import Sightings, Wanted
from jobs.spec import Limits
from reports.retirement.document import Retirement
from reports.retirement.writing import Looked, write_retirement
from tests.engine.crash import CrashPoint
from tests.engine.machine import still_on
from tests.engine.rows import EPOCH_S, project_of, small_service
from tests.inventory.changing import DEEDS, Changing, Deed
from tests.inventory.looks import Looks, places
from tests.kit.records import Record

MIXES = ("hidden", "staged", "pending-delete", "frozen", "rotating")


def judged(looks: Looks, key: str, stopped: str | None = None) -> Retirement:
    with Sightings(looks.folder) as sightings:
        looked = Looked(version="1", began_at=0.0, ended_at=1.0, requests=0, stopped=stopped)
        return write_retirement(looks.folder, sightings, [key], looked)


def looked_at(folder: Path, sandbox: Sandbox, key: str) -> Retirement:
    looks = Looks(folder=folder, sandbox=sandbox)
    assert looks.session(retirement_errands(places(sandbox), [key])) is not None
    return judged(looks, key)


def know(looks: Looks) -> None:
    """As a run knows secrets: those that there are now."""
    looks.folder.mkdir(exist_ok=True)
    names = [
        (place, name)
        for place in places(looks.sandbox)
        for name in looks.sandbox.world.projects[place.project_id].names
    ]
    with Sightings(looks.folder) as sightings:
        sightings.want(Wanted(row=row, project=place, name=name) for row, (place, name) in enumerate(names, 1))


def move(sandbox: Sandbox, *, versions: int = 0, but: Sequence[str] = ()) -> None:
    """As a campaign leaves it: every secret on its new key, some with new versions; only the newest are kept."""
    for project in sandbox.world.projects.values():
        for name in project.names:
            if name in but:
                continue
            secret = project.secrets[name]
            project.put(msgspec.structs.replace(secret, kms_key_id=project.key_ids.new))
            project.most_versions = 2
            for number in range(versions):
                add_version(project, name, EPOCH_S + number)


def begins_last_list(records: Sequence[Record], project_id: str) -> int:
    """The number of the request with which the last list of a project began."""
    lists = [one for one in records if one.target.partition("?")[0] == f"/v1/{project_id}/secrets"]
    return max(one.n for one in lists if "marker" not in parse_qs(urlsplit(one.target).query))


@given(data=st.data())
@settings(max_examples=100, deadline=None, phases=[Phase.generate])
def test_it_never_says_free_while_the_world_that_it_read_needs_the_key(data: st.DataObject) -> None:
    draw = data.draw
    seed = draw(st.integers(0, 1_000))
    world = build_world(seed=seed, secrets=draw(st.integers(0, 12)), projects=draw(st.integers(1, 2)))
    mix = draw(st.lists(st.sampled_from(MIXES), unique=True, max_size=2))
    vary(world, [(kind, 0.2) for kind in mix], Random(seed))
    lists = ListStyle(markers=draw(st.sampled_from(Markers)), page_size=draw(st.sampled_from((2, 3, 1_000))))
    sandbox = build_sandbox(world, seed=seed, epoch_s=EPOCH_S, lists=lists)
    key = project_of(sandbox).key_ids.old
    if draw(st.booleans()):
        move(sandbox, versions=3)
    deed = st.builds(Deed, st.floats(0.0, 3.0), st.sampled_from(DEEDS), st.integers(0, 11))
    known = draw(st.booleans())
    changing = Changing(sandbox=sandbox, key=key, deeds=draw(st.lists(deed, max_size=5)), known=known)
    crashes = draw(
        st.lists(
            st.builds(CrashPoint, st.sampled_from(("leaving", "arrived", "answered")), st.integers(1, 20)), max_size=2
        )
    )
    with tempfile.TemporaryDirectory() as name:
        looks = Looks(folder=Path(name) / "out", sandbox=sandbox, limits=Limits(rate=Rate(10.0), timeout_s=10.0))
        errands = retirement_errands(places(sandbox), [key])
        if known:
            know(looks)
        for crash in (*crashes, None):
            looked = looks.session(errands, crash=crash, seed=seed, meanwhile=changing.begin)
            found = judged(looks, key)
            needed = {
                place
                for project_id in world.projects
                if looked is not None
                for place in changing.needed_at(begins_last_list(looks.records, project_id))
                if place[0] == project_id
            }
            assert not (found.verdict is Verdict.FREE and needed)
            assert found.verdict is not Verdict.FREE or looked is not None
            if looked is not None and known and "hidden" in mix and any(one.hidden for one in world.projects.values()):
                assert found.verdict is not Verdict.FREE
            if looked is not None and not (changing.deeds or mix):
                assert found.verdict is (Verdict.NEEDED if still_on(sandbox, key) else Verdict.FREE)
                break


def test_a_key_is_free_once_nothing_points_at_it_and_no_version_is_left_that_was_made_with_it(tmp_path: Path) -> None:
    sandbox = small_service(secrets=20, projects=2)
    key = project_of(sandbox).key_ids.old
    before = looked_at(tmp_path / "1", sandbox, key)
    move(sandbox, versions=1)
    between = looked_at(tmp_path / "2", sandbox, key)
    move(sandbox, versions=1)
    after = looked_at(tmp_path / "3", sandbox, key)
    assert [one.verdict for one in (before, between, after)] == [Verdict.NEEDED, Verdict.NEEDED, Verdict.FREE]
    assert (before.keys[0].uses.pointer, between.keys[0].uses.pointer, between.keys[0].uses.previous) == (10, 0, 10)
    assert after.sentence.endswith("in the 2 projects looked at, with 20 secrets.")
    assert [one.exit_code for one in (before, between, after)] == [1, 1, 0]
