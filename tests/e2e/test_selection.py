"""Selection over several sessions, and a manifest with another delimiter up to its next command."""

import csv
import shlex
from pathlib import Path

from batch.sandbox.assembly import Sandbox
from jobs.model import Status
from tests.e2e.tool import manifest_of, outcomes_in, served
from tests.engine.machine import keys_of
from tests.engine.rows import moves, small_service
from tests.kit.records import records_of
from tests.oracle import Asked

ROWS = 12


def written(folder: Path, asked: list[Asked]) -> str:
    path = folder / "m.csv"
    path.write_bytes(manifest_of(asked))
    return str(path)


def moved(sandbox: Sandbox) -> set[str | None]:
    """The secrets for which a PUT arrived."""
    return {record.secret_name for record in records_of(sandbox.journal) if record.method == "PUT"}


def messages(run_dir: Path) -> list[str]:
    with (run_dir / "outcomes.csv").open(newline="", encoding="utf-8") as file:
        return [line["error_message"] for line in csv.DictReader(file)]


def test_rows_that_are_not_selected_are_told_and_never_sent_by_any_session(tmp_path: Path) -> None:
    sandbox = small_service(secrets=ROWS)
    asked, run_dir = moves(sandbox), tmp_path / "run"
    names = [one.secret_name for one in asked]
    manifest = written(tmp_path, asked)
    selection = [f"--only={name}" for name in names[:4]] + [f"--exclude={names[1]}", "--exclude=no-such-*"]
    with served(sandbox, tmp_path) as tool:
        ended = tool.run("run", manifest, *tool.to(run_dir, *selection))
        assert (ended.code, moved(sandbox)) == (0, {names[0], names[2], names[3]}), ended
        assert f"{manifest}: --exclude 'no-such-*' matches no row" in ended.err
        commands = (
            ("resume", str(run_dir), "--failed"),
            ("report", str(run_dir)),
            ("resume", str(run_dir), "--only=*"),
        )
        assert [tool.run(*words).code for words in commands] == [0, 0, 2]
    assert moved(sandbox) == {names[0], names[2], names[3]}
    left_out = [name in {names[0], names[2], names[3]} for name in names]
    assert [claim.status is Status.UPDATED for claim in outcomes_in(run_dir)] == left_out
    assert [message != "not selected" for message in messages(run_dir)] == left_out
    assert len((run_dir / "retry.csv").read_bytes().splitlines()) == 1
    assert f"{ROWS - 3} rows not selected" in ended.out


def test_a_selection_that_leaves_no_row_sends_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    sandbox = small_service(secrets=2)
    with served(sandbox, tmp_path) as tool:
        ended = tool.run("run", written(tmp_path, moves(sandbox)), *tool.to(tmp_path / "run", "--only=x"))
    assert (ended.code, moved(sandbox), (tmp_path / "run").exists()) == (2, set(), False)
    assert "--only and --exclude leave no row" in ended.err


def test_a_limit_holds_for_go_each_night_until_a_person_resumes(tmp_path: Path) -> None:
    sandbox = small_service(secrets=ROWS)
    asked, run_dir = moves(sandbox), tmp_path / "run"
    names = [one.secret_name for one in asked]
    manifest = written(tmp_path, [*asked, asked[1]])
    with served(sandbox, tmp_path) as tool:
        command = ("go", manifest, *tool.to(run_dir, "--limit=5"))
        first, second = tool.run(*command), tool.run(*command)
        assert (first.code, second.code, moved(sandbox)) == (0, 0, set(names[:5]))
        assert f"csms-rekey resume {run_dir}" in first.out
        assert f"nothing to do but for {ROWS - 5} rows beyond --limit 5" in second.err
        assert messages(run_dir) == ["", "", "", "", "", *["not selected"] * (ROWS - 5), ""]
        refused, still = tool.run("resume", str(run_dir), more={"CSMS_REKEY_TOKEN": ""}), tool.run(*command)
        assert (refused.code, still.code, moved(sandbox)) == (2, 0, set(names[:5]))
        resumed, third = tool.run("resume", str(run_dir)), tool.run(*command)
    assert (resumed.code, third.code, moved(sandbox)) == (0, 0, set(names))
    assert f"takes up {ROWS - 5} rows beyond --limit 5" in resumed.err
    assert "nothing to do, every row is done" in third.err
    assert {claim.status for claim in outcomes_in(run_dir)} == {Status.UPDATED}
    assert sandbox.journal.arrived_count == ROWS
    assert keys_of(sandbox) == {(one.project_id, one.secret_name): one.kms_key_id for one in asked}


