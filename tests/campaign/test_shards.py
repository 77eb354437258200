"""Plans, verifications and retirements that were split into shards and merged are those of one command."""

import csv
import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.sandbox.model import SecretState
from batch.telemetry.log import silence_log
from jobs.plan.opened import open_plan
from jobs.spec import UsageError
from tests.campaign.process import Command, Ended, Machine
from tests.engine.machine import ENDPOINT
from tests.engine.places import room
from tests.engine.rows import small_service

KINDS = {
    "plan": ("manifest.csv", "preview.csv", "uncovered.csv"),
    "plan-keys": ("manifest.csv", "preview.csv", "uncovered.csv"),
    "verify": ("verify.csv",),
    "retire": ("key-use.csv",),
}
DOCUMENTS = {"plan": "plan.json", "plan-keys": "plan.json", "verify": "verify.json", "retire": "retire.json"}
TIMES = {"made_at", "started_at", "ended_at", "files"}


class Site:
    """A machine, a service with some projects, and a manifest over them; all drawn from a seed."""

    def __init__(self, folder: Path, *, projects: int, seed: int, spoilt: bool = True) -> None:
        silence_log()
        for name in ("work", "locks"):
            (folder / name).mkdir(mode=0o700)
        self.sandbox = small_service(secrets=4 * projects, projects=projects, seed=seed)
        self.machine = Machine(self.sandbox, folder / "work", folder / "locks")
        self.folder = folder / "work"
        self.projects = list(self.sandbox.world.projects.values())
        self.manifest = self.folder / "m.csv"
        chance = Random(seed)
        lines = [
            f"{name},{chance.choice((one.key_ids.new, one.key_ids.disabled))},{one.id},team {name[:1]}"
            for one in self.projects
            for name in chance.sample(one.names, 3)
        ]
        if spoilt:
            lines += [f"nowhere,{self.projects[0].key_ids.new},{self.projects[0].id},", "b d,x,,", "c,x,zzz,"]
            for one in self.projects:
                still = one.secrets[chance.choice(one.names)]
                one.put(msgspec.structs.replace(still, state=chance.choice(list(SecretState))))
                one.hidden.add(chance.choice(one.names))
        chance.shuffle(lines)
        self.manifest.write_text("secret_name,kms_key_id,project_id,owner\n" + "".join(f"{one}\n" for one in lines))

    def words(self, kind: str) -> tuple[str, ...]:
        places = [f"--project-id={one.id}" for one in self.projects]
        pairs = [
            word for one in self.projects for word in (f"--old-key={one.key_ids.old}", f"--new-key={one.key_ids.new}")
        ]
        match kind:
            case "plan":
                words: list[str] = ["plan", str(self.manifest)]
            case "verify":
                words = ["verify", str(self.manifest)]
            case "plan-keys":
                words = ["plan", *pairs, *places]
            case _:
                words = ["retire", f"--old-key={self.projects[0].key_ids.old}", *places]
        return (*words, f"--endpoint={ENDPOINT}", "--rate=unlimited")

    def run(self, *words: str) -> Ended:
        return self.machine.run(Command(argv=words, seed=1))

    def one(self, kind: str) -> tuple[int | None, Path]:
        return self.run(*self.words(kind), f"--out={self.folder / 'one'}").code, self.folder / "one"

    def shards(self, kind: str, count: int, *more: str) -> list[Path]:
        paths = [self.folder / f"shard-{index}" for index in range(count)]
        for index, path in enumerate(paths):
            ended = self.run(*self.words(kind), f"--shard={index}/{count}", f"--out={path}", *more)
            assert ended.code in {0, 1, 3}, ended.err
        return paths

    def merge(self, *words: Path | str, into: str = "all") -> Ended:
        return self.run("merge", *map(str, words), "--into", str(self.folder / into))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, projects=3, seed=4, spoilt=False)


def told(kind: str, folder: Path) -> dict[str, Any]:
    """What the document says, but for times, and what was looked with where shards ask for more keys."""
    found = json.loads((folder / DOCUMENTS[kind]).read_bytes())
    without = TIMES | ({"looked_with"} if kind == "plan-keys" else set())
    return {name: value for name, value in found.items() if name not in without}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(projects=st.integers(1, 4), count=st.integers(1, 4), seed=st.integers(0, 1_000), by=st.booleans())
