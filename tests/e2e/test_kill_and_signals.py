"""A real process that is killed or asked to end, and the resume after it."""

import signal
import socket
import subprocess
from pathlib import Path

import msgspec
import pytest

from batch.sandbox import faults
from batch.sandbox.assembly import Sandbox
from jobs.ledger import Ledger
from jobs.model import Status
from jobs.run_dir.lock import FileLock
from tests.e2e.tool import again_in, case_in, manifest_of, outcomes_in, served, wait_until
from tests.engine.machine import keys_of
from tests.engine.plans import Plan
from tests.engine.rows import moves, project_of, small_service
from tests.kit.records import records_of
from tests.oracle import Asked, violations

ROWS = 300


def job(folder: Path, script: Plan | None = None) -> tuple[Sandbox, list[Asked], Path, dict[tuple[str, str], str]]:
    sandbox = small_service(secrets=ROWS, projects=2, faults=script)
    asked = moves(sandbox)
    path = folder / "m.csv"
    path.write_bytes(manifest_of(asked))
    return sandbox, asked, path, keys_of(sandbox)


def test_a_killed_run_is_resumed_to_the_end_without_a_put_for_a_row_that_had_ended(tmp_path: Path) -> None:
    sandbox, asked, path, before = job(tmp_path)
    run_dir = tmp_path / "run"
    with served(sandbox, tmp_path, latency_ms=10) as tool:
        with tool.start("run", str(path), *tool.to(run_dir, "--rate=200/s", "--concurrency=16")) as running:
            wait_until(lambda: sandbox.journal.arrived_count >= ROWS // 2, running)
            running.kill()
            running.wait()
        wait_until(lambda: sandbox.journal.open_count == 0)
        with Ledger(run_dir) as ledger:
            ended = {row.secret_name for row in ledger.told.rows() if row.outcome.status is Status.UPDATED}
        seen = sandbox.journal.arrived_count
        assert tool.run("resume", str(run_dir)).code == 0
    assert 0 < len(ended) < ROWS
    assert not ended & {record.secret_name for record in records_of(sandbox.journal)[seen:]}
    case = case_in(run_dir, asked, path.read_bytes(), sandbox, before, interruptions=1, concurrency=16)
    assert violations(case) == []
    assert {claim.status for claim in case.claims} == {Status.UPDATED}


@pytest.mark.parametrize(
    ("number", "before", "code"),
    [
        (signal.SIGTERM, ("/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh"), 143),
        (signal.SIGINT, ("/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh"), 130),
        (signal.SIGHUP, ("nohup",), 129),
    ],
)
def test_a_signal_drains_the_run_even_where_it_was_inherited_as_ignored(
    tmp_path: Path, number: signal.Signals, before: tuple[str, ...], code: int
) -> None:
    sandbox, asked, path, keys = job(tmp_path)
    run_dir = tmp_path / "run"
    with served(sandbox, tmp_path, latency_ms=50) as tool:
        with tool.start("run", str(path), *tool.to(run_dir, "--rate=100/s"), before=before) as running:
            wait_until(lambda: sandbox.journal.arrived_count >= 20, running)
            running.send_signal(number)
            assert running.wait(20) == code
        case = case_in(run_dir, asked, path.read_bytes(), sandbox, keys, interruptions=1, per_s=100)
        assert violations(case) == []
        assert {claim.status for claim in case.claims} == {Status.UPDATED, Status.NOT_ATTEMPTED}
        seen = sandbox.journal.arrived_count
        assert tool.run("resume", str(run_dir), "--rate=unlimited").code == 0
    assert len(records_of(sandbox.journal)) - seen == len(case.again)
    assert {claim.status for claim in outcomes_in(run_dir)} == {Status.UPDATED}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_while_the_manifest_is_read_ends_the_run_at_once_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    sandbox, _, _, _ = job(tmp_path)
    run_dir = tmp_path / "run"
    ignoring = ("/bin/sh", "-c", 'trap "" INT HUP; exec "$@"', "sh")
    with (
        served(sandbox, tmp_path) as tool,
        tool.start("run", "-", *tool.to(run_dir), before=ignoring, stdin=subprocess.PIPE) as running,
    ):
        wait_until((run_dir / "run.lock").exists, running)
        running.send_signal(number)
        assert running.wait(20) == code
        assert running.stderr is not None
        assert running.stderr.read().decode() == f"csms-rekey: interrupted by {number.name}\n"
    assert not run_dir.exists()
    assert sandbox.journal.arrived_count == 0


def test_a_command_with_closed_streams_does_its_work_and_no_file_takes_their_place(tmp_path: Path) -> None:
    sandbox, asked, path, keys = job(tmp_path)
    run_dir = tmp_path / "run"
    closing = ("/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    with (
        served(sandbox, tmp_path) as tool,
        tool.start("run", str(path), *tool.to(run_dir), before=closing) as running,
    ):
        assert running.wait(30) == 0
    assert violations(case_in(run_dir, asked, path.read_bytes(), sandbox, keys)) == []


@pytest.mark.parametrize("options", [(), ("--json",), ("--progress=off",)])
@pytest.mark.parametrize("stdout", ['exec "$@" >/dev/full', '"$@" | true; exit ${PIPESTATUS[0]}'])
def test_an_end_that_cannot_be_shown_changes_no_exit_code(
    tmp_path: Path, stdout: str, options: tuple[str, ...]
) -> None:
    sandbox, asked, path, keys = job(tmp_path)
    run_dir = tmp_path / "run"
    with (
        served(sandbox, tmp_path) as tool,
        tool.start(
            "run", str(path), *tool.to(run_dir), *options, before=("/bin/bash", "-c", stdout, "bash")
        ) as running,
    ):
        assert running.wait(30) == 0
    assert violations(case_in(run_dir, asked, path.read_bytes(), sandbox, keys)) == []


def test_a_signal_while_another_run_is_waited_for_ends_the_waiting(tmp_path: Path) -> None:
    sandbox, _, path, _ = job(tmp_path)
    run_dir = tmp_path / "run"
    with served(sandbox, tmp_path) as tool:
        assert tool.run("run", str(path), *tool.to(run_dir)).code == 0
        with (
            FileLock(run_dir / "run.lock", "run"),
            tool.start("resume", str(run_dir), "--wait=600") as running,
        ):
            wait_until(lambda: b"waiting up to 600 s" in (running.stderr.readline() if running.stderr else b""))
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 143
    assert (run_dir / "summary.json").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("command", ["run", "auth"])
def test_a_signal_while_iam_does_not_answer_ends_the_command_at_once(
    tmp_path: Path, command: str, number: signal.Signals, code: int
) -> None:
    sandbox, _, path, _ = job(tmp_path)
    run_dir = tmp_path / "run"
    with served(sandbox, tmp_path) as tool, socket.create_server(("127.0.0.1", 0)) as iam:
        iam.settimeout(20)
        login = {
            "CSMS_REKEY_TOKEN": "",
            "OS_USERNAME": "operator",
            "OS_PASSWORD": "canary-password",
            "OS_USER_DOMAIN_NAME": "domain",
            "OS_AUTH_URL": f"http://127.0.0.1:{iam.getsockname()[1]}/v3",
        }
        arguments = ("run", str(path), *tool.to(run_dir)) if command == "run" else ("auth", tool.to(run_dir)[0])
        with tool.start(*arguments, "--auth=iam", "--region=cn-north-4", more=login) as running:
            asking, _ = iam.accept()
            with asking:
                asking.recv(65_536)
                running.send_signal(number)
                assert running.wait(20) == code
            assert running.stderr is not None
            assert running.stderr.read().decode() == f"csms-rekey: interrupted by {number.name}\n"
    assert not run_dir.exists()


def test_a_signal_after_the_last_answer_changes_nothing_about_reports_and_exit_code(tmp_path: Path) -> None:
    sandbox, asked, path, keys = job(tmp_path)
    run_dir = tmp_path / "run"
    with served(sandbox, tmp_path) as tool, socket.create_server(("127.0.0.1", 0)) as notified:
        notified.settimeout(20)
        url = f"http://127.0.0.1:{notified.getsockname()[1]}/"
        with tool.start("run", str(path), *tool.to(run_dir, f"--notify-url={url}")) as running:
            taker, _ = notified.accept()
            with taker:
                running.send_signal(signal.SIGTERM)
                taker.recv(65_536)
                running.send_signal(signal.SIGINT)
                taker.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                assert running.wait(20) == 0
    assert violations(case_in(run_dir, asked, path.read_bytes(), sandbox, keys)) == []


def test_a_second_signal_breaks_off_what_is_in_flight_and_leaves_it_in_doubt(tmp_path: Path) -> None:
    names = project_of(small_service(secrets=ROWS, projects=2)).names
    silent = Plan({("write", name, 1): faults.silence(applied=True) for name in names[20:30]})
    sandbox, asked, path, keys = job(tmp_path, silent)
    run_dir = tmp_path / "run"
    with served(sandbox, tmp_path) as tool:
        options = tool.to(run_dir, "--rate=100/s", "--timeout=60", "--grace=60")
        with tool.start("run", str(path), *options) as running:
            # All ten have come; an open request of the other project is not taken for one of them.
            wait_until(lambda: {*names[20:30]} <= {one.secret_name for one in records_of(sandbox.journal)}, running)
            running.send_signal(signal.SIGTERM)
            wait_until(lambda: b"SIGTERM" in (running.stderr.readline() if running.stderr else b""))
            # Whatever else was under way is answered, or a slow machine would have it broken off too.
            wait_until(lambda: sandbox.journal.open_count == len(names[20:30]), running)
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 143
        case = case_in(run_dir, asked, path.read_bytes(), sandbox, keys, interruptions=1)
        assert violations(case) == []
        unknown = [claim for claim in case.claims if claim.status is Status.UNKNOWN]
        assert [claim.secret_name for claim in unknown] == names[20:30]
        assert tool.run("resume", str(run_dir), "--rate=unlimited").code == 0
    assert {claim.status for claim in outcomes_in(run_dir)} == {Status.UPDATED}


def test_a_retry_file_run_as_a_manifest_completes_the_whole(tmp_path: Path) -> None:
    sandbox, asked, path, keys = job(tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    with served(sandbox, tmp_path, latency_ms=50) as tool:
        with tool.start("run", str(path), *tool.to(first, "--rate=100/s")) as running:
            wait_until(lambda: sandbox.journal.arrived_count >= 20, running)
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 143
        again = again_in(first, path.read_bytes())
        assert tool.run("run", str(first / "retry.csv"), *tool.to(second)).code == 0
    done = [claim.row for claim in outcomes_in(first) if claim.status is Status.UPDATED]
    assert sorted([*done, *again]) == [one.row for one in asked]
    assert all(keys_of(sandbox)[one.place] == one.kms_key_id != keys[one.place] for one in asked)
    rest = [msgspec.structs.replace(asked[row - 1], row=number) for number, row in enumerate(again, 1)]
    assert [claim.secret_name for claim in outcomes_in(second)] == [one.secret_name for one in rest]
