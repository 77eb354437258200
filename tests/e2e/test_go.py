"""`go`: the same command each night, whatever it finds in its directory."""

import subprocess
from pathlib import Path

from batch.sandbox.assembly import Sandbox
from jobs.model import Status
from tests.e2e.tool import PYTHON, ROOT, Tool, environment, manifest_of, outcomes_in, served, wait_until
from tests.engine.machine import keys_of
from tests.engine.rows import moves, small_service
from tests.oracle import Asked

ROWS = 12


def files_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        one.relative_to(folder).as_posix(): (one.read_bytes(), one.stat().st_mtime_ns)
        for one in folder.rglob("*")
        if one.is_file()
    }


def written(folder: Path, asked: list[Asked], name: str = "m.csv") -> str:
    path = folder / name
    path.write_bytes(manifest_of(asked))
    return str(path)


def but_the_lock(files: dict[str, tuple[bytes, int]]) -> dict[str, tuple[bytes, int]]:
    return {name: file for name, file in files.items() if name != "run.lock"}


def go(tool: Tool, manifest: str, run_dir: Path, *options: str, given: bytes | None = None) -> "tuple[int, str]":
    ended = tool.run("go", manifest, *tool.to(run_dir, *options), given=given)
    return ended.code, ended.err


def night(tmp_path: Path) -> tuple[Sandbox, list[Asked], Path]:
    sandbox = small_service(secrets=ROWS)
    return sandbox, moves(sandbox), tmp_path / "run"


