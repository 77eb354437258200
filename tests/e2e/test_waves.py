"""Waves as a user starts them: a command decides between two, knows no credential, and ends with the run."""

import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from batch.sandbox.assembly import Sandbox
from jobs.model import Status
from jobs.run_dir.state import read_state
from tests.e2e.tool import Tool, outcomes_in, served, wait_until
from tests.engine.rows import moves, small_service
from tests.kit.records import records_of

NOTE = """
import json, os, sys
given = json.load(sys.stdin)
json.dump({"given": given, "environment": dict(os.environ)}, open(sys.argv[1] + os.environ["CSMS_REKEY_WAVE"], "w"))
print("smoke test of", given["wave"], "with", os.environ.get("PATH") and "a path")
print("to stderr:", sys.argv[2], file=sys.stderr)
sys.exit(int(sys.argv[3]))
"""


def manifest(folder: Path, sandbox: Sandbox, *, bad: int = 0) -> str:
    """Three waves of two rows, mixed; row `bad` names a secret that is not there."""
    rows = [msgspec.structs.replace(one, secret_name="nowhere") if one.row == bad else one for one in moves(sandbox)]
    stages = ("canary", "eu", "rest")
    lines = [f"{one.secret_name},{one.kms_key_id},{one.project_id},{stages[(one.row - 1) % 3]}" for one in rows]
    path = folder / "m.csv"
    path.write_text("\n".join(["secret_name,kms_key_id,project_id,stage", *lines, ""]), encoding="utf-8")
    return str(path)


def noting(folder: Path, said: str, code: int = 0) -> str:
    """A command that notes what it was given, says something, and ends so."""
    script = folder / "between.py"
    script.write_text(NOTE, encoding="utf-8")
    return shlex.join([sys.executable, str(script), str(folder / "given-"), said, str(code)])


def given_in(folder: Path, wave: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"given-{wave}").read_text(encoding="utf-8"))
    return found


def puts(sandbox: Sandbox) -> int:
    return sum(record.method == "PUT" for record in records_of(sandbox.journal))


def test_a_command_decides_between_two_waves_and_gets_the_summary_so_far_and_no_credential(tmp_path: Path) -> None:
    sandbox = small_service(secrets=6)
    run_dir = tmp_path / "run"
    elsewhere = {
        "CSMS_REKEY_MAX_ATTEMPTS": "4",
        "OS_PASSWORD": "x",
        "MY_COPY": f"token={sandbox.token}",
        "STAGE": "test",
    }
    with served(sandbox, tmp_path) as tool:
        command = noting(tmp_path, sandbox.token)
        options = ("--wave-by=stage", f"--between={command}")
        ended = tool.run("run", manifest(tmp_path, sandbox), *tool.to(run_dir, *options), more=elsewhere)
    assert (ended.code, {one.status for one in outcomes_in(run_dir)}) == (0, {Status.UPDATED}), ended
    assert not (tmp_path / "given-rest").exists()
    told = given_in(tmp_path, "eu")
    environment = told["environment"]
    assert environment["STAGE"] == "test"
    assert {name for name in environment if name.startswith(("CSMS_REKEY_", "OS_", "HUAWEICLOUD_"))} == {
        "CSMS_REKEY_WAVE"
    }
    assert sandbox.token not in json.dumps(environment)
    given = told["given"]
    assert (given["wave"], given["by_status"]["updated"], given["by_status"]["not_attempted"]) == ("eu", 4, 2)
    assert [(one["name"], one["done"]) for one in given["waves"]] == [("canary", 2), ("eu", 2), ("rest", 0)]
    (project,) = given["scopes"]
    assert (project["rows"], project["done"], project["run_again"]) == (6, 4, 2)
    # What it says is shown and logged, without the credential in it.
    log = (run_dir / "run.log").read_text(encoding="utf-8")
    for text in (ended.err, log):
        assert "smoke test of canary with a path" in text
        assert "to stderr: ***" in text
        assert sandbox.token not in text
    summary = json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))
    assert [(one["name"], one["rows"], one["done"], one["run_again"]) for one in summary["waves"]] == [
        ("canary", 2, 2, 0),
        ("eu", 2, 2, 0),
        ("rest", 2, 2, 0),
    ]
    assert [one["words"] for one in summary["sessions"][0]["controls"]] == [
        "wave 'canary': --between agreed",
        "wave 'eu': --between agreed",
    ]
    # The command itself is kept nowhere.
    for path in run_dir.iterdir():
        assert b"between.py" not in path.read_bytes(), path
    assert "wave: canary; 2 rows: 2 done" in ended.out
    assert "<h3>Waves</h3>" in (run_dir / "report.html").read_text(encoding="utf-8")


def test_a_command_that_says_no_stops_the_run_and_resume_asks_it_again_first(tmp_path: Path) -> None:
    sandbox = small_service(secrets=6)
    run_dir = tmp_path / "run"
    with served(sandbox, tmp_path) as tool:
        options = ("--wave-by=stage", f"--between={noting(tmp_path, 'no', 7)}")
        stopped = tool.run("run", manifest(tmp_path, sandbox), *tool.to(run_dir, *options))
        assert (stopped.code, puts(sandbox)) == (3, 2), stopped
        assert (
            "wave 'canary': the command of --between ended with exit code 7, so the next wave did not begin"
            in stopped.out
        )
        again = tool.run("resume", str(run_dir), f"--between={noting(tmp_path, 'no', 8)}")
        assert (again.code, puts(sandbox)) == (3, 2), again
        (tmp_path / "given-canary").unlink()
        resumed = tool.run("resume", str(run_dir), f"--between={noting(tmp_path, 'yes')}")
        assert (resumed.code, puts(sandbox)) == (0, 6), resumed
        assert given_in(tmp_path, "canary")["given"]["wave"] == "canary"


