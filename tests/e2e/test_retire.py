"""Retire as a user starts it: needed while old versions are there, free once new ones have taken their place."""

import csv
import html
import json
import re
import shlex
import urllib.request
from pathlib import Path

from batch.sandbox.ready import Ready
from batch.sandbox.versions import add_version
from tests.e2e.tool import manifest_of, sandbox_process, served
from tests.engine.rows import EPOCH_S, moves, project_of, small_service

NO_KEY = "0" * 32


def make_versions(ready: Ready, names: list[str]) -> None:
    """As the owner of each secret does it."""
    (project,) = ready.project_ids
    for name in names:
        request = urllib.request.Request(  # noqa: S310 - the sandbox, on loopback
            f"{ready.url}/v1/{project}/secrets/{name}/versions",
            data=b'{"secret_string": "new"}',
            headers={"X-Auth-Token": ready.token, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - the same
            assert answer.status == 200


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_an_old_key_is_needed_after_a_run_until_new_versions_have_taken_the_place_of_the_old(tmp_path: Path) -> None:
    source, run_dir, first = tmp_path / "all.csv", tmp_path / "run", tmp_path / "first"
    options = ("--secrets=12", "--versions=3", "--keep-versions=2", f"--manifest={source}")
    with sandbox_process(tmp_path, *options) as (tool, ready):
        (project,) = ready.project_ids
        old = ready.key_ids[project].old
        rows = table(source)
        manifest = tmp_path / "some.csv"
        with manifest.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0], "owner"])
            writer.writeheader()
            writer.writerows(one | {"owner": f"team {at % 2}"} for at, one in enumerate(rows))
        run = tool.run("run", str(manifest), *tool.to(run_dir, f"--project-id={project}", "--before=list"))
        assert run.code == 0, run.err
        assert f"Keep the old key {old} enabled" in run.out
        assert f"csms-rekey retire {run_dir}" in run.out

        needed = tool.run("retire", str(run_dir), f"--out={first}")
        assert needed.code == 1, needed.err
        counts = "12 current, 12 previous and 12 other versions were made with it"
        words = f"Key {old} is still needed: {counts}; it is free once newer versions have pushed the old ones out."
        assert needed.out.splitlines()[0] == words
        assert "owner team 0: 6 secrets: make a new version" in needed.out
        uses = table(first / "key-use.csv")
        assert {one["version_kms_key_id"] for one in uses} == {old}
        assert len(uses) == 36
        assert tool.run("retire", str(run_dir), f"--out={first}").code == 2

        for _ in range(2):
            make_versions(ready, [one["secret_name"] for one in rows])
        free = tool.run("retire", str(run_dir), "--json")
        found = json.loads(free.out)
        assert (free.code, found["verdict"], found["projects"][0]["versions"]) == (0, "free", 24)
        (folder,) = run_dir.glob("retire-*")
        assert {one.name for one in folder.iterdir()} >= {"key-use.csv", "retire.json", "retire.html", "SHA256SUMS"}
        by_key = tool.run(
            "retire", "--old-key", old, "--project-id", project, f"--endpoint={ready.url}", f"--out={tmp_path / 'k'}"
        )
        assert by_key.code == 0, by_key.err
        words = f"Key {old} is free: no secret points at it, and no version was made with it, in the project looked at"
        assert by_key.out.splitlines()[0] == f"{words}, with 12 secrets."
        assert tool.run("go", str(manifest), *tool.to(run_dir, f"--project-id={project}")).code == 0


def test_without_keys_or_with_projects_of_two_kinds_it_says_what_is_missing_and_leaves_nothing(tmp_path: Path) -> None:
    source, run_dir = tmp_path / "all.csv", tmp_path / "run"
    with sandbox_process(tmp_path, "--secrets=3", f"--manifest={source}") as (tool, ready):
        (project,) = ready.project_ids
        assert tool.run("run", str(source), *tool.to(run_dir, f"--project-id={project}")).code == 0
        cases = [
            ((), "no key to retire: give --old-key, or a run directory"),
            ((str(run_dir),), "the old keys of its rows are unknown; give them with --old-key"),
            ((str(run_dir), "--old-key", NO_KEY, "--owner-column=team"), "--owner-column: the manifest has no 'team'"),
            ((str(run_dir), f"--project-id={project}"), "--project-id: the run has its own projects"),
            (("--old-key=nonsense", f"--endpoint={ready.url}"), "--old-key: 'nonsense' is not a UUID"),
        ]
        for arguments, words in cases:
            ended = tool.run("retire", *arguments)
            assert ended.code == 2
            assert words in ended.err
        assert not list(run_dir.glob("retire-*"))


def test_the_command_on_the_page_asks_for_the_same_again(tmp_path: Path) -> None:
    """With the keys and the place that options named, not those of the run or of nowhere."""
    source, run_dir = tmp_path / "all.csv", tmp_path / "run"
    with sandbox_process(tmp_path, "--secrets=3", f"--manifest={source}") as (tool, ready):
        (project,) = ready.project_ids
        old = ready.key_ids[project].old
        run = tool.run("run", str(source), *tool.to(run_dir, f"--project-id={project}", "--before=list"))
        assert run.code == 0, run.err
        where = (f"--project-id={project}", f"--endpoint={ready.url}", "--rate=50/s")
        for number, asked in enumerate([("--old-key", NO_KEY, *where), (str(run_dir), "--old-key", NO_KEY)]):
            out = tmp_path / str(number)
            first = tool.run("retire", *asked, f"--out={out}")
            [command] = re.findall(r"csms-rekey retire [^<]*", html.unescape((out / "retire.html").read_text()))[-1:]
            again = tool.run(*shlex.split(command)[1:], f"--out={tmp_path / f'again-{number}'}")
            assert (first.code, again.code, again.out.splitlines()[0]) == (3, 3, first.out.splitlines()[0]), command
            assert old not in command
            assert first.out.splitlines()[-1] == f"to look again once that is done: {command}"


def test_a_secret_that_only_the_plan_of_a_run_has_seen_is_looked_for_although_no_list_shows_it_any_more(
    tmp_path: Path,
) -> None:
    sandbox = small_service(secrets=3, seed=11)
    project, rows = project_of(sandbox), moves(sandbox)
    source, plan, run_dir = tmp_path / "m.csv", tmp_path / "plan", tmp_path / "run"
    source.write_bytes(manifest_of(rows[:2]))
    with served(sandbox, tmp_path) as tool:
        endpoint = tool.to(run_dir)[0]
        assert tool.run("plan", str(source), endpoint, f"--out={plan}").code == 0
        assert tool.run("run", str(plan), f"--run-dir={run_dir}", "--rate=unlimited").code == 0
        for name in project.names:
            project.versions[name] = ()
            add_version(project, name, EPOCH_S)
        project.hidden.add(rows[2].secret_name)
        needed = tool.run("retire", str(run_dir), f"--old-key={project.key_ids.old}", "--json")
        plan.rename(tmp_path / "elsewhere")
        blind = tool.run("retire", str(run_dir), f"--old-key={project.key_ids.old}", "--json")
    assert needed.code == 1, needed
    assert [one["kind"] for one in json.loads(needed.out)["projects"][0]["not_read"]] == ["hidden"]
    assert (blind.code, "what only the plan of this run knows is not looked for" in blind.err) == (0, True)
