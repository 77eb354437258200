"""The process that a worker forks its children from: what it answers, what a shard of it is like, and how both end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from batch.fleet import campaign
from batch.fleet.children import Children
from batch.fleet.lease import LeaseRecord
from batch.fleet.storage import Storage
from jobs.rate import Rate
from tests.e2e.tool import ROOT, environment, manifest_of, served, wait_until
from tests.engine.rows import moves, small_service
from tests.fleet.campaigns import campaign_in, child, end_of
from tests.kit.processes import children_of

STOP_S = 10.0
IN_A_SHARD = """
import sys
from batch.cli import forking
before = set(sys.modules)
from batch.cli.app import main
code = main()
more = sorted(set(sys.modules) - before)
heavy = {"batch", "jobs", "reports", "aiohttp", "jinja2", "rich", "uvloop"}
print(code, [one for one in more if one.partition(".")[0] in heavy])
"""
IDLE = """
from batch.cli import forking
forking._IDLE_S = 0.1
forking.serve()
"""
NO_MEMORY = """
import errno, os
from batch.cli import forking
def refused():
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
os.fork = refused
forking.serve()
"""


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    for name, value in environment(tmp_path, "none").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    found = Children()
    yield found
    for server in found._idle:
        server.close()


class Working:
    """A shard at a slow rate, on which a child works in a thread meanwhile."""

    def __init__(self, children: Children, storage: Storage, work: Path, stop_s: float) -> None:
        self.wanted = Event()
        self.wanted.set()
        self.codes: list[int] = []
        self._storage = storage
        words = child(storage, 0, work, "--tied")
        self._thread = Thread(target=lambda: self.codes.append(children.run(words, self.wanted.is_set, stop_s)))
        self._thread.start()
        wait_until(lambda: self.lease is not None and self.lease.rows > 0)

    @property
    def lease(self) -> LeaseRecord | None:
        return campaign.read(self._storage.get(campaign.lease(0, 1)), LeaseRecord)

    @property
    def pid(self) -> int:
        assert self.lease is not None
        return self.lease.owner.pid

    @property
    def released(self) -> bool:
        return self.lease is not None and self.lease.quiet_s is not None

    def code(self) -> int:
        self._thread.join(STOP_S)
        [code] = self.codes
        return code


@pytest.fixture
def working(
    request: pytest.FixtureRequest, children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Working]:
    sandbox = small_service(secrets=200)
    with served(sandbox, tmp_path) as tool:
        monkeypatch.setenv("CSMS_REKEY_TOKEN", sandbox.token)
        storage = campaign_in(tmp_path / "shared", manifest_of(moves(sandbox)), tool.url, rate=Rate(5.0))
        yield Working(children, storage, tmp_path / "work", getattr(request, "param", STOP_S))


def server() -> int:
    [found] = children_of(os.getpid())
    return found


def test_it_answers_each_command_with_its_exit_code_and_serves_the_next_one(children: Children) -> None:
    found = []
    for words in (["--version"], ["--version"]):
        code = children.run(words, lambda: True, STOP_S)
        found.append((code, server()))
    assert found == [(0, server()), (0, server())]


def test_one_that_was_killed_while_it_had_nothing_to_do_is_replaced(children: Children) -> None:
    """As where memory is short: it says nothing about the shard that would have been next."""
    assert children.run(["--version"], lambda: True, STOP_S) == 0
    [idle] = children._idle
    os.kill(server(), signal.SIGKILL)
    wait_until(lambda: idle.ended)
    assert children.run(["--version"], lambda: True, STOP_S) == 0


def test_a_shard_that_is_killed_is_answered_as_a_shell_does_and_the_next_one_served(
    working: Working, children: Children
) -> None:
    os.kill(working.pid, signal.SIGKILL)
    assert working.code() == 137
    assert children.run(["--version"], lambda: True, STOP_S) == 0


def test_each_shard_of_a_campaign_is_worked_on_as_itself_with_its_options_read_once(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = small_service(secrets=12, projects=3)
    job = tmp_path / "job.toml"
    job.write_text("log-level = 'debug'\n")
    monkeypatch.setenv("CSMS_REKEY_JOB", str(job))
    with served(sandbox, tmp_path) as tool:
        monkeypatch.setenv("CSMS_REKEY_TOKEN", sandbox.token)
        storage = campaign_in(tmp_path / "shared", manifest_of(moves(sandbox)), tool.url, shards=3)
        codes = []
        for shard in range(3):
            codes.append(children.run(child(storage, shard, tmp_path / "work", "--tied"), lambda: True, STOP_S))
            job.unlink(missing_ok=True)
    assert (codes, [end_of(storage, shard).rows for shard in range(3)]) == ([0, 0, 0], [4, 4, 4])


def test_after_a_failure_what_was_read_from_outside_is_read_again(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    job = tmp_path / "job.toml"
    monkeypatch.setenv("CSMS_REKEY_JOB", str(job))
    words = ["fleet", "shard", "0", "--dir", str(tmp_path), "--tied"]
    for text, words_of_refusal in (("frobnicate = 1\n", "frobnicate"), ("", "holds no campaign")):
        job.write_text(text)
        assert children.run(words, lambda: True, STOP_S) == 2
        assert words_of_refusal in capfd.readouterr().err
        assert not list(children_of(os.getpid()))


def test_a_shard_that_is_not_wanted_any_more_ends_in_order(working: Working) -> None:
    working.wanted.clear()
    assert working.code() == 143
    assert working.released


def test_a_signal_to_all_of_them_ends_the_shard_in_order_and_is_answered(working: Working) -> None:
    os.killpg(server(), signal.SIGTERM)
    assert working.code() == 143
    assert working.released


def test_a_signal_that_asks_how_a_run_stands_ends_neither_the_shard_nor_its_server(working: Working) -> None:
    os.killpg(server(), signal.SIGUSR1)
    working.wanted.clear()
    assert working.code() == 143
    assert working.released


def test_a_shard_whose_server_is_killed_ends_in_order_and_its_worker_knows_of_the_loss(
    working: Working, children: Children
) -> None:
    os.kill(server(), signal.SIGKILL)
    assert working.code() == 137
    wait_until(lambda: working.released)
    assert children.run(["--version"], lambda: True, STOP_S) == 0


@pytest.mark.parametrize("working", [0.5], indirect=True)
def test_a_shard_that_does_not_end_in_its_time_is_killed(working: Working) -> None:
    os.kill(working.pid, signal.SIGSTOP)
    working.wanted.clear()
    assert working.code() == 137


def test_what_lies_in_the_folder_of_its_worker_is_not_imported(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cyclopts.py").write_text("raise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path)
    assert children.run(["--version"], lambda: True, STOP_S) == 0


def test_it_ends_by_itself_once_nothing_was_asked_of_it_for_a_while() -> None:
    done = subprocess.Popen([sys.executable, "-c", IDLE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with done:
        assert done.wait(STOP_S) == 0


def test_a_machine_that_can_start_no_process_for_a_shard_is_answered_as_a_trouble_of_the_moment() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_MEMORY],
        cwd=ROOT,
        input='["--version"]\n',
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("74\n", 0)
    assert "Cannot allocate memory" in done.stderr


def test_a_shard_imports_nothing_that_was_not_there_before_the_fork(tmp_path: Path) -> None:
    sandbox = small_service(secrets=4)
    with served(sandbox, tmp_path) as tool:
        storage = campaign_in(tmp_path / "shared", manifest_of(moves(sandbox)), tool.url)
        done = subprocess.run(
            [sys.executable, "-c", IN_A_SHARD, *child(storage, 0, tmp_path / "work")],
            cwd=ROOT,
            env=environment(tmp_path, sandbox.token),
            capture_output=True,
            check=False,
            text=True,
        )
    assert done.stdout.splitlines()[-1] == "0 []", done.stderr