def test_split_and_merged_it_is_what_one_command_writes(
    kind: str, projects: int, count: int, seed: int, *, by: bool
) -> None:
    folder = room()
    try:
        site = Site(folder, projects=projects, seed=seed)
        code, one = site.one(kind)
        merged = site.merge(*reversed(site.shards(kind, count, *(("--shard-by=account",) if by else ()))))
        assert merged.code == code, merged.err
        for name in KINDS[kind]:
            assert (site.folder / "all" / name).read_bytes() == (one / name).read_bytes(), name
        assert told(kind, site.folder / "all") == told(kind, one)
    finally:
        shutil.rmtree(folder)


def test_a_merged_plan_can_be_run(site: Site) -> None:
    assert site.merge(*site.shards("plan", 2)).code in {0, 1}
    assert list(open_plan(str(site.folder / "all"), None).rows())
    ran = site.run("run", str(site.folder / "all"), f"--run-dir={site.folder / 'run'}", "--rate=unlimited")
    assert ran.code in {0, 1}
    summary = json.loads((site.folder / "run" / "summary.json").read_bytes())
    assert summary["manifest"]["rows"] == 9


def test_with_partial_the_rows_of_a_missing_shard_are_left_out_as_the_plan_leaves_them_out(tmp_path: Path) -> None:
    """What the plan could not do, or does not select, is in no file to run again, whichever shard it belongs to."""
    site = Site(tmp_path, projects=3, seed=4)
    names = [line.split(",")[0] for line in site.manifest.read_text().splitlines()[1:]]
    site.run(*site.words("plan"), f"--out={site.folder / 'plan'}", f"--exclude={names[0]}")
    run = ("run", str(site.folder / "plan"), "--rate=unlimited")
    site.run(*run, f"--run-dir={site.folder / 'one'}")
    shards = [site.folder / f"shard-{index}" for index in range(3)]
    for index, path in enumerate(shards):
        site.run(*run, f"--shard={index}/3", f"--run-dir={path}")
    whole = left_out(site.folder / "one")
    assert {"not selected", "planned: blocked"} <= {words for _, words in whole}, whole
    for lost in shards:
        here = [one for one in shards if one != lost]
        assert site.merge(*here, "--partial", into=f"without-{lost.name}").code in {1, 3}
        assert left_out(site.folder / f"without-{lost.name}") == whole
    shutil.rmtree(site.folder / "plan")
    ended = site.merge(*shards[1:], "--partial", into="no-plan")
    assert (ended.code, "holds no plan.json" in ended.err) == (2, True), ended.err


def left_out(run_dir: Path) -> list[tuple[str, str]]:
    """Number and message of every row that a run takes along and never sends."""
    with (run_dir / "outcomes.csv").open(newline="") as file:
        rows = [(row["row"], row["error_message"]) for row in csv.DictReader(file)]
    return [(row, words) for row, words in rows if words == "not selected" or words.startswith("planned: ")]


def test_a_shard_of_a_plan_cannot_be_run(site: Site) -> None:
    shard = site.shards("plan-keys", 2)[0]
    ended = site.run("run", str(shard), f"--run-dir={site.folder / 'run'}")
    assert ended.code == 2
    assert "is shard 0/2 of a plan" in ended.err


def test_a_free_shard_says_that_nothing_follows_for_the_others(site: Site) -> None:
    shard = site.shards("retire", 3)[2]
    found = json.loads((shard / "retire.json").read_bytes())
    assert (found["verdict"], found["shard"]) == ("incomplete", "2/3")
    assert found["not_seen"][0] == "the projects of all other shards, as this is shard 2/3"


def test_a_shard_to_which_no_project_falls_ends_well_and_is_merged(site: Site) -> None:
    for kind in ("plan-keys", "retire"):
        path = site.folder / kind
        assert site.run(*site.words(kind), "--shard=4/5", f"--out={path}").code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_shard_is_refused_and_nothing_is_left_behind(site: Site, kind: str) -> None:
    shards = site.shards(kind, 3)
    ended = site.merge(shards[0], shards[2])
    assert ended.code == 2
    assert "shards are missing: 1/3; merge them too, or say --partial" in ended.err
    assert not (site.folder / "all").exists()