def test_the_second_night_writes_nothing_sends_nothing_and_needs_no_login(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    manifest = written(tmp_path, asked)
    with served(sandbox, tmp_path) as tool:
        assert go(tool, manifest, run_dir)[0] == 0
        before, seen = files_of(run_dir), sandbox.journal.arrived_count
        again = tool.run("go", manifest, *tool.to(run_dir), more={"CSMS_REKEY_TOKEN": ""})
        resumed = tool.run("resume", str(run_dir), more={"CSMS_REKEY_TOKEN": ""})
        machine = tool.run("go", manifest, *tool.to(run_dir), "--json")
    assert [one.code for one in (again, resumed, machine)] == [0, 0, 0]
    assert "nothing to do, every row is done" in again.err
    assert machine.out == (run_dir / "summary.json").read_text()
    assert files_of(run_dir) == before
    assert sandbox.journal.arrived_count == seen


def test_a_directory_that_is_a_mount_point_or_of_a_killed_load_is_taken(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    (run_dir / "lost+found").mkdir(parents=True)
    (run_dir / ".part-killed").mkdir()
    for name in ("run.lock", "manifest.parquet"):
        (run_dir / name).touch()
    inode = run_dir.stat().st_ino
    with served(sandbox, tmp_path) as tool:
        assert go(tool, written(tmp_path, asked), run_dir)[0] == 0
    assert run_dir.stat().st_ino == inode
    assert not {".part-killed", "manifest.parquet"} & set(files_of(run_dir))
    assert {claim.status for claim in outcomes_in(run_dir)} == {Status.UPDATED}


def test_another_manifest_after_a_finished_run_starts_a_new_one_beside_the_files_of_the_old(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    first, second = asked[: ROWS // 2], asked[ROWS // 2 :]
    with served(sandbox, tmp_path) as tool:
        assert go(tool, written(tmp_path, first), run_dir)[0] == 0
        old = files_of(run_dir)
        assert go(tool, written(tmp_path, second), run_dir)[0] == 0
    (kept,) = run_dir.glob("done-*")
    assert files_of(kept) == but_the_lock(old)
    assert [claim.secret_name for claim in outcomes_in(run_dir)] == [one.secret_name for one in second]


def test_another_job_is_refused_while_rows_of_the_old_one_are_open_and_some_may_have_changed(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    manifest = written(tmp_path, asked)
    with served(sandbox, tmp_path) as tool:
        assert go(tool, manifest, run_dir, "--max-duration=1", "--rate=5/s")[0] == 3
        before, seen = files_of(run_dir), sandbox.journal.arrived_count
        code, said = go(tool, manifest, run_dir, "--strict")
        other = go(tool, written(tmp_path, asked[1:], "other.csv"), run_dir)
        assert (code, other[0]) == (2, 2)
        assert "rows left, and this is another job (--strict True, the job's is False)" in said
        assert "other.csv: not the bytes that were loaded" in other[1]
        assert f"finish that run with `csms-rekey resume {run_dir} --failed`" in other[1]
        assert files_of(run_dir) == before
        assert sandbox.journal.arrived_count == seen
        assert go(tool, manifest, run_dir, "--rate=unlimited", "--max-duration=100")[0] == 0


def test_a_job_that_never_changed_anything_gives_way_to_the_corrected_one(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    wrong = [
        Asked(row=one.row, project_id="f" * 32, secret_name=one.secret_name, kms_key_id=one.kms_key_id) for one in asked
    ]
    with served(sandbox, tmp_path) as tool:
        assert go(tool, written(tmp_path, wrong), run_dir)[0] == 3
        assert go(tool, written(tmp_path, asked), run_dir)[0] == 0
    assert len(list(run_dir.glob("abandoned-*/ledger.db"))) == 1
    assert set(keys_of(sandbox).values()) == {asked[0].kms_key_id}


def test_a_manifest_from_a_pipe_is_known_again_by_its_bytes(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    text = manifest_of(asked)
    with served(sandbox, tmp_path) as tool:
        assert go(tool, "-", run_dir, given=text)[0] == 0
        before = files_of(run_dir)
        assert go(tool, "-", run_dir, given=text)[0] == 0
        assert files_of(run_dir) == before
        assert go(tool, "-", run_dir, given=manifest_of(asked[1:]))[0] == 0
    assert len(outcomes_in(run_dir)) == ROWS - 1
    assert len(list(run_dir.glob("done-*"))) == 1


def test_a_new_manifest_that_cannot_be_used_leaves_the_finished_run_in_place(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    with served(sandbox, tmp_path) as tool:
        assert go(tool, written(tmp_path, asked), run_dir)[0] == 0
        before = files_of(run_dir)
        bad = tmp_path / "bad.csv"
        bad.write_text("secret_name\na\n")
        assert go(tool, str(bad), run_dir)[0] == 2
        mine = go(tool, str(run_dir / "rejected.csv"), run_dir)
    assert but_the_lock(files_of(run_dir)) == but_the_lock(before)
    assert (mine[0], "belongs to the run of this directory; copy it elsewhere first" in mine[1]) == (2, True)


def test_the_own_files_of_a_person_in_an_unused_directory_are_never_taken_for_those_of_a_run(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    run_dir.mkdir()
    mine = written(run_dir, asked, "manifest.csv")
    before = files_of(run_dir)
    with served(sandbox, tmp_path) as tool:
        ended = [tool.run(command, mine, *tool.to(run_dir)) for command in ("run", "go")]
        assert files_of(run_dir) == before
        # Once a run was started there, its lock is.
        (run_dir / "run.lock").touch()
        ended += [tool.run(command, mine, *tool.to(run_dir)) for command in ("run", "go")]
        assert {one.code for one in ended} == {2}
        assert {"run.lock", *before} == set(files_of(run_dir))
        assert go(tool, written(tmp_path, asked[1:], "other.csv"), run_dir)[0] == 0
    assert [one.read_bytes() for one in run_dir.glob("abandoned-*/manifest.csv")] == [manifest_of(asked)]


def test_a_pipe_may_be_run_in_the_current_directory(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    run_dir.mkdir()
    with served(sandbox, tmp_path) as tool:
        to = tool.to(Path())
        done = subprocess.run(
            [*PYTHON, "go", "-", *to], cwd=run_dir, input=manifest_of(asked), capture_output=True, check=False,
            env=environment(tmp_path, sandbox.token, {"PYTHONPATH": str(ROOT)}),
        )  # fmt: skip
    assert (done.returncode, len(outcomes_in(run_dir))) == (0, ROWS), done.stderr


def test_run_takes_over_a_directory_in_which_nothing_was_ever_sent(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    manifest = written(tmp_path, asked)
    run_dir.mkdir()
    with served(sandbox, tmp_path) as tool:
        with tool.start("run", manifest, *tool.to(tmp_path / "elsewhere", "--rate=2/s")) as running:
            wait_until(lambda: sandbox.journal.arrived_count >= 1, running)
            locked = tool.run("run", manifest, *tool.to(run_dir))
            running.kill()
            running.wait()
        assert (locked.code, (run_dir / "ledger.db").exists()) == (4, True)
        assert tool.run("run", manifest, *tool.to(run_dir)).code == 0
        again = tool.run("run", manifest, *tool.to(run_dir))
    assert (again.code, "exists already, with a run" in again.err) == (2, True)


def test_reports_that_a_kill_cut_off_are_written_without_a_login(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    manifest = written(tmp_path, asked)
    with served(sandbox, tmp_path) as tool:
        assert go(tool, manifest, run_dir)[0] == 0
        summary = (run_dir / "summary.json").read_bytes()
        (run_dir / "summary.json").unlink()
        assert tool.run("go", manifest, *tool.to(run_dir), more={"CSMS_REKEY_TOKEN": ""}).code == 0
    assert (run_dir / "summary.json").read_bytes() == summary


def test_go_needs_a_directory_by_name(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PYTHON, "go", "m.csv"], cwd=ROOT, env=environment(tmp_path, "t"), capture_output=True, check=False
    )
    assert (done.returncode, b"--run-dir" in done.stderr) == (2, True)


def test_a_file_that_somebody_corrected_in_place_is_kept_and_the_sums_hold(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    gone = Asked(row=ROWS + 1, project_id=asked[0].project_id, secret_name="gone", kms_key_id=asked[0].kms_key_id)
    with served(sandbox, tmp_path) as tool:
        assert go(tool, written(tmp_path, [*asked, gone]), run_dir)[0] == 1
        sums = subprocess.run(["/usr/bin/sha256sum", "-c", "SHA256SUMS"], cwd=run_dir, capture_output=True, check=False)
        named = {line.split("  ")[1] for line in (run_dir / "SHA256SUMS").read_text().splitlines()}
        text = (run_dir / "rejected.csv").read_bytes()
        (run_dir / "rejected.csv").write_bytes(text.replace(b"gone", b"found"))
        # A summary that is gone has the reports written again.
        (run_dir / "summary.json").unlink()
        again = tool.run("report", str(run_dir))
    assert (sums.returncode, sums.stderr) == (0, b"")
    unnamed = {one.name for one in run_dir.iterdir()} - named
    assert unnamed == {"ledger.db", "run.log", "state.json", "run.lock", "SHA256SUMS", "rejected.2.csv"}
    assert again.code == 1
    assert "rejected.csv: changed since it was written, so it is kept; the new file is rejected.2.csv" in again.err
    assert (run_dir / "rejected.csv").read_bytes() == text.replace(b"gone", b"found")
    assert (run_dir / "rejected.2.csv").read_bytes() == text


def test_a_summary_that_somebody_changed_is_kept_and_never_believed(tmp_path: Path) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    manifest = written(tmp_path, asked)
    with served(sandbox, tmp_path) as tool:
        assert go(tool, manifest, run_dir, "--max-duration=1", "--rate=5/s")[0] == 3
        stale = (run_dir / "summary.json").read_bytes().replace(b"\n", b" ")
        (run_dir / "summary.json").write_bytes(stale)
        (run_dir / "report.html").write_bytes(b"with notes of mine")
        more = "--rate=unlimited", "--max-duration=100"
        resumed = tool.run("go", manifest, *tool.to(run_dir, *more))
        again = tool.run("go", manifest, *tool.to(run_dir, *more), "--json")
        folder = tool.run("status", str(tmp_path))
    assert (resumed.code, again.code) == (0, 0)
    assert "summary.json: changed since it was written, so it is kept; the new file is summary.2.json" in resumed.err
    assert f"file: {run_dir}/summary.2.json (machine-readable summary)" in resumed.out
    assert f"file: {run_dir}/report.2.html (report to read in a browser)" in resumed.out
    assert again.out == (run_dir / "summary.2.json").read_text()
    assert "done  12 of 12 done" in folder.out
    assert (run_dir / "summary.json").read_bytes() == stale


def test_resume_keeps_its_job_whatever_is_asked_elsewhere_and_refuses_another_on_its_command_line(
    tmp_path: Path,
) -> None:
    sandbox, asked, run_dir = night(tmp_path)
    other = {"CSMS_REKEY_PROJECT_ID": "f" * 32, "CSMS_REKEY_RATE": "unlimited"}
    job = tmp_path / "job.toml"
    job.write_text("strict = true\n")
    with served(sandbox, tmp_path) as tool:
        assert go(tool, written(tmp_path, asked), run_dir, "--max-duration=1", "--rate=5/s")[0] == 3
        seen = sandbox.journal.arrived_count
        refused = tool.run("resume", str(run_dir), "--strict")
        assert (refused.code, sandbox.journal.arrived_count) == (2, seen)
        resumed = tool.run("resume", str(run_dir), "--max-duration=1m", f"--job={job}", more=other)
    assert "--strict True, the job's is False: a run keeps its job; start a new run for another one" in refused.err
    assert resumed.code == 0
    assert f"CSMS_REKEY_PROJECT_ID: --project-id {'f' * 32}, the job's is not given: ignored" in resumed.err
    assert f"{job}: --strict True, the job's is False: ignored" in resumed.err
    assert "in this session: --rate unlimited --max-duration 1m" in resumed.err
    assert {claim.status for claim in outcomes_in(run_dir)} == {Status.UPDATED}
