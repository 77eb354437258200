"""There and back as processes: run, verify, rollback, run, and every secret is as it was before."""

import csv
import shlex
from pathlib import Path

import pytest

from batch.sandbox.assembly import Sandbox
from batch.sandbox.faults import InjectedFault, gateway_error
from tests.e2e.tool import Tool, manifest_of, served
from tests.engine.machine import keys_of
from tests.engine.rows import moves, small_service
from tests.kit.scripts import Updates


def back_from(tool: Tool, run_dir: Path, out: Path, *, code: int) -> list[dict[str, str]]:
    ended = tool.run("rollback", str(run_dir), f"--out={out}")
    assert ended.code == code, ended.err
    with out.open(newline="") as file:
        return list(csv.DictReader(file))


def a_run(tool: Tool, sandbox: Sandbox, folder: Path, *more: str) -> Path:
    manifest = folder / "m.csv"
    manifest.write_bytes(manifest_of(moves(sandbox)))
    run_dir = folder / "run"
    assert tool.run("run", str(manifest), *tool.to(run_dir, *more)).code == 0
    return run_dir


def test_a_run_its_rollback_and_another_run_leave_every_secret_as_it_was(tmp_path: Path) -> None:
    sandbox = small_service(secrets=30, projects=2)
    before = keys_of(sandbox)
    with served(sandbox, tmp_path) as tool:
        run_dir = a_run(tool, sandbox, tmp_path, "--before=list")
        assert keys_of(sandbox) != before
        assert tool.run("verify", str(run_dir)).code == 0
        out = tmp_path / "back.csv"
        rows = back_from(tool, run_dir, out, code=0)
        assert len(rows) == 30
        assert {(one["project_id"], one["secret_name"]): one["kms_key_id"] for one in rows} == before
        # Nothing is overwritten.
        assert tool.run("rollback", str(run_dir), f"--out={out}").code == 2
        assert tool.run("run", str(out), *tool.to(tmp_path / "back")).code == 0
        assert keys_of(sandbox) == before
        verified = tool.run("verify", str(run_dir))
        assert verified.code == 1
        # What our own way back has done is no riddle, on the screen and on the page.
        words = "If this run was rolled back, its secrets are on their key before again, as they should be"
        assert words in verified.out
        assert words in max(run_dir.glob("verify-*/verify.html")).read_text()
        assert tool.run("verify", str(tmp_path / "back")).code == 0


def test_what_cannot_go_back_is_said_and_listed(tmp_path: Path) -> None:
    sandbox = small_service(secrets=5)
    with served(sandbox, tmp_path) as tool:
        run_dir = a_run(tool, sandbox, tmp_path, "--before=off")
        out = tmp_path / "back.csv"
        assert back_from(tool, run_dir, out, code=1) == []
        lines = (tmp_path / "back.csv.left-out.csv").read_text().splitlines()
    assert lines[0] == "row,secret_name,reason"
    assert [line.partition(",")[0] for line in lines[1:]] == ["1", "2", "3", "4", "5"]
    assert all(line.endswith("its key before is not known") for line in lines[1:])


def test_the_command_that_is_shown_runs_the_way_back_whatever_the_manifest_looked_like(tmp_path: Path) -> None:
    """Its own file has commas, UTF-8 and no column of the manifest's owner: not even the one that waves went by."""
    sandbox = small_service(secrets=6)
    before, manifest = keys_of(sandbox), tmp_path / "m.csv"
    lines = manifest_of(moves(sandbox)).decode().replace(",", ";").splitlines()
    rows = [f"{lines[0]};stage", *(f"{line};{number % 2}" for number, line in enumerate(lines[1:]))]
    manifest.write_text("\n".join([*rows, ""]), encoding="utf-16")
    options = ("--before=list", "--delimiter=semicolon", "--encoding=utf-16", "--wave-by=stage", "--soak=1s")
    with served(sandbox, tmp_path) as tool:
        run = tool.run("run", str(manifest), *tool.to(tmp_path / "run", *options))
        assert run.code == 0, run.err
        ended = tool.run("rollback", str(tmp_path / "run"), f"--out={tmp_path / 'back.csv'}")
        (command,) = (line.partition(": ")[2] for line in ended.out.splitlines() if line.startswith("next: "))
        again = tool.run(*shlex.split(command)[1:], f"--run-dir={tmp_path / 'back'}")
    assert again.code == 0, (command, again)
    assert keys_of(sandbox) == before


@pytest.mark.parametrize("plan", [{}, {("db-0001", 1): gateway_error(504, applied=True)}], ids=["clear", "open once"])
def test_an_update_that_may_still_be_applied_is_waited_for_before_the_way_back(
    tmp_path: Path, plan: dict[tuple[str, int], InjectedFault]
) -> None:
    sandbox = small_service(secrets=3)
    name = moves(sandbox)[0].secret_name
    sandbox = small_service(secrets=3, faults=Updates({(name, n): fault for (_, n), fault in plan.items()}))
    with served(sandbox, tmp_path) as tool:
        run_dir = a_run(tool, sandbox, tmp_path, "--before=list")
        ended = tool.run("rollback", str(run_dir), f"--out={tmp_path / 'back.csv'}")
    warned = "an update of the run may still be applied until " in ended.err
    assert (ended.code, warned) == (0, bool(plan)), ended
