"""A whole rotation as commands: plan, run, verify, retire, new versions, retire, and the way back."""

import csv
import json
from pathlib import Path

from tests.e2e.test_retire import make_versions
from tests.e2e.tool import Tool, sandbox_process


def shown_in(tool: Tool, out: Path, *options: str) -> dict[str, str]:
    """The key of every secret as the service shows it, by a plan that moves nothing."""
    assert tool.run("plan", *options, f"--out={out}").code == 0
    with (out / "preview.csv").open(newline="", encoding="utf-8") as file:
        return {row["secret_name"]: row["current_kms_key_id"] for row in csv.DictReader(file)}


def test_a_key_is_rotated_proven_free_and_moved_back_with_every_secret_as_before(tmp_path: Path) -> None:
    source, plan, run_dir = tmp_path / "all.csv", tmp_path / "plan", tmp_path / "run"
    options = ("--secrets=10", "--versions=2", "--keep-versions=2", f"--manifest={source}")
    with sandbox_process(tmp_path, *options) as (tool, ready):
        (project,) = ready.project_ids
        keys, place = ready.key_ids[project], (f"--endpoint={ready.url}", f"--project-id={project}")
        moving = (*place, f"--old-key={keys.old}", f"--new-key={keys.new}")

        planned = tool.run("plan", *moving, f"--out={plan}", "--rate=unlimited")
        assert planned.code == 0, planned.err
        before = shown_in(tool, tmp_path / "before", str(source), *place)
        assert set(before.values()) == {keys.old}

        ran = tool.run("run", str(plan), f"--run-dir={run_dir}", "--rate=unlimited", "--before=list")
        assert ran.code == 0, ran.err
        assert tool.run("verify", str(run_dir)).code == 0
        assert set(shown_in(tool, tmp_path / "after", str(source), *place).values()) == {keys.new}

        needed = tool.run("retire", str(run_dir), f"--out={tmp_path / 'needed'}", "--json")
        assert (needed.code, json.loads(needed.out)["verdict"]) == (1, "needed")
        for _ in range(2):
            make_versions(ready, list(before))
        free = tool.run("retire", str(run_dir), f"--out={tmp_path / 'free'}", "--json")
        assert (free.code, json.loads(free.out)["verdict"]) == (0, "free"), free.err

        back = tmp_path / "back.csv"
        assert tool.run("rollback", str(run_dir), f"--out={back}").code == 0
        returned = tool.run("run", str(back), *place, f"--run-dir={tmp_path / 'returned'}", "--rate=unlimited")
        assert returned.code == 0, returned.err
        assert shown_in(tool, tmp_path / "end", str(source), *place) == before
