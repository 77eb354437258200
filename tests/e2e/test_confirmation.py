"""Before it sends anything, a run shows what it will do; at a terminal it asks, and only a yes starts it."""

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from batch.sandbox.assembly import Sandbox
from tests.e2e.tool import PATIENCE_S, PYTHON, ROOT, environment, manifest_of, outcomes_in, served
from tests.engine.rows import moves, project_of, small_service

QUESTION = b"as shown? [y/N] "
YES, NO, END, CTRL_C = b"y\n", b"no\n", b"\x04", b"\x03"


class Terminal:
    """A command at its own terminal, and what has appeared there so far."""

    def __init__(self, running: "subprocess.Popen[bytes]", own: int) -> None:
        self.running = running
        self.shown = b""
        self._own = own

    def read_to(self, text: bytes) -> None:
        while text not in self.shown:
            more = self._read()
            assert more, self.shown
            self.shown += more

    def type(self, keys: bytes) -> None:
        os.write(self._own, keys)

    def end(self) -> int:
        while more := self._read():
            self.shown += more
        return self.running.wait(PATIENCE_S)

    def _read(self) -> bytes:
        # Reading where nothing writes any more is an error of a terminal, not its end.
        with suppress(OSError):
            return os.read(self._own, 1 << 16)
        return b""


@contextmanager
def terminal(folder: Path, token: str, *arguments: str) -> Iterator[Terminal]:
    own, its = os.openpty()
    try:
        with subprocess.Popen(
            ["/usr/bin/setsid", "--ctty", *PYTHON, *arguments],
            cwd=ROOT,
            env=environment(folder, token, {"TMPDIR": str(folder / "tmp"), "TERM": "xterm"}),
            stdin=its,
            stdout=its,
            stderr=its,
        ) as running:
            os.close(its)
            try:
                yield Terminal(running, own)
            finally:
                if running.poll() is None:
                    running.kill()
    finally:
        os.close(own)


def place(tmp_path: Path) -> tuple[Sandbox, Path, Path]:
    sandbox = small_service(secrets=6, projects=2)
    (tmp_path / "tmp").mkdir()
    path = tmp_path / "m.csv"
    path.write_bytes(manifest_of(moves(sandbox)))
    return sandbox, path, tmp_path / "runs" / "run"


def left_behind(tmp_path: Path) -> set[str]:
    return {one.relative_to(tmp_path).parts[0] for one in tmp_path.rglob("*")} - {"m.csv"} | {
        one.name for one in (tmp_path / "tmp").iterdir()
    }


def test_a_yes_starts_the_run_that_was_shown(tmp_path: Path) -> None:
    sandbox, path, run_dir = place(tmp_path)
    with (
        served(sandbox, tmp_path) as tool,
        terminal(tmp_path, sandbox.token, "run", str(path), *tool.to(run_dir, "--rate=10/s")) as at,
    ):
        at.read_to(QUESTION)
        assert (sandbox.journal.arrived_count, run_dir.exists()) == (0, False)
        at.type(YES)
        assert at.end() == 0
    assert len(outcomes_in(run_dir)) == 6
    assert at.shown.count(b"requests  6 PUTs") == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_there_is_no_question_about_a_run_in_a_directory_that_has_one(tmp_path: Path) -> None:
    sandbox, path, run_dir = place(tmp_path)
    with served(sandbox, tmp_path) as tool:
        assert tool.run("run", str(path), *tool.to(run_dir)).code == 0
        with terminal(tmp_path, sandbox.token, "run", str(path), *tool.to(run_dir)) as at:
            assert at.end() == 2
    assert at.shown.startswith(b"csms-rekey: " + str(run_dir).encode() + b": exists already, with a run; resume it")


@pytest.mark.parametrize(("keys", "code"), [(NO, 2), (END, 2), (CTRL_C, 130)])
def test_anything_else_leaves_nothing_behind(tmp_path: Path, keys: bytes, code: int) -> None:
    sandbox, path, run_dir = place(tmp_path)
    with (
        served(sandbox, tmp_path) as tool,
        terminal(tmp_path, sandbox.token, "run", str(path), *tool.to(run_dir)) as at,
    ):
        at.read_to(QUESTION)
        at.type(keys)
        assert at.end() == code
    assert b"not confirmed; nothing was sent" in at.shown
    assert sandbox.journal.arrived_count == 0
    assert left_behind(tmp_path) == {"tmp"}


