"""Standard streams that are full, closed or without a reader: no exit code depends on them, and Python adds nothing."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from jobs.run_dir.lock import FileLock
from tests.e2e.tool import PATIENCE_S, PYTHON, ROOT, environment, manifest_of, served, wait_until
from tests.engine.rows import moves, small_service


class Command(NamedTuple):
    """What is started, `{name}` standing for a path of the place, and the exit code it has to end with."""

    line: str
    code: int


COMMANDS = {
    "help": Command("--help", 0),
    "version": Command("--version", 0),
    "no such option": Command("run {manifest} --no-such-option", 2),
    "check": Command("check {manifest} {endpoint}", 0),
    "check of a bad row": Command("check {bad} {endpoint}", 1),
    "status": Command("status {done}", 0),
    "status as JSON": Command("status {done} --json", 0),
    "status of no run": Command("status {missing}", 2),
    "report": Command("report {done}", 0),
    "report as JSON": Command("report {done} --json", 0),
    "auth": Command("auth {endpoint} --project-id={project}", 0),
    "run": Command("run {manifest} --run-dir={new} {endpoint} --rate=unlimited", 0),
    "run as JSON": Command("run {manifest} --run-dir={new} {endpoint} --rate=unlimited --json", 0),
    "resume": Command("resume {done}", 0),
    "run with a refused login": Command("run {manifest} --run-dir={new} {endpoint} --token-file={wrong}", 3),
    "resume of a run in use": Command("resume {used}", 4),
    "report of a damaged ledger": Command("report {damaged}", 74),
    "demo over a folder": Command("demo --run-dir={done}", 2),
}
STREAMS = ("stdout", "stderr")
ENDS = ("full", "closed", "reader gone")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A service, manifests for it, and a run that is over: what the commands name."""
    folder = tmp_path_factory.mktemp("streams")
    sandbox = small_service(secrets=4, projects=1)
    asked = moves(sandbox)
    good, bad, done, wrong = (folder / name for name in ("good.csv", "bad.csv", "done", "wrong-token"))
    good.write_bytes(manifest_of(asked))
    bad.write_bytes(manifest_of(asked) + b"not a name,,,\n")
    wrong.touch(mode=0o600)
    wrong.write_text("no-token-of-this-service")
    damaged, used = folder / "damaged", folder / "used"
    for path in (damaged, used):
        path.mkdir()
        (path / "ledger.db").write_bytes(b"no database" * 100)
    with served(sandbox, folder) as tool, FileLock(used / "run.lock", "run"):
        assert tool.run("run", str(good), *tool.to(done)).code == 0
        paths = {"manifest": good, "bad": bad, "done": done, "missing": folder / "missing.csv"}
        paths |= {"wrong": wrong, "damaged": damaged, "used": used}
        service = {"endpoint": tool.to(done)[0], "project": asked[0].project_id, "token": sandbox.token}
        yield {name: str(path) for name, path in paths.items()} | service


