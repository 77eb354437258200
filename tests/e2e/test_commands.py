"""The commands as their users call them: what they read, which option wins, what they refuse, how they end."""

import gzip
import json
import os
import socket
import time
from pathlib import Path

import msgspec
import pytest

from batch.sandbox import faults
from jobs.model import Status
from jobs.run_dir import names
from jobs.run_dir.lock import FileLock
from jobs.run_dir.state import read_state, write_state
from tests.e2e.tool import case_in, manifest_of, outcomes_in, served, wait_until
from tests.engine.machine import keys_of
from tests.engine.rows import moves, project_of, small_service
from tests.kit.faults import slow
from tests.kit.scripts import Updates
from tests.oracle import violations


@pytest.mark.parametrize("packed", [False, True])
def test_a_manifest_may_come_from_a_pipe_packed_or_not(tmp_path: Path, packed: bool) -> None:  # noqa: FBT001 - a table
    sandbox = small_service(secrets=8)
    asked, before = moves(sandbox), keys_of(sandbox)
    manifest = manifest_of(asked)
    with served(sandbox, tmp_path) as tool:
        given = gzip.compress(manifest) if packed else manifest
        ended = tool.run("run", "-", *tool.to(tmp_path / "run"), given=given)
    assert ended.code == 0
    assert violations(case_in(tmp_path / "run", asked, manifest, sandbox, before)) == []


def test_the_command_line_comes_before_the_environment_and_that_before_the_job_file(tmp_path: Path) -> None:
    sandbox = small_service(secrets=2)
    path, job_file = tmp_path / "m.csv.gz", tmp_path / "job.toml"
    path.write_bytes(gzip.compress(manifest_of(moves(sandbox))))
    job_file.write_text("max-attempts = 2\ntimeout = 7\nconcurrency = 3\n")
    with served(sandbox, tmp_path) as tool:
        endpoint, run_dir, *_ = tool.to(tmp_path / "run")
        ended = tool.run(
            "run", str(path), endpoint, run_dir, f"--job={job_file}", "--max-attempts=6",
            more={"CSMS_REKEY_MAX_ATTEMPTS": "4", "CSMS_REKEY_TIMEOUT": "9", "CSMS_REKEY_RATE": "unlimited"},
        )  # fmt: skip
    assert ended.code == 0, ended.err
    job = json.loads((tmp_path / "run" / "summary.json").read_text())["job"]
    assert (job["max_attempts"], job["timeout_s"], job["concurrency"], job["rate"]) == (6, 9.0, 3, "unlimited")


KEY = "0" * 32
BAD = {
    "a row with too few fields": (f"secret_name,kms_key_id\na,{KEY}\nb\n", "m.csv:3:"),
    "a column that is missing": (f"secret_name,key\na,{KEY}\n", "kms_key_id"),
    "a column that is there twice": (f"secret_name,kms_key_id,secret_name\na,{KEY},b\n", "m.csv:1:"),
    "a quote that is never closed": (f'secret_name,kms_key_id\n"a,{KEY}\n', "m.csv:2:"),
    "nothing at all": ("", "m.csv"),
}


def test_an_unusable_manifest_ends_with_2_says_where_and_sends_nothing(tmp_path: Path) -> None:
    sandbox = small_service(secrets=2)
    path = tmp_path / "m.csv"
    with served(sandbox, tmp_path) as tool:
        for name, (text, told) in BAD.items():
            path.write_text(text)
            ended = tool.run("run", str(path), *tool.to(tmp_path / "run", f"--project-id={project_of(sandbox).id}"))
            assert (ended.code, told in ended.err) == (2, True), (name, ended)
            assert not (tmp_path / "run").exists()
    assert sandbox.journal.arrived_count == 0


def test_check_tells_every_problem_and_sends_nothing(tmp_path: Path) -> None:
    project = "a" * 32
    path = tmp_path / "m.csv"
    path.write_text(f"secret_name,kms_key_id\n../x,{KEY}\nb,nokey\n,{KEY}\nd,{KEY}\n")
    with served(small_service(secrets=1), tmp_path) as tool:
        ended = tool.run("check", str(path), "--endpoint=https://csms.example", f"--project-id={project}")
    assert ended.code == 1
    assert [line for line in (2, 3, 4, 5) if f"m.csv:{line}:" in ended.out] == [2, 3, 4]


def test_a_run_in_progress_keeps_others_off_its_folder_and_its_quota_and_tells_how_it_stands(tmp_path: Path) -> None:
    sandbox = small_service(secrets=60)
    path, run_dir = tmp_path / "m.csv", tmp_path / "run"
    path.write_bytes(manifest_of(moves(sandbox)))
    with served(sandbox, tmp_path, latency_ms=20) as tool:
        with tool.start("run", str(path), *tool.to(run_dir, "--rate=2/s")) as running:
            wait_until(lambda: sandbox.journal.arrived_count >= 2, running)
            resumed = tool.run("resume", str(run_dir))
            elsewhere = tool.run("run", str(path), *tool.to(tmp_path / "other"))
            status = tool.run("status", str(run_dir))
            running.kill()
            running.wait()
        killed = tool.run("report", str(run_dir))
        assert (killed.code, "killed; no end recorded" in killed.out) == (3, True)
        assert (run_dir / "summary.json").exists()
        standing = msgspec.json.decode(tool.run("status", str(run_dir), "--json").out)
        assert (standing["running"], standing["rows"], standing["exit_code"]) == (False, 60, None)
        for refused in (resumed, elsewhere):
            assert refused.code == 4
            assert f"pid {running.pid} on " in refused.err
        assert (status.code, "60" in status.out) == (0, True)
        assert tool.run("run", str(path), *tool.to(run_dir)).code == 2
        assert tool.run("resume", str(run_dir), "--rate=unlimited").code == 0
        assert "60" in tool.run("status", str(run_dir)).out