def test_a_limited_run_with_rows_to_fix_still_says_how_to_send_the_rest(tmp_path: Path) -> None:
    sandbox, run_dir = small_service(secrets=3), tmp_path / "run"
    (tmp_path / "m.csv").write_bytes(manifest_of(moves(sandbox)) + b"not a name,k,,\n")
    with served(sandbox, tmp_path) as tool:
        ended = tool.run("run", str(tmp_path / "m.csv"), *tool.to(run_dir, "--limit=1"))
        resume = f"next: csms-rekey resume {run_dir} (send the rows beyond --limit as well)"
        assert (ended.code, resume in ended.out, "next: csms-rekey run corrected.csv" in ended.out) == (1, True, True)
        status = tool.run("status", str(run_dir)).out
        for line in ended.out.splitlines():
            assert not line.startswith("next: ") or line.partition(" (")[0] in status
        assert "beyond --limit" not in tool.run("resume", str(run_dir)).out


def test_reports_that_cannot_be_written_leave_the_command_that_writes_them_later(tmp_path: Path) -> None:
    sandbox, run_dir = small_service(secrets=3), tmp_path / "run"
    manifest = written(tmp_path, moves(sandbox))
    with served(sandbox, tmp_path) as tool:
        assert tool.run("run", manifest, *tool.to(run_dir, "--limit=1")).code == 0
        (run_dir / "retry.csv").unlink()
        (run_dir / "retry.csv").mkdir()
        failed = tool.run("resume", str(run_dir))
        assert failed.code == 74
        assert f"every outcome is in the ledger, and `csms-rekey report {run_dir}` writes the reports" in failed.err
        (run_dir / "retry.csv").rmdir()
        assert tool.run("report", str(run_dir)).code == 0
    assert len(moved(sandbox)) == 3


def test_a_manifest_with_semicolons_comes_back_with_semicolons_and_the_command_says_so(tmp_path: Path) -> None:
    sandbox = small_service(secrets=3)
    asked, run_dir = moves(sandbox), tmp_path / "run"
    lines = manifest_of(asked).replace(b",", b";").replace(b"note 1", b'"note; 1"').splitlines()
    (tmp_path / "m.csv").write_bytes(
        b"\r\n".join([b"\xef\xbb\xbf" + lines[0], *lines[1:], b"not a name;k;;", b";;;", b""])
    )
    with served(sandbox, tmp_path) as tool:
        manifest = str(tmp_path / "m.csv")
        refused = tool.run("run", manifest, *tool.to(run_dir))
        assert (refused.code, refused.err.count("--delimiter semicolon")) == (2, 1)
        ended = tool.run("run", manifest, *tool.to(run_dir, "--delimiter=semicolon", "--limit=1"))
        assert ended.code == 1
        assert (run_dir / "rejected.csv").read_bytes().splitlines()[1].startswith(b"not a name;k;;;invalid;")
        [command] = [line for line in ended.out.splitlines() if line.startswith("next: csms-rekey run corrected.csv")]
        words = shlex.split(command.removeprefix("next: ").partition(" (")[0])
        assert "--limit" not in words
        assert words[words.index("--delimiter") + 1] == "semicolon"
        checked = tool.run(
            "check",
            str(run_dir / "rejected.csv"),
            "--delimiter",
            "semicolon",
            f"--project-id={'0' * 32}",
            "--region=cn-north-4",
        )
    assert checked.code == 1
    assert "1 row, 1 invalid, 0 structural problems" in checked.out