def test_a_manifest_that_changed_after_it_was_shown_is_not_sent(tmp_path: Path) -> None:
    sandbox, path, run_dir = place(tmp_path)
    with (
        served(sandbox, tmp_path) as tool,
        terminal(tmp_path, sandbox.token, "run", str(path), *tool.to(run_dir)) as at,
    ):
        at.read_to(QUESTION)
        path.write_bytes(path.read_bytes().replace(b"note 1", b"note 2"))
        at.type(YES)
        assert at.end() == 2
    assert b"has changed since it was shown; nothing was sent" in at.shown
    assert (sandbox.journal.arrived_count, run_dir.exists()) == (0, False)


@pytest.mark.parametrize("command", ["run --yes", "go"])
def test_there_is_no_question_where_yes_was_said_before_or_a_scheduler_calls(tmp_path: Path, command: str) -> None:
    sandbox, path, run_dir = place(tmp_path)
    name, *options = command.split()
    with (
        served(sandbox, tmp_path) as tool,
        terminal(tmp_path, sandbox.token, name, str(path), *tool.to(run_dir, *options)) as at,
    ):
        assert at.end() == 0
    assert (QUESTION in at.shown, at.shown.count(b"requests  6 PUTs")) == (False, 1)


def shown(err: str) -> list[str]:
    return [line.removeprefix("csms-rekey: ") for line in err.splitlines()]


def test_without_a_terminal_the_same_is_shown_and_the_run_starts(tmp_path: Path) -> None:
    sandbox, path, run_dir = place(tmp_path)
    asked = moves(sandbox)
    first, second = sandbox.world.projects
    keys = Counter(one.kms_key_id for one in asked).most_common()
    with served(sandbox, tmp_path) as tool:
        ended = tool.run("run", str(path), *tool.to(run_dir, "--rate=10/s"))
        url = tool.to(run_dir)[0].partition("=")[2]
    assert ended.code == 0, ended.err
    lines = shown(ended.err)
    start = lines.index(f"endpoint  {url}")
    assert lines[start : start + 8 + len(keys)] == [
        f"endpoint  {url}",
        "login     IAM token from CSMS_REKEY_TOKEN",
        f"project   {first}: 3 rows",
        f"project   {second}: 3 rows",
        *(f"new key   {key}: {rows} row{'s' if rows > 1 else ''}" for key, rows in keys),
        f"example   {asked[0].secret_name}: {asked[0].kms_key_id}",
        f"example   {asked[1].secret_name}: {asked[1].kms_key_id}",
        "requests  6 PUTs",
        "duration  about 1 s at 10/s per project, if nothing fails",
    ]


def test_two_swapped_columns_of_keys_can_be_seen(tmp_path: Path) -> None:
    sandbox, path, run_dir = place(tmp_path)
    old, new, project = "a" * 32, "b" * 32, project_of(sandbox)
    path.write_text(
        "secret_name,kms_key_id,expected_kms_key_id,project_id\n"
        + "".join(f"{name},{old},{new},{project.id}\n" for name in project.names)
    )
    with served(sandbox, tmp_path) as tool:
        ended = tool.run("run", str(path), *tool.to(run_dir))
    lines = shown(ended.err)
    assert f"new key   {old}: {len(project.names)} rows, from {new}" in lines
    assert f"example   {project.names[0]}: {new} -> {old}" in lines
    assert "requests  3 PUTs, and 3 reads of the keys before" in lines


def test_a_manifest_from_a_pipe_is_shown_and_not_asked_for(tmp_path: Path) -> None:
    sandbox, path, run_dir = place(tmp_path)
    with served(sandbox, tmp_path) as tool:
        ended = tool.run("run", "-", *tool.to(run_dir), given=path.read_bytes())
    assert (ended.code, "requests  6 PUTs" in ended.err, QUESTION.decode() in ended.err) == (0, True, False)