def test_what_cannot_be_told_in_the_end_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    sandbox = small_service(secrets=3)
    path, run_dir = tmp_path / "m.csv", tmp_path / "run"
    path.write_bytes(manifest_of(moves(sandbox)))
    with served(sandbox, tmp_path) as tool, socket.create_server(("127.0.0.1", 0)) as taken:
        for option, reason in (
            (f"--metrics-port={taken.getsockname()[1]}", "in use"),
            (f"--metrics-textfile={tmp_path}/nowhere/x.prom", "no such folder"),
        ):
            ended = tool.run("run", str(path), *tool.to(run_dir, option))
            assert (ended.code, reason in ended.err) == (2, True), ended
    assert not run_dir.exists()
    assert sandbox.journal.arrived_count == 0


def test_a_misspelt_option_before_the_manifest_is_told_in_words(tmp_path: Path) -> None:
    with served(small_service(secrets=1), tmp_path) as tool:
        ended = tool.run("run", "--frobnicate", "m.csv")
    assert ended.code == 2
    assert "unexpected argument m.csv (is an option before it misspelt?)" in ended.err


def test_the_sandbox_never_writes_its_manifest_over_a_file_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "production.csv"
    path.write_text("mine")
    with served(small_service(secrets=1), tmp_path) as tool:
        ended = tool.run("sandbox", "--secrets=2", f"--manifest={path}")
    assert (ended.code, "File exists" in ended.err, path.read_text()) == (2, True, "mine")


def test_reports_written_again_are_the_same_and_failed_rows_get_fresh_attempts(tmp_path: Path) -> None:
    names = project_of(small_service(secrets=12)).names
    down = {(name, nth): faults.gateway_error(429, retry_after="0") for name in names[:2] for nth in (1, 2)}
    sandbox = small_service(secrets=12, faults=Updates(down))
    asked, before = moves(sandbox), keys_of(sandbox)
    path, run_dir = tmp_path / "m.csv", tmp_path / "run"
    path.write_bytes(manifest_of(asked))
    with served(sandbox, tmp_path) as tool:
        assert tool.run("run", str(path), *tool.to(run_dir, "--max-attempts=1")).code == 1
        assert violations(case_in(run_dir, asked, path.read_bytes(), sandbox, before, max_attempts=1)) == []
        files = {name: (run_dir / name).read_bytes() for name in ("outcomes.csv", "retry.csv", "rejected.csv")}
        for name in files:
            (run_dir / name).unlink()
        assert tool.run("report", str(run_dir)).code == 1
        assert {name: (run_dir / name).read_bytes() for name in files} == files
        seen = sandbox.journal.arrived_count
        assert tool.run("resume", str(run_dir)).code == 1
        assert sandbox.journal.arrived_count == seen
        assert tool.run("resume", str(run_dir), "--failed", "--max-attempts=2").code == 0
    assert {claim.status for claim in outcomes_in(run_dir)} == {Status.UPDATED}


def test_a_fresh_start_of_failed_rows_keeps_others_off_its_quota_too(tmp_path: Path) -> None:
    names = project_of(small_service(secrets=3)).names
    down = Updates({(names[0], 1): faults.gateway_error(429, retry_after="0"), (names[0], 2): slow(60.0)})
    sandbox = small_service(secrets=3, faults=down)
    path, run_dir = tmp_path / "m.csv", tmp_path / "run"
    path.write_bytes(manifest_of(moves(sandbox)))
    with served(sandbox, tmp_path, latency_ms=0.0) as tool:
        assert tool.run("run", str(path), *tool.to(run_dir, "--max-attempts=1")).code == 1
        seen = sandbox.journal.arrived_count
        with tool.start("resume", str(run_dir), "--failed", "--timeout=60") as running:
            wait_until(lambda: sandbox.journal.arrived_count > seen, running)
            assert tool.run("run", str(path), *tool.to(tmp_path / "other")).code == 4
            running.kill()


@pytest.mark.parametrize(("age_s", "code"), [(-5.0, 0), (3_600.0, 2)])
def test_status_takes_no_earlier_session_for_the_one_at_work(tmp_path: Path, age_s: float, code: int) -> None:
    """In a container every run has the same process number."""
    sandbox = small_service(secrets=2)
    path, run_dir = tmp_path / "m.csv", tmp_path / "run"
    path.write_bytes(manifest_of(moves(sandbox)))
    with served(sandbox, tmp_path) as tool:
        assert tool.run("run", str(path), *tool.to(run_dir)).code == 0
        with FileLock(run_dir / names.LOCK, "run"):
            state = read_state(run_dir)
            assert state is not None
            write_state(run_dir, msgspec.structs.replace(state, pid=os.getpid(), started_at=time.time() - age_s))
            status = tool.run("status", str(run_dir))
    assert (status.code, "has not reported progress yet" in status.err) == (code, code == 2)


def test_an_environment_made_for_runs_does_not_reach_the_sandbox(tmp_path: Path) -> None:
    with served(small_service(secrets=2), tmp_path) as tool:
        ended = tool.run("sandbox", "--secrets=-1", more={"CSMS_REKEY_AUTH": "iam"})
    assert "auth" not in ended.err
    assert ended.code == 2
