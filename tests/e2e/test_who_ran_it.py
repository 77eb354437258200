"""What a run leaves on record of who ran it and how, and what it says of a key that stops it."""

import getpass
import signal
import socket
from pathlib import Path

import msgspec

from batch.sandbox.assembly import sandbox_of
from batch.sandbox.model import KeyState
from batch.sandbox.options import SandboxOptions
from reports import Summary
from tests.e2e.tool import manifest_of, served, wait_until
from tests.engine.rows import moves, small_service

ROWS = 12


def summary_in(run_dir: Path) -> Summary:
    return msgspec.json.decode((run_dir / "summary.json").read_bytes(), type=Summary)


def test_a_disabled_key_stops_a_run_by_its_name_and_the_resume_that_ends_it_is_on_record_with_its_limits(
    tmp_path: Path,
) -> None:
    sandbox = sandbox_of(SandboxOptions(secrets=ROWS, seed=3), epoch_s=0.0)
    (project,) = sandbox.world.projects.values()
    key = project.keys[project.key_ids.disabled]
    manifest, run_dir = tmp_path / "m.csv", tmp_path / "run"
    rows = [f"{name},{key.key_id},{project.id},{project.key_ids.old}" for name in project.names]
    manifest.write_text("\n".join(["secret_name,kms_key_id,project_id,expected_kms_key_id", *rows, ""]))
    with served(sandbox, tmp_path) as tool:
        stopped = tool.run("run", str(manifest), *tool.to(run_dir, "--rate=100/s"))
        assert stopped.code == 3
        assert f"stopped early: key {key.key_id} is disabled (CSMS.0401); {ROWS} of {ROWS} rows" in stopped.out
        assert "enable it; then continue where it stopped" in stopped.out
        project.keys[key.key_id] = msgspec.structs.replace(key, key_state=KeyState.ENABLED)
        ended = tool.run("resume", str(run_dir), "--rate=200/s")
    assert (ended.code, ended.err.count("Traceback")) == (0, 0)
    summary = summary_in(run_dir)
    first, second = summary.sessions
    assert (first.command, first.rows_done, first.exit_code, first.changed) == ("run", 0, 3, None)
    assert (first.stopped or "").startswith(f"held back: key {key.key_id}: ")
    assert (second.command, second.rows_done, second.exit_code, second.stopped) == ("resume", ROWS, 0, None)
    assert (second.changed, second.login, second.os_user) == ("--rate 200/s", "IAM token", getpass.getuser())
    (counted,) = summary.keys
    assert (counted.kms_key_id, counted.done, counted.old_keys) == (key.key_id, ROWS, (project.key_ids.old,))
    page = (run_dir / "report.html").read_text(encoding="utf-8")
    assert ">--rate 100/s --timeout 5s</td>" in page
    assert ">--rate 200/s --timeout 5s</td>" in page
    assert "state 3" not in page


def test_a_verification_and_a_retirement_name_everyone_who_asked_with_their_login(tmp_path: Path) -> None:
    """Also those of an earlier session: a reviewer has only the directory."""
    sandbox = small_service(secrets=40)
    (project,) = sandbox.world.projects.values()
    project.hidden.update(project.names)
    run_dir, out = tmp_path / "run", tmp_path / "out"
    me = f"{getpass.getuser()} at {socket.gethostname()}, "
    with served(sandbox, tmp_path) as tool:
        path = tmp_path / "m.csv"
        path.write_bytes(manifest_of(moves(sandbox)))
        assert tool.run("run", str(path), *tool.to(run_dir)).code == 0
        with tool.start("verify", str(run_dir), f"--out={out}", "--rate=10/s") as running:
            wait_until((out / "run.log").exists, running)
            running.send_signal(signal.SIGTERM)
            assert running.wait(30) == 143
        (tmp_path / "token").write_text(sandbox.token)
        (tmp_path / "token").chmod(0o600)
        ended = tool.run("resume", str(out), "--rate=unlimited", f"--token-file={tmp_path / 'token'}", "--json")
        assert ended.code == 0, ended.err
        found = msgspec.json.decode(ended.out)["asked_by"]
        assert found == f"{me}IAM token from CSMS_REKEY_TOKEN; {me}IAM token from {tmp_path / 'token'}"
        retired = tool.run("retire", str(run_dir), "--old-key", project.key_ids.old, "--rate=unlimited", "--json")
        assert msgspec.json.decode(retired.out)["asked_by"] == f"{me}IAM token from CSMS_REKEY_TOKEN"
    (retirement,) = run_dir.glob("retire-*/retire.html")
    for page in (out / "verify.html", retirement):
        assert f"<dt>Asked by</dt><dd>{me}IAM token" in page.read_text(encoding="utf-8")