@contextmanager
def started(
    arguments: Sequence[str], folder: Path, token: str, *, stream: str, end: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A command one of whose streams has such an end; the other one can be read."""
    number = {"stdout": 1, "stderr": 2}[stream]
    closing = ("/bin/sh", "-c", f'exec "$@" {number}>&-', "sh") if end == "closed" else ()
    with _into(end) as descriptor:
        running = subprocess.Popen(
            [*closing, *PYTHON, *arguments],
            cwd=ROOT,
            env=environment(folder, token),
            stdin=subprocess.DEVNULL,
            stdout=descriptor if stream == "stdout" else subprocess.PIPE,
            stderr=descriptor if stream == "stderr" else subprocess.PIPE,
        )
    with running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.kill()


@contextmanager
def _into(end: str) -> Iterator[int]:
    if end == "reader gone":
        reader, descriptor = os.pipe()
        os.close(reader)
    else:
        descriptor = os.open("/dev/full" if end == "full" else os.devnull, os.O_WRONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def lines_of_python(err: bytes | None) -> list[str]:
    """What stands on stderr and is not said by the tool."""
    return [line for line in (err or b"").decode().splitlines() if not line.startswith("csms-rekey: ")]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("name", COMMANDS)
def test_no_exit_code_depends_on_who_can_be_shown_what_a_command_says(
    tmp_path: Path, place: dict[str, str], name: str, stream: str, end: str
) -> None:
    command = COMMANDS[name]
    arguments = command.line.format(**place, new=tmp_path / "new").split()
    with started(arguments, tmp_path, place["token"], stream=stream, end=end) as running:
        _, err = running.communicate(timeout=PATIENCE_S)
    assert lines_of_python(err) == []
    assert running.returncode == command.code


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", ["check of a bad row", "status as JSON", "report", "run"])
def test_a_result_that_the_disk_does_not_take_is_reported_once(
    tmp_path: Path, place: dict[str, str], name: str, end: str
) -> None:
    """A reader that has left, or a stream that was closed, is what somebody wanted."""
    arguments = COMMANDS[name].line.format(**place, new=tmp_path / "new").split()
    with started(arguments, tmp_path, place["token"], stream="stdout", end=end) as running:
        _, err = running.communicate(timeout=PATIENCE_S)
    assert err.count(b"stdout: cannot be written: No space left on device") == (end == "full")


@pytest.mark.parametrize("streams", ["<&-", ">&- 2>&-", "<&- >&- 2>&-", "<&- >/dev/full 2>&1"])
@pytest.mark.parametrize("name", ["help", "no such option", "check of a bad row", "run", "report of a damaged ledger"])
def test_no_exit_code_depends_on_any_stream_at_all(
    tmp_path: Path, place: dict[str, str], name: str, streams: str
) -> None:
    command = COMMANDS[name]
    arguments = command.line.format(**place, new=tmp_path / "new").split()
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {streams}', "sh", *PYTHON, *arguments],
        cwd=ROOT,
        env=environment(tmp_path, place["token"]),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, lines_of_python(done.stderr)) == (command.code, [])


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("stream", STREAMS)
def test_a_sandbox_that_cannot_say_where_it_is_serves_until_its_signal(tmp_path: Path, stream: str, end: str) -> None:
    manifest = tmp_path / "m.csv"
    arguments = ("sandbox", "--secrets=4", f"--manifest={manifest}")
    with started(arguments, tmp_path, "", stream=stream, end=end) as running:
        wait_until(manifest.exists, running)
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=PATIENCE_S)
    assert (running.returncode, lines_of_python(err)) == (0, [])


TRIED = ("check", "status", "report", "auth", "run", "resume", "run with a refused login", "report of a damaged ledger")


@pytest.mark.parametrize("name", TRIED)
def test_development_mode_finds_nothing_left_open(tmp_path: Path, place: dict[str, str], name: str) -> None:
    command = COMMANDS[name]
    done = subprocess.run(
        [*PYTHON, *command.line.format(**place, new=tmp_path / "new").split()],
        cwd=ROOT,
        env=environment(tmp_path, place["token"], {"PYTHONDEVMODE": "1", "PYTHONWARNINGS": "error::ResourceWarning"}),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, lines_of_python(done.stderr)) == (command.code, [])


@pytest.mark.parametrize("name", ["help", "check of a bad row", "report", "run"])
def test_a_reader_that_has_seen_enough_changes_no_exit_code(tmp_path: Path, place: dict[str, str], name: str) -> None:
    command = COMMANDS[name]
    arguments = command.line.format(**place, new=tmp_path / "new").split()
    piped = ("/bin/bash", "-c", '"$@" | head -1; exit ${PIPESTATUS[0]}', "bash")
    done = subprocess.run(
        [*piped, *PYTHON, *arguments],
        cwd=ROOT,
        env=environment(tmp_path, place["token"]),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, lines_of_python(done.stderr)) == (command.code, [])


@pytest.mark.parametrize("forced", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_a_log_gets_plain_lines_also_where_colours_are_forced(
    tmp_path: Path, place: dict[str, str], forced: str
) -> None:
    """A CI system sets such a variable for all its jobs; a journal shows control characters as a heap of bytes."""
    arguments = COMMANDS["run"].line.format(**place, new=tmp_path / "new").split()
    done = subprocess.run(
        [*PYTHON, *arguments],
        cwd=ROOT,
        env=environment(tmp_path, place["token"], {forced: "1", "TERM": "xterm-256color"}),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert b"result: all done" in done.stdout
    assert all(line.isprintable() for line in (done.stdout + done.stderr).decode().splitlines())
