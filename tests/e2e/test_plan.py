"""A plan, both ways, and the run of it: what is written, what may be run, and what becomes of the rest."""

import csv
import getpass
import hashlib
import json
import shlex
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from batch.cli.app import main
from batch.sandbox.assembly import Sandbox
from batch.sandbox.lists import ListStyle
from batch.sandbox.model import SecretState
from batch.sandbox.wire import Operation
from jobs.model import Status
from reports.moment import utc_seconds
from tests.e2e.tool import Ended, Tool, manifest_of, outcomes_in, served
from tests.engine.machine import keys_of
from tests.engine.rows import moves, project_of, small_service
from tests.kit.records import records_of

SECRETS = 8
OLD, NEW = (f"{digit * 8}-{digit * 4}-{digit * 4}-{digit * 4}-{digit * 12}" for digit in "ab")


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def document(folder: Path) -> Any:
    return json.loads((folder / "plan.json").read_bytes())


def number(folder: Path) -> str:
    return hashlib.sha256((folder / "plan.json").read_bytes()).hexdigest()


def planned(tool: Tool, folder: Path, *words: str) -> Ended:
    url = next(word for word in tool.to(folder) if word.startswith("--endpoint="))
    rate = () if any(word.startswith("--rate") for word in words) else ("--rate=unlimited",)
    return tool.run("plan", *words, url, *rate, f"--out={folder}")


def ran(tool: Tool, plan: Path, run_dir: Path, *words: str) -> Ended:
    return tool.run("run", str(plan), f"--run-dir={run_dir}", "--rate=unlimited", *words)


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


def test_the_command_of_a_plan_asks_for_the_limits_and_the_login_that_it_was_made_with(tmp_path: Path) -> None:
    """On the screen and on the page; the printed command runs the plan unchanged."""
    sandbox, path = small_service(secrets=6), tmp_path / "m.csv"
    path.write_bytes(manifest_of(moves(sandbox)))
    with served(sandbox, tmp_path) as tool:
        plan = planned(tool, tmp_path / "plan", str(path), "--rate=40/s", "--burst=2", "--auth=token")
        [command] = [line.partition("csms-rekey ")[2] for line in plan.out.splitlines() if line.startswith("next ")]
        options = f"--plan-sha256 {number(tmp_path / 'plan')} --auth token --rate 40/s --burst 2"
        assert command == f"run {tmp_path / 'plan'} {options}"
        assert options in (tmp_path / "plan" / "plan.html").read_text()
        assert tool.run(*shlex.split(command), f"--run-dir={tmp_path / 'run'}").code == 0
        usual = planned(tool, tmp_path / "usual", str(path), "--rate=10/s").out
    assert usual.endswith(f"--plan-sha256 {number(tmp_path / 'usual')}\n")


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
        (name, "no usable row names it") for name in names[6:]
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
    assert "finished: 3 rows done; 5 rows the plan could not do" in run.out
    assert "left_out: 5 (the plan could not do)" in status.out


def test_the_reports_of_a_run_of_a_plan_say_who_planned_it_and_who_ran_it(odd: Odd) -> None:
    plan, folder = document(odd[0] / "plan"), odd[0] / "run"
    summary = json.loads((folder / "summary.json").read_bytes())
    assert summary["plan"]["sha256"] == number(odd[0] / "plan")
    assert plan["made_by"] == summary["plan"]["made_by"] == f"{getpass.getuser()} at {socket.gethostname()}"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert f"UTC by {plan['made_by']}, plan.json has the SHA-256 {number(odd[0] / 'plan')}" in page
    assert "report on the run of plan <span>" in page
    assert f"run by {getpass.getuser()} on {socket.gethostname()}" in page


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
    assert "Nothing has to be changed" in again.out
    # Approval is for what can be run.
    for folder, shown in (("plan", plan), ("again", again)):
        page = (tmp_path / folder / "plan.html").read_text(encoding="utf-8")
        assert (number(tmp_path / folder) in shown.out, ">Number to approve<" in page) == ((folder == "plan"),) * 2


