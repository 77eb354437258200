"""Whether an old key may be retired: never free while the world that was read needs it, whatever happens meanwhile."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.inventory.errands import Errand
from batch.inventory.looking import Looked, Looking
from batch.inventory.retiring import retirement_errands
from batch.sandbox.assembly import Sandbox, build_sandbox
from batch.sandbox.lists import ListStyle, Markers
from batch.sandbox.rights import parse_rights
from batch.sandbox.variety import vary
from batch.sandbox.versions import add_version
from batch.sandbox.world import Project, build_world
from jobs.rate import Rate
from jobs.retirement import GapKind, Todo, Verdict
from jobs.sightings import Sightings, Wanted
from jobs.spec import Limits
from reports.retirement.document import Retirement
from reports.retirement.writing import Looked as Told
from reports.retirement.writing import write_retirement
from tests.engine.crash import MOMENTS, CrashPoint
from tests.engine.machine import still_on
from tests.engine.rows import EPOCH_S, project_of, small_service
from tests.inventory.changing import DEEDS, Changing, Deed
from tests.inventory.looks import Looks, places
from tests.kit.records import Record

CRASH = st.builds(CrashPoint, st.sampled_from(MOMENTS), st.integers(1, 30))
DEED = st.builds(Deed, st.floats(0.0, 3.0), st.sampled_from(DEEDS), st.integers(0, 11))
MIXES = ("hidden", "staged", "pending-delete", "frozen", "rotating")


def judged(looks: Looks, key: str, stopped: str | None = None) -> Retirement:
    with Sightings(looks.folder) as sightings:
        looked = Told(version="1", began_at=0.0, ended_at=1.0, requests=0, stopped=stopped)
        return write_retirement(looks.folder, sightings, [key], looked)


def looked_at(folder: Path, sandbox: Sandbox, key: str) -> Retirement:
    looks = Looks(folder=folder, sandbox=sandbox)
    assert looks.session(all_errands(sandbox, key)) is not None
    return judged(looks, key)


def all_errands(sandbox: Sandbox, key: str) -> list[Errand]:
    return retirement_errands(places(sandbox), [key])


def hidden(sandbox: Sandbox) -> bool:
    return any(project.hidden for project in sandbox.world.projects.values())


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
@settings(max_examples=50, deadline=None)
def test_it_never_says_free_while_the_world_that_it_read_needs_the_key(data: st.DataObject) -> None:
    draw = data.draw
    seed, mix = draw(st.integers(0, 1_000)), draw(st.lists(st.sampled_from(MIXES), unique=True, max_size=2))
    world = build_world(seed=seed, secrets=draw(st.integers(0, 12)), projects=draw(st.integers(1, 2)))
    vary(world, [(kind, 0.2) for kind in mix], Random(seed))
    lists = ListStyle(markers=draw(st.sampled_from(Markers)), page_size=draw(st.sampled_from((2, 3, 1_000))))
    sandbox = build_sandbox(world, seed=seed, epoch_s=EPOCH_S, lists=lists)
    key, known = project_of(sandbox).key_ids.old, draw(st.booleans())
    if draw(st.booleans()):
        move(sandbox, versions=3)
    changing = Changing(sandbox=sandbox, key=key, deeds=draw(st.lists(DEED, max_size=5)), known=known)
    with tempfile.TemporaryDirectory() as name:
        looks = Looks(folder=Path(name) / "out", sandbox=sandbox, limits=Limits(rate=Rate(10.0), timeout_s=10.0))
        if known:
            know(looks)
        for crash in (*draw(st.lists(CRASH, max_size=2)), None):
            looked = looks.session(all_errands(sandbox, key), crash=crash, seed=seed, meanwhile=changing.begin)
            require_true(looks, looked, changing, judged(looks, key))
            if looked is not None:
                break


def require_true(looks: Looks, looked: Looked | None, changing: Changing, found: Retirement) -> None:
    """Nothing is free where what needed the key when the last list began is there still, also after a kill: what
    was deleted while the list was read is rightly read as gone.
    """
    if found.verdict is Verdict.FREE:
        for project_id, project in looks.sandbox.world.projects.items():
            needed = changing.needed_at(begins_last_list(looks.records, project_id))
            assert not {name for place, name in needed if place == project_id and name in project.secrets}
    elif looked is not None and not changing.deeds and not hidden(looks.sandbox):
        assert still_on(looks.sandbox, changing.key)
    if looked is not None and changing.known and not changing.deeds and hidden(looks.sandbox):
        assert found.verdict is not Verdict.FREE


def test_a_secret_that_is_deleted_while_the_last_list_is_read_needs_its_key_no_more(tmp_path: Path) -> None:
    world = build_world(seed=473, secrets=7, projects=1)
    lists = ListStyle(markers=Markers.NONE, page_size=2)
    sandbox = build_sandbox(world, seed=473, epoch_s=EPOCH_S, lists=lists)
    key = project_of(sandbox).key_ids.old
    move(sandbox, versions=3)
    deeds = [Deed(1.0, "to old", 4), Deed(0.375, "delete", 8)]
    changing = Changing(sandbox=sandbox, key=key, deeds=deeds, known=False)
    looks = Looks(folder=tmp_path / "out", sandbox=sandbox, limits=Limits(rate=Rate(10.0), timeout_s=10.0))
    for crash in (CrashPoint("before commit", 19), CrashPoint("leaving", 5), None):
        looked = looks.session(all_errands(sandbox, key), crash=crash, seed=473, meanwhile=changing.begin)
        require_true(looks, looked, changing, judged(looks, key))
    assert judged(looks, key).verdict is Verdict.FREE
    assert not still_on(sandbox, key)


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


def test_a_secret_that_a_run_knows_and_the_list_hides_makes_it_incomplete_and_one_that_is_gone_does_not(
    tmp_path: Path,
) -> None:
    sandbox = small_service(secrets=6)
    project = project_of(sandbox)
    move(sandbox, versions=2)
    looks = Looks(folder=tmp_path / "out", sandbox=sandbox)
    know(looks)
    first, second, *_ = project.names
    remove(project, first)
    assert looks.session(all_errands(sandbox, project.key_ids.old)) is not None
    assert judged(looks, project.key_ids.old).verdict is Verdict.FREE

    again = Looks(folder=tmp_path / "again", sandbox=sandbox)
    know(again)
    project.hidden.add(second)
    assert again.session(all_errands(sandbox, project.key_ids.old)) is not None
    found = judged(again, project.key_ids.old)
    assert (found.verdict, found.exit_code) == (Verdict.INCOMPLETE, 3)
    (gap,) = found.projects[0].not_read
    assert (gap.kind, gap.samples) == (GapKind.HIDDEN, (second,))


def test_what_a_later_list_shows_no_more_is_read_by_its_name(tmp_path: Path) -> None:
    for hides in (False, True):
        sandbox = small_service(secrets=6)
        project = project_of(sandbox)
        move(sandbox, versions=2)
        name = project.names[3]
        vanish = partial(project.hidden.add, name) if hides else partial(remove, project, name)
        looks = Looks(folder=tmp_path / f"{hides}", sandbox=sandbox, limits=Limits(rate=Rate(2.0)))
        after = partial(later, 2.5, vanish)
        assert looks.session(all_errands(sandbox, project.key_ids.old), meanwhile=after) is not None
        found = judged(looks, project.key_ids.old)
        assert found.verdict is (Verdict.INCOMPLETE if hides else Verdict.FREE)
        assert [gap.kind for one in found.projects for gap in one.not_read] == [GapKind.HIDDEN] * hides


def test_a_refusal_leaves_it_incomplete_and_a_proven_use_counts_for_more(tmp_path: Path) -> None:
    cases: list[tuple[str, bool, Verdict, GapKind]] = [
        ("csms:secret:listVersion", True, Verdict.INCOMPLETE, GapKind.VERSIONS),
        ("csms:secret:listVersion", False, Verdict.NEEDED, GapKind.VERSIONS),
        ("csms:secret:list", True, Verdict.INCOMPLETE, GapKind.LIST),
    ]
    for number, (right, moved, verdict, kind) in enumerate(cases):
        sandbox = small_service(secrets=12, denied=parse_rights([right]))
        if moved:
            move(sandbox)
        found = looked_at(tmp_path / f"{number}", sandbox, project_of(sandbox).key_ids.old)
        assert (found.verdict, [one.kind for one in found.projects[0].not_read]) == (verdict, [kind])


def test_without_the_right_to_see_keys_their_state_is_not_checked_and_nothing_else_changes(tmp_path: Path) -> None:
    sandbox = small_service(secrets=4, denied=parse_rights(["kms:cmk:get"]))
    move(sandbox, versions=2)
    found = looked_at(tmp_path, sandbox, project_of(sandbox).key_ids.old)
    assert found.verdict is Verdict.FREE
    assert found.keys[0].states[0].state.startswith("not checked: ")


def test_a_key_that_no_project_knows_is_not_free(tmp_path: Path) -> None:
    found = looked_at(tmp_path, small_service(secrets=4), "11111111-1111-1111-1111-111111111111")
    assert found.verdict is Verdict.INCOMPLETE
    assert found.sentence.endswith("KMS does not know such a key in the project. Is its id right?")


def test_a_secret_or_version_that_shows_no_key_is_not_free(tmp_path: Path) -> None:
    for kind in ("secret", "version", "no version"):
        sandbox = small_service(secrets=4)
        project = project_of(sandbox)
        move(sandbox, versions=2)
        name = project.names[1]
        if kind == "secret":
            project.put(msgspec.structs.replace(project.secrets[name], kms_key_id=""))
        else:
            blank = [msgspec.structs.replace(one, kms_key_id="") for one in project.versions[name][-1:]]
            project.versions[name] = tuple(blank) if kind == "version" else ()
        found = looked_at(tmp_path / kind, sandbox, project.key_ids.old)
        expected = GapKind.VERSIONS if kind == "no version" else GapKind.NO_KEY
        assert (found.verdict, [one.kind for one in found.projects[0].not_read]) == (Verdict.INCOMPLETE, [expected])


def test_secrets_that_take_no_version_count_and_say_what_is_first(tmp_path: Path) -> None:
    sandbox = small_service(secrets=40)
    vary(sandbox.world, [(kind, 0.25) for kind in ("pending-delete", "frozen", "rotating")], Random(1))
    found = looked_at(tmp_path, sandbox, project_of(sandbox).key_ids.old)
    assert found.keys[0].uses.pointer == 40
    (owner,) = found.owners
    todos = [one.todo for one in owner.todos]
    assert todos == [Todo.DELETE, Todo.UNFREEZE, Todo.MOVE_AND_ROTATE, Todo.MOVE_AND_RENEW]
    assert sum(one.secrets for one in owner.todos) == 40


def test_two_thousand_secrets_take_the_time_of_their_requests_and_a_killed_session_asks_little_again(
    tmp_path: Path,
) -> None:
    world = build_world(seed=7, secrets=2_000, projects=4, versions=5)
    counts = []
    for crash in (None, CrashPoint("answered", 1_000)):
        sandbox = build_sandbox(world, seed=7, epoch_s=EPOCH_S, lists=ListStyle(page_size=50))
        looks = Looks(folder=tmp_path / f"{crash is None}", sandbox=sandbox)
        errands = all_errands(sandbox, project_of(sandbox).key_ids.old)
        if crash is not None:
            assert looks.session(errands, crash=crash) is None
        assert looks.session(errands) is not None
        asked = looks.records
        counts.append(len(asked))
        if crash is None:
            assert asked[-1].at_s - asked[0].at_s <= 1.05 * len(asked) / 4 / 20.0
        assert judged(looks, project_of(sandbox).key_ids.old).versions == 10_000
    once, with_kill = counts
    assert with_kill <= 1.05 * once


def remove(project: Project, name: str) -> None:
    project.names.remove(name)
    del project.secrets[name], project.versions[name]


def later(after_s: float, do: Callable[[], object], _: Looking) -> None:
    asyncio.get_running_loop().call_later(after_s, do)
