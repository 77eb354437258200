"""A plan, both ways, and the run of it: what is written, what may be run, and what becomes of the rest."""

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from batch.sandbox.assembly import Sandbox
from batch.sandbox.model import SecretState
from jobs.model import Status
from tests.e2e.tool import Ended, Tool, outcomes_in, served
from tests.engine.machine import keys_of
from tests.engine.rows import moves, project_of, small_service
from tests.kit.records import records_of

SECRETS = 8


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def document(folder: Path) -> Any:
    return json.loads((folder / "plan.json").read_bytes())


def number(folder: Path) -> str:
    return hashlib.sha256((folder / "plan.json").read_bytes()).hexdigest()


def planned(tool: Tool, folder: Path, *words: str) -> Ended:
    url = next(word for word in tool.to(folder) if word.startswith("--endpoint="))
    return tool.run("plan", *words, url, "--rate=unlimited", f"--out={folder}")


def ran(tool: Tool, plan: Path, run_dir: Path, *words: str) -> Ended:
    return tool.run("run", str(plan), f"--run-dir={run_dir}", "--rate=unlimited", *words)


def requests(sandbox: Sandbox) -> Counter[tuple[str, str]]:
    """By method and kind."""
    kinds = ((record.method, "list" if record.secret_name is None else "one") for record in records_of(sandbox.journal))
    return Counter(kinds)


def puts(sandbox: Sandbox) -> int:
    return sum(record.method == "PUT" for record in records_of(sandbox.journal))


def put_into(sandbox: Sandbox, name: str, **changes: Any) -> None:
    secrets = project_of(sandbox).secrets
    secrets[name] = msgspec.structs.replace(secrets[name], **changes)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sandbox, list[Ended]]:
    """A manifest with a row for every action, its plan, the run of that, and the same once more."""
    folder, sandbox = tmp_path_factory.mktemp("odd"), small_service(secrets=SECRETS)
    project, asked = project_of(sandbox), moves(sandbox)
    names, key = [one.secret_name for one in asked], project.key_ids
    put_into(sandbox, names[1], kms_key_id=key.new)
    put_into(sandbox, names[2], kms_key_id=key.default)
    put_into(sandbox, names[3], state=SecretState.PENDING_DELETE)
    rows = [
        f"{names[0]},{key.new},,a",
        f"{names[1]},{key.new},,=b",
        f"{names[2]},{key.new},{key.old},c",
        f"{names[3]},{key.new},,d",
        f"{names[4]},{key.disabled},,e",
        f"{names[5]},{key.new},{key.old.replace('-', '').upper()},f",
        f"no-such,{key.new},,g",
        f"bad name,{key.new},,h",
    ]
    text = "\n".join(["secret_name,kms_key_id,expected_kms_key_id,owner", *rows, ""])
    (folder / "m.csv").write_text(text, encoding="utf-8")
    with served(sandbox, folder) as tool:
        ended = [planned(tool, folder / "plan", str(folder / "m.csv"), f"--project-id={project.id}")]
        before = puts(sandbox)
        ended += [ran(tool, folder / "plan", folder / "run", f"--plan-sha256={number(folder / 'plan')}")]
        ended += [tool.run("resume", str(folder / "run")), tool.run("status", str(folder / "run"))]
    assert before == 0
    return folder, sandbox, ended


ACTIONS = ["change", "unchanged", "drifted", "blocked", "key_unusable", "change", "missing", "invalid"]
Odd = tuple[Path, Sandbox, list[Ended]]


def test_each_row_of_a_manifest_has_its_action_in_the_preview(odd: Odd) -> None:
    folder, sandbox, (plan, *_) = odd
    preview, key = lines(folder / "plan" / "preview.csv"), project_of(sandbox).key_ids
    assert plan.code == 1, plan
    assert [line["action"] for line in preview] == ACTIONS
    assert [line["row"] for line in preview] == [str(row) for row in range(1, 9)]
    assert [line["current_kms_key_id"] for line in preview[:3]] == [key.old, key.new, key.default]
    assert (preview[3]["reason"], preview[4]["reason"]) == ("pending deletion", "target key is disabled")
    assert {count["action"]: count["rows"] for count in document(folder / "plan")["counts"]} == Counter(ACTIONS)
    assert "5 rows cannot be done; 2 rows would be changed." in plan.out