def test_an_unusable_target_key_ends_a_plan_by_old_key_with_1(tmp_path: Path) -> None:
    sandbox = small_service(secrets=2)
    project = project_of(sandbox)
    keys = ("--old-key", project.key_ids.old, "--new-key", project.key_ids.pending_deletion)
    with served(sandbox, tmp_path) as tool:
        plan = planned(tool, tmp_path / "plan", *keys, "--project-id", project.id)
        run = ran(tool, tmp_path / "plan", tmp_path / "run")
    assert (plan.code, run.code, puts(sandbox)) == (1, 1, 0), (plan, run)
    assert "cannot be used: it is pending deletion; 2 rows" in plan.out
    assert [claim.status for claim in outcomes_in(tmp_path / "run")] == [Status.NOT_ATTEMPTED] * 2


def test_a_plan_costs_its_pages_and_one_request_for_each_key(tmp_path: Path) -> None:
    sandbox = small_service(secrets=500, lists=ListStyle(page_size=50))
    project = project_of(sandbox)
    keys = ("--old-key", project.key_ids.old, "--new-key", project.key_ids.new)
    with served(sandbox, tmp_path) as tool:
        plan = planned(tool, tmp_path / "plan", *keys, "--project-id", project.id)
    assert plan.code == 0, plan
    assert sandbox.journal.arrived_count <= 12 + 1
    assert document(tmp_path / "plan")["looked_with"] == sandbox.journal.arrived_count


@pytest.mark.parametrize(
    ("denied", "code", "action", "trouble"),
    [
        ({Operation.DESCRIBE_KEY}, 0, "change", None),
        ({Operation.LIST_SECRETS, Operation.SHOW_SECRET}, 3, "unread", "CSMS.0302"),
    ],
)
def test_a_right_that_the_login_lacks_is_told_and_nothing_is_guessed(
    tmp_path: Path, denied: set[Operation], code: int, action: str, trouble: str | None
) -> None:
    sandbox = small_service(secrets=3, denied=frozenset(denied))
    (tmp_path / "m.csv").write_bytes(manifest_of(moves(sandbox)))
    with served(sandbox, tmp_path) as tool:
        plan = planned(tool, tmp_path / "plan", str(tmp_path / "m.csv"))
    found = document(tmp_path / "plan")
    assert (plan.code, found["counts"]) == (code, [{"action": action, "rows": 3}])
    # What was refused is not checked; what was answered is.
    assert [(key["usable"], "KMS.0307" in key["reason"]) for key in found["keys"]] == [
        (None, True) if trouble is None else (True, False)
    ]
    assert (trouble or "") in (found["projects"][0]["trouble"] or "")


def test_a_plan_by_old_key_that_could_not_list_a_project_claims_nothing_of_it_and_is_not_run(tmp_path: Path) -> None:
    sandbox = small_service(secrets=3)
    project, other = project_of(sandbox), "0" * 32
    keys = ("--old-key", project.key_ids.old, "--new-key", project.key_ids.new, "--old-key", OLD, "--new-key", NEW)
    with served(sandbox, tmp_path) as tool:
        plan = planned(tool, tmp_path / "plan", *keys, f"--project-id={project.id}", f"--project-id={other}")
        run = ran(tool, tmp_path / "plan", tmp_path / "run", f"--plan-sha256={number(tmp_path / 'plan')}")
    assert (plan.code, run.code, puts(sandbox)) == (3, 2, 0), (plan, run)
    assert document(tmp_path / "plan")["rows"] == 3
    assert f"no secret that could be seen is on {OLD}" in plan.err
    assert "csms-rekey run" not in plan.out + (tmp_path / "plan" / "plan.html").read_text(encoding="utf-8")
    assert f"project {other} could not be read completely, so rows of it may be missing" in run.err
    assert not (tmp_path / "run").exists()


def test_a_plan_by_a_key_that_every_secret_has_left_already_has_nothing_to_do_and_ends_with_0(tmp_path: Path) -> None:
    sandbox = small_service(secrets=4, projects=2)
    first, second = (project_of(sandbox, index) for index in (0, 1))
    keys = ("--old-key", first.key_ids.new, "--new-key", first.key_ids.old)
    with served(sandbox, tmp_path) as tool:
        plan = planned(tool, tmp_path / "plan", *keys, f"--project-id={first.id}", f"--project-id={second.id}")
    assert (plan.code, document(tmp_path / "plan")["unknown_keys"]) == (0, []), plan
    assert f"no secret of these projects is on {first.key_ids.new}\n" in plan.err