def test_with_partial_a_key_is_never_free(site: Site) -> None:
    old = "11111111-2222-4333-8444-555555555555"
    for one in site.projects:
        one.keys[old] = msgspec.structs.replace(one.keys[one.key_ids.old], key_id=old)
    words = ("retire", f"--old-key={old}", *(word for word in site.words("retire")[2:]))
    shards = [site.folder / f"shard-{index}" for index in range(3)]
    for index, path in enumerate(shards):
        assert site.run(*words, f"--shard={index}/3", f"--out={path}").code == 0
    assert site.merge(*shards).code == 0
    ended = site.merge(shards[0], shards[2], "--partial", into="some")
    found = json.loads((site.folder / "some" / "retire.json").read_bytes())
    assert (ended.code, found["verdict"]) == (3, "incomplete")
    assert found["stopped"] == "shard 1/3 is missing"
    (lost,) = (one for one in found["projects"] if one["not_read"])
    assert lost["not_read"][0]["words"] == "nothing more could be asked of it: its shard is missing"
    assert site.merge(*shards, into="some").code == 0


def test_with_partial_the_rows_of_a_missing_shard_are_unread(site: Site) -> None:
    shards = site.shards("verify", 3)
    assert site.merge(shards[0], shards[2], "--partial").code == 3
    found = json.loads((site.folder / "all" / "verify.json").read_bytes())
    assert (found["rows"], found["unread"], found["stopped"]) == (9, 3, "shard 1/3 is missing")


def test_with_partial_a_plan_by_keys_lacks_projects_and_cannot_be_run(site: Site) -> None:
    shards = site.shards("plan-keys", 3)
    assert site.merge(shards[0], shards[2], "--partial").code == 3
    with pytest.raises(UsageError, match="could not be read completely"):
        open_plan(str(site.folder / "all"), None)


def test_with_partial_the_rows_of_a_missing_shard_stand_in_the_plan_as_unread(site: Site) -> None:
    shards = site.shards("plan", 3)
    assert site.merge(shards[0], shards[2], "--partial").code == 3
    lines = (site.folder / "all" / "preview.csv").read_text().splitlines()
    assert len(lines) == 10
    assert sum(",unread,its shard is missing" in line for line in lines) == 3


def test_shards_of_different_kinds_are_not_mixed(site: Site) -> None:
    plans = site.shards("plan", 2)
    other = site.folder / "verify-1"
    site.run(*site.words("verify"), "--shard=1/2", f"--out={other}")
    ended = site.merge(plans[0], other)
    assert ended.code == 2
    assert "a verification of a manifest" in ended.err


def test_a_shard_that_is_given_twice_or_is_none_is_refused(site: Site) -> None:
    shards = site.shards("verify", 2)
    again = site.folder / "again"
    shutil.copytree(shards[1], again)
    assert "shard 1/2, and so is" in site.merge(*shards, again).err
    assert site.merge(*shards, again, "--partial").code in {0, 1}
    _, one = site.one("verify")
    assert "not a shard: its verify had no --shard" in site.merge(shards[0], one, into="other").err


def test_shards_of_other_projects_or_keys_are_refused(site: Site) -> None:
    shards = site.shards("retire", 2)
    words = site.words("retire")
    fewer = [word for word in words if word != f"--project-id={site.projects[2].id}"]
    more = [*words, f"--old-key={site.projects[1].key_ids.old}"]
    for name, argv, reason in (("fewer", fewer, "its projects are a part of others"), ("more", more, "its keys are")):
        site.run(*argv, "--shard=1/2", f"--out={site.folder / name}")
        ended = site.merge(shards[0], site.folder / name)
        assert (ended.code, reason in ended.err) == (2, True), ended.err