def test_a_command_that_is_killed_says_no(tmp_path: Path) -> None:
    sandbox = small_service(secrets=6)
    run_dir = tmp_path / "run"
    with served(sandbox, tmp_path) as tool:
        ended = tool.run("run", manifest(tmp_path, sandbox), *waved(tool, run_dir, "kill -9 $$"))
    assert (ended.code, puts(sandbox)) == (3, 2), ended
    assert "the command of --between was ended by signal 9" in ended.out


def test_a_command_may_leave_its_input_unread_and_a_child_behind(tmp_path: Path) -> None:
    """A child that holds its output open holds up nothing."""
    sandbox = small_service(secrets=6)
    run_dir, child = tmp_path / "run", tmp_path / "child"
    with served(sandbox, tmp_path) as tool:
        options = ("--wave-by=stage", f"--between=sleep 60 & echo $! >> {child}")
        ended = tool.run("run", manifest(tmp_path, sandbox), *tool.to(run_dir, *options))
    for number in child.read_text(encoding="utf-8").split():
        os.kill(int(number), signal.SIGKILL)
    assert (ended.code, puts(sandbox)) == (0, 6), ended


def test_a_signal_ends_the_command_and_its_children(tmp_path: Path) -> None:
    sandbox = small_service(secrets=6)
    run_dir, started = tmp_path / "run", tmp_path / "started"
    with served(sandbox, tmp_path) as tool:
        words = f"sleep 300 & {written('$!', started)}; wait"
        with tool.start("run", manifest(tmp_path, sandbox), *waved(tool, run_dir, words)) as running:
            wait_until(started.exists, running)
            wait_until(lambda: "--between decides" in told(run_dir), running)
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 143
    assert puts(sandbox) == 2
    wait_until(lambda: not alive(int(started.read_text(encoding="utf-8"))))


def test_a_second_signal_ends_a_command_at_once_that_does_not_want_to(tmp_path: Path) -> None:
    sandbox = small_service(secrets=6)
    run_dir, started, asked = tmp_path / "run", tmp_path / "started", tmp_path / "asked"
    with served(sandbox, tmp_path) as tool:
        words = f"trap 'touch {asked}' TERM; {written('$$', started)}; while :; do sleep 0.1; done"
        with tool.start("run", manifest(tmp_path, sandbox), *waved(tool, run_dir, words)) as running:
            wait_until(started.exists, running)
            running.send_signal(signal.SIGTERM)
            wait_until(asked.exists, running)
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 143
    wait_until(lambda: not alive(int(started.read_text(encoding="utf-8"))))


def waved(tool: Tool, run_dir: Path, words: str) -> tuple[str, ...]:
    return tool.to(run_dir, "--wave-by=stage", f"--between={words}")


def written(what: str, path: Path) -> str:
    """Shell words that write a file whole."""
    return f"echo {what} > {path}.part; mv {path}.part {path}"


def told(run_dir: Path) -> str:
    """What other processes can learn of the wave."""
    state = read_state(run_dir)
    return "" if state is None else state.wave


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_bad_wave_stops_the_run_go_stops_again_and_resume_goes_past_it(tmp_path: Path) -> None:
    sandbox = small_service(secrets=6)
    run_dir, path = tmp_path / "run", manifest(tmp_path, sandbox, bad=1)
    with served(sandbox, tmp_path) as tool:
        options = tool.to(run_dir, "--wave-by=stage")
        first = tool.run("go", path, *options)
        reason = "wave 'canary': 1 of 2 rows not done, so the next wave did not begin"
        assert first.code == 3, first
        assert reason in first.out
        assert f"csms-rekey resume {run_dir}" in first.out
        seen = len(records_of(sandbox.journal))
        again = tool.run("go", path, *options)
        assert (again.code, len(records_of(sandbox.journal))) == (3, seen), again
        status = tool.run("status", str(run_dir))
        assert f"state: stopped: {reason}" in status.out
        assert "wave: 0 of 3 done" in status.out
        resumed = tool.run("resume", str(run_dir))
        assert (resumed.code, "wave: rest; 2 rows: 2 done" in resumed.out) == (1, True), resumed


def test_a_child_that_does_not_want_to_end_is_ended_after_its_grace(tmp_path: Path) -> None:
    sandbox = small_service(secrets=6)
    run_dir, started = tmp_path / "run", tmp_path / "started"
    with served(sandbox, tmp_path) as tool:
        child = f"trap '' TERM; {written('$$', started)}; exec sleep 300"
        words = f"sh -c {shlex.quote(child)} > /dev/null 2>&1 < /dev/null & wait"
        options = (*waved(tool, run_dir, words), "--grace=0s")
        with tool.start("run", manifest(tmp_path, sandbox), *options) as running:
            wait_until(started.exists, running)
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 143
    wait_until(lambda: not alive(int(started.read_text(encoding="utf-8"))))