def test_a_project_with_no_secret_on_an_old_key_is_named(tmp_path: Path) -> None:
    sandbox = small_service(secrets=4, projects=2)
    first, second = (project_of(sandbox, index) for index in (0, 1))
    keys = ("--old-key", first.key_ids.old, "--new-key", first.key_ids.new)
    with served(sandbox, tmp_path) as tool:
        plan = planned(tool, tmp_path / "plan", *keys, f"--project-id={first.id}", f"--project-id={second.id}")
    assert plan.code == 0, plan
    assert plan.err.splitlines() == [f"csms-rekey: project {second.id}: none of its 2 secrets is on an old key"]


def test_all_projects_of_the_login_are_planned_from_the_list_of_iam_and_go_runs_them_once(tmp_path: Path) -> None:
    sandbox = small_service(secrets=6, projects=3)
    keys = [word for project in sandbox.world.projects.values() for word in ("--old-key", project.key_ids.old)]
    keys += [word for project in sandbox.world.projects.values() for word in ("--new-key", project.key_ids.new)]
    with served(sandbox, tmp_path) as tool:
        url = next(word for word in tool.to(tmp_path) if word.startswith("--endpoint=")).partition("=")[2]
        words = ("plan", *keys, "--all-projects", f"--endpoint={url}", f"--out={tmp_path / 'plan'}", "--rate=unlimited")
        plan = tool.run(*words, more={"HUAWEICLOUD_SDK_IAM_ENDPOINT": url})
        go = ("go", str(tmp_path / "plan"), f"--run-dir={tmp_path / 'run'}", "--rate=unlimited")
        first, second = tool.run(*go), tool.run(*go)
    assert (plan.code, first.code, second.code, puts(sandbox)) == (0, 0, 0, 6), (plan, first, second)
    assert {one["project_id"] for one in document(tmp_path / "plan")["projects"]} == set(sandbox.world.projects)
    assert "nothing to do, every row is done" in second.err


def test_a_plan_that_was_stopped_is_none_until_it_is_resumed_which_needs_no_manifest(tmp_path: Path) -> None:
    sandbox = small_service(secrets=5)
    rows = [*moves(sandbox), *(replace(moves(sandbox)[0], row=row, secret_name=f"no-{row}") for row in range(6, 40))]
    (tmp_path / "m.csv").write_bytes(manifest_of(rows))
    with served(sandbox, tmp_path) as tool:
        stopped = planned(tool, tmp_path / "plan", str(tmp_path / "m.csv"), "--rate=5/s", "--max-duration=1s")
        seen = sandbox.journal.arrived_count
        early = ran(tool, tmp_path / "plan", tmp_path / "run")
        other = planned(tool, tmp_path / "plan", str(tmp_path / "m.csv"), "--exclude=no-*")
        (tmp_path / "m.csv").unlink()
        whole = tool.run("resume", str(tmp_path / "plan"), "--rate=unlimited")
        over = tool.run("resume", str(tmp_path / "plan"))
    codes = [ended.code for ended in (stopped, early, other, whole, over)]
    assert codes == [3, 2, 2, 1, 2], (stopped, early, other, whole, over)
    assert "holds a plan already" in over.err
    assert document(tmp_path / "plan")["source"]["name"] == str(tmp_path / "m.csv")
    assert not list((tmp_path / "plan").glob("source*"))
    assert f"`csms-rekey resume {tmp_path / 'plan'}` continues" in stopped.err
    assert "holds no plan.json" in early.err
    assert document(tmp_path / "plan")["counts"] == [{"action": "change", "rows": 5}, {"action": "missing", "rows": 34}]
    # A page, 34 reads and a key; what was in flight when it stopped may be asked for again.
    assert 0 < seen < sandbox.journal.arrived_count <= 36 + 5