def test_the_manifest_of_a_plan_has_the_rows_to_run_with_the_key_that_was_seen(odd: Odd) -> None:
    folder, sandbox, _ = odd
    key, rows = project_of(sandbox).key_ids, lines(folder / "plan" / "manifest.csv")
    assert [(row["expected_kms_key_id"], row["owner"]) for row in rows] == [
        (key.old, "a"),
        (key.new, "=b"),
        (key.old, "f"),
    ]


def test_a_secret_that_is_on_an_old_key_and_in_no_row_is_listed_as_uncovered(odd: Odd) -> None:
    folder, sandbox, _ = odd
    names = [one.secret_name for one in moves(sandbox)]
    found = lines(folder / "plan" / "uncovered.csv")
    assert [(line["secret_name"], line["reason"]) for line in found] == [
        (name, "no row names it") for name in names[6:]
    ]


def test_a_run_of_a_plan_carries_the_other_rows_in_the_order_of_the_source(odd: Odd) -> None:
    folder, sandbox, (_, run, resumed, status) = odd
    outcomes = lines(folder / "run" / "outcomes.csv")
    assert run.code == resumed.code == 1, run
    assert [line["status"] for line in outcomes] == [
        {"change": Status.UPDATED, "unchanged": Status.UNCHANGED}.get(action, Status.NOT_ATTEMPTED)
        for action in ACTIONS
    ]
    assert [line["error_message"] for line in outcomes] == [
        "" if action in {"change", "unchanged"} else f"planned: {action}" for action in ACTIONS
    ]
    assert puts(sandbox) == 2
    for name in ("retry.csv", "rejected.csv"):
        assert len((folder / "run" / name).read_bytes().splitlines()) == 1
    assert "finished, and 3 rows done; 5 rows the plan could not do" in run.out
    assert "left_out: 5 (the plan could not do)" in status.out


def test_the_sums_of_a_plan_name_all_its_files_and_the_page_shows_its_number(odd: Odd) -> None:
    folder = odd[0] / "plan"
    sums = dict(line.split("  ")[::-1] for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
    assert set(sums) == {"plan.json", "manifest.csv", "preview.csv", "uncovered.csv", "plan.html"}
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest for name, digest in sums.items())
    assert {one["name"]: one["sha256"] for one in document(folder)["files"]}.items() <= sums.items()
    assert number(folder) in (folder / "plan.html").read_text(encoding="utf-8")


def test_only_the_approved_plan_runs_and_only_as_it_was_written(odd: Odd, tmp_path: Path) -> None:
    folder, sandbox, _ = odd
    before, whole = puts(sandbox), (folder / "plan" / "manifest.csv").read_bytes()
    with served(sandbox, tmp_path) as tool:
        refused = [
            ran(tool, folder / "plan", tmp_path / "r", "--plan-sha256", "0" * 64),
            ran(tool, folder / "plan", tmp_path / "r", "--endpoint=http://127.0.0.1:1"),
            ran(tool, folder / "plan", tmp_path / "r", "--only=x"),
            ran(tool, folder / "m.csv", tmp_path / "r", "--plan-sha256", "0" * 64),
        ]
        try:
            (folder / "plan" / "manifest.csv").write_bytes(whole + whole.splitlines(keepends=True)[1])
            refused.append(ran(tool, folder / "plan", tmp_path / "r"))
        finally:
            (folder / "plan" / "manifest.csv").write_bytes(whole)
        # One that is there stays as it was approved.
        refused.append(planned(tool, folder / "plan", str(folder / "m.csv"), f"--project-id={'0' * 32}"))
    assert [ended.code for ended in refused] == [2] * len(refused), refused
    assert "not the approved 0000" in refused[0].err
    assert "--endpoint" in refused[1].err
    assert "--only" in refused[2].err
    assert "holds no plan.json" in refused[3].err
    assert "manifest.csv was changed since the plan was made" in refused[4].err
    assert "holds a plan already" in refused[5].err
    assert (puts(sandbox), (tmp_path / "r").exists()) == (before, False)