def test_shards_whose_owners_are_in_another_column_are_refused(site: Site) -> None:
    run = ("run", str(site.manifest), f"--endpoint={ENDPOINT}", f"--run-dir={site.folder / 'run'}")
    site.manifest.write_text(site.manifest.read_text().replace(",owner", ",owner,team").replace(",team ", ",red,team "))
    site.run(*run, "--rate=unlimited")
    retire = ("retire", str(site.folder / "run"), f"--old-key={site.projects[0].key_ids.old}")
    for index, column in ((0, "owner"), (1, "team")):
        site.run(*retire, f"--shard={index}/2", f"--out={site.folder / column}", f"--owner-column={column}")
    ended = site.merge(site.folder / "owner", site.folder / "team")
    assert (ended.code, "--owner-column team" in ended.err) == (2, True), ended.err


def test_a_merge_is_not_continued(site: Site) -> None:
    site.merge(*site.shards("verify", 2))
    ended = site.run("resume", str(site.folder / "all"))
    assert ended.code == 2
    assert "merged from 2 shards; continue those, then merge again" in ended.err


def test_a_plan_whose_shard_was_cut_off_is_merged_only_in_part(site: Site) -> None:
    shards = site.shards("plan-keys", 2)
    shutil.rmtree(shards[1])
    words = [word for word in site.words("plan-keys") if not word.startswith("--rate")]
    cut = site.run(*words, "--rate=1/s", "--max-duration=1s", "--shard=1/2", f"--out={shards[1]}")
    assert "--max-duration" in cut.err
    ended = site.merge(*shards)
    assert ended.code == 2
    assert "shard 1/2 is not finished" in ended.err
    assert site.merge(*shards, "--partial").code == 3
    with pytest.raises(UsageError, match="could not be read completely"):
        open_plan(str(site.folder / "all"), None)


def test_the_shards_of_a_run_are_verified_and_retired_by_themselves_and_merged(site: Site) -> None:
    runs = [site.folder / f"run-{index}" for index in range(2)]
    for index, path in enumerate(runs):
        words = ("run", str(site.manifest), f"--endpoint={ENDPOINT}", f"--shard={index}/2", f"--run-dir={path}")
        site.run(*words, "--rate=unlimited")
        site.run("verify", str(path), f"--out={site.folder / f'verify-{index}'}")
        old = site.projects[0].key_ids.old
        site.run("retire", str(path), f"--old-key={old}", f"--out={site.folder / f'retire-{index}'}")
    assert site.merge(*(site.folder / f"verify-{index}" for index in range(2)), into="verified").code in {0, 1}
    assert site.merge(*(site.folder / f"retire-{index}" for index in range(2)), into="retired").code == 1
    assert json.loads((site.folder / "verified" / "verify.json").read_bytes())["rows"] == 9


def test_owners_are_those_of_the_rows_also_in_a_shard_of_a_run(site: Site) -> None:
    """The rows of a shard are some of the manifest's, and each keeps the cells of its line."""
    owners = {line.split(",")[0]: line.split(",")[3] for line in site.manifest.read_text().splitlines()[1:]}
    for index in range(3):
        path = site.folder / f"run-{index}"
        words = ("run", str(site.manifest), f"--endpoint={ENDPOINT}", f"--shard={index}/3", f"--run-dir={path}")
        site.run(*words, "--rate=unlimited")
        out = site.folder / f"retire-{index}"
        keys = (f"--old-key={one.key_ids.old}" for one in site.projects)
        site.run("retire", str(path), *keys, f"--out={out}")
        for owner in json.loads((out / "retire.json").read_bytes())["owners"]:
            for todo in owner["todos"]:
                assert {owners.get(name, "") for name in todo["samples"]} == {owner["owner"]}


def test_a_run_that_is_whole_is_retired_in_shards(site: Site) -> None:
    site.run(
        "run", str(site.manifest), f"--endpoint={ENDPOINT}", f"--run-dir={site.folder / 'run'}", "--rate=unlimited"
    )
    whole = site.run("retire", str(site.folder / "run"), f"--out={site.folder / 'one'}")
    shards = [site.folder / f"shard-{index}" for index in range(2)]
    for index, path in enumerate(shards):
        site.run("retire", str(site.folder / "run"), f"--shard={index}/2", f"--out={path}")
    merged = site.merge(*shards)
    assert merged.code == whole.code
    assert told("retire", site.folder / "all") == told("retire", site.folder / "one")