def test_a_selection_leaves_rows_out_of_the_plan_and_tells_them_as_not_selected(tmp_path: Path) -> None:
    sandbox = small_service(secrets=4)
    asked = moves(sandbox)
    (tmp_path / "m.csv").write_bytes(manifest_of(asked))
    only = f"--only={asked[2].secret_name}"
    with served(sandbox, tmp_path) as tool:
        plan = planned(tool, tmp_path / "plan", str(tmp_path / "m.csv"), only)
        run = ran(tool, tmp_path / "plan", tmp_path / "run")
    assert (plan.code, run.code, puts(sandbox)) == (0, 0, 1), (plan, run)
    assert [line["error_message"] for line in lines(tmp_path / "run" / "outcomes.csv")] == [
        "not selected", "not selected", "", "not selected",
    ]  # fmt: skip
    uncovered = lines(tmp_path / "plan" / "uncovered.csv")
    assert {line["reason"] for line in uncovered} == {"no selected row names it"}
    assert len(uncovered) == len(asked) - 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to plan:"),
        (("m.csv", "--old-key=x"), "a manifest says which keys"),
        (("m.csv", "--all-projects"), "a manifest says which projects"),
        (("--old-key=x",), "give them as pairs"),
        (("--old-key=x", "--new-key=y"), "--old-key: is 1 character long"),
        (("--key-map=no-such.csv",), "no-such.csv: "),
        (("--key-map=x.csv", "--old-key=x"), "not both"),
        (("--old-key", OLD, "--new-key", NEW), "--project-id or --all-projects"),
        (("--old-key", OLD, "--new-key", NEW, "--project-id=x"), "--project-id: 'x' is not 32"),
        (("--old-key", OLD, "--new-key", NEW, "--project-id", "1" * 32, "--all-projects"), "not both"),
        # A login for an endpoint of one's own is not sent to the public IAM.
        (("--old-key", OLD, "--new-key", NEW, "--all-projects"), "name IAM too, in HUAWEICLOUD_SDK_IAM_ENDPOINT"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_one_line_and_leaves_nothing(
    tmp_path: Path,
    words: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "t")
    monkeypatch.setenv("CSMS_REKEY_METADATA_URL", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    assert main(["plan", *words, "--endpoint=http://127.0.0.1:9"]) == 2
    shown = capsys.readouterr().err.splitlines()
    assert said in shown[-1], shown
    assert not list(tmp_path.iterdir())


def test_a_plan_of_an_earlier_release_is_run_as_it_was_approved(tmp_path: Path) -> None:
    """Its document had other names; its sum is that of the approval."""
    sandbox, path, plan = small_service(secrets=4), tmp_path / "m.csv", tmp_path / "plan"
    path.write_bytes(manifest_of(moves(sandbox)))
    with served(sandbox, tmp_path) as tool:
        planned(tool, plan, str(path))
        now = document(plan)
        old = {"schema": "format", "version": "release", "started_at": "looked_from"}
        was = {old.get(name, name): value for name, value in now.items()} | {"format": 1}
        was |= {name: utc_seconds(was[name]) for name in ("looked_from", "made_at")}
        (plan / "plan.json").write_text(json.dumps(was))
        ended = ran(tool, plan, tmp_path / "run", f"--plan-sha256={number(plan)}")
    assert ended.code == 0, ended.err
    summary = json.loads((tmp_path / "run" / "summary.json").read_bytes())
    assert summary["plan"] == {"sha256": number(plan), "made_at": now["made_at"], "made_by": now["made_by"]}
    assert (now["schema"], now["version"]) == ("csms-rekey/plan/2", was["release"])


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "plan.json cannot be read"),
        (b"[]", "plan.json cannot be read"),
        (b'{"format": 2}', "a plan of format 2, this release reads csms-rekey/plan/2"),
        (b'{"schema": "csms-rekey/plan/3"}', "a plan of csms-rekey/plan/3, this release reads csms-rekey/plan/2"),
        (b'{"schema": "csms-rekey/plan/2"}', "plan.json cannot be read: Object missing required field"),
        (b'{"schema": "csms-rekey/plan/2", "made_at": "noon"}', "plan.json cannot be read: Invalid isoformat"),
        (b'{"format": 1}', "plan.json cannot be read: Object missing required field"),
        (b"\xff", "plan.json cannot be read"),
    ],
)
def test_a_directory_that_is_no_sound_plan_is_refused(
    tmp_path: Path, document: bytes, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "t")
    (tmp_path / "plan.json").write_bytes(document)
    assert main(["run", str(tmp_path), f"--run-dir={tmp_path / 'run'}"]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