def test_a_plan_by_old_key_covers_all_projects_and_leaves_out_what_takes_no_change(tmp_path: Path) -> None:
    sandbox = small_service(secrets=SECRETS, projects=2)
    first, second = (project_of(sandbox, index) for index in (0, 1))
    names = list(first.names)
    put_into(sandbox, names[0], state=SecretState.FROZEN)
    put_into(sandbox, names[1], kms_key_id=first.key_ids.new)
    (tmp_path / "map.csv").write_text(
        "old_kms_key_id,new_kms_key_id,project_id\n"
        f"{first.key_ids.old},{first.key_ids.new},{first.id}\n{second.key_ids.old},{second.key_ids.new},{second.id}\n",
        encoding="utf-8",
    )
    with served(sandbox, tmp_path) as tool:
        plan = planned(tool, tmp_path / "plan", f"--key-map={tmp_path / 'map.csv'}")
        run = ran(tool, tmp_path / "plan", tmp_path / "run")
        again = planned(tool, tmp_path / "again", f"--key-map={tmp_path / 'map.csv'}")
    assert (plan.code, run.code, again.code) == (0, 0, 0), (plan, run, again)
    blocked = [line for line in lines(tmp_path / "plan" / "preview.csv") if line["action"] == "blocked"]
    assert [(line["row"], line["secret_name"], line["reason"]) for line in blocked] == [("", names[0], "frozen")]
    assert {claim.status for claim in outcomes_in(tmp_path / "run")} == {Status.UPDATED}
    old = {first.key_ids.old, second.key_ids.old}
    assert [place[1] for place, key in keys_of(sandbox).items() if key in old] == [names[0]]
    assert "Nothing is to be changed" in again.out


def test_an_unusable_target_key_ends_a_plan_by_old_key_with_1(tmp_path: Path) -> None:
    sandbox = small_service(secrets=2)
    project = project_of(sandbox)
    keys = ("--old-key", project.key_ids.old, "--new-key", project.key_ids.pending_deletion)
    with served(sandbox, tmp_path) as tool:
        plan = planned(tool, tmp_path / "plan", *keys, "--project-id", project.id)
        run = ran(tool, tmp_path / "plan", tmp_path / "run")
    assert (plan.code, run.code, puts(sandbox)) == (1, 1, 0), (plan, run)
    assert "cannot be used: is pending deletion; 2 rows" in plan.out
    assert [claim.status for claim in outcomes_in(tmp_path / "run")] == [Status.NOT_ATTEMPTED] * 2


def test_go_runs_a_plan_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    sandbox = small_service(secrets=3)
    project = project_of(sandbox)
    keys = ("--old-key", project.key_ids.old, "--new-key", project.key_ids.new)
    with served(sandbox, tmp_path) as tool:
        planned(tool, tmp_path / "plan", *keys, "--project-id", project.id)
        words = ("go", str(tmp_path / "plan"), f"--run-dir={tmp_path / 'run'}", "--rate=unlimited")
        first, second = tool.run(*words), tool.run(*words)
    assert (first.code, second.code, puts(sandbox)) == (0, 0, 3), (first, second)
    assert "nothing to do, every row is done" in second.err


def test_a_plan_costs_its_pages_and_one_request_for_each_key(tmp_path: Path) -> None:
    sandbox = small_service(secrets=500)
    project = project_of(sandbox)
    keys = ("--old-key", project.key_ids.old, "--new-key", project.key_ids.new)
    with served(sandbox, tmp_path) as tool:
        plan = planned(tool, tmp_path / "plan", *keys, "--project-id", project.id)
    assert plan.code == 0, plan
    assert sandbox.journal.arrived_count <= 12 + 1
    assert document(tmp_path / "plan")["looked_with"] == sandbox.journal.arrived_count
