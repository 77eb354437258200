"""The sandbox as a process: what it prints, how it ends."""

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from batch.sandbox.manifest import manifest_csv
from batch.sandbox.options import SandboxOptions
from batch.sandbox.world import build_world
from tests.kit.records import read_journal

ROOT = Path(__file__).parents[2]
# Warnings of the development mode on stderr would show a socket or a task left behind.
COMMAND = (sys.executable, "-X", "dev", "-m", "batch", "sandbox")


@contextmanager
def process(*options: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [*COMMAND, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def ready_of(running: "subprocess.Popen[str]") -> dict[str, Any]:
    assert running.stdout is not None
    ready: dict[str, Any] = json.loads(running.stdout.readline())
    return ready


def end(running: "subprocess.Popen[str]", signum: signal.Signals) -> tuple[int, str, str]:
    running.send_signal(signum)
    out, err = running.communicate(timeout=20)
    return running.returncode, out, err


def test_it_says_where_it_is_serves_and_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    options = ("--secrets", "4", "--projects", "2", "--seed", "3", "--log", str(tmp_path / "log"))
    with process(*options, "--manifest", str(tmp_path / "manifest.csv")) as running:
        ready = ready_of(running)
        project_id = ready["project_ids"][1]
        asked = urllib.request.Request(  # noqa: S310 # its own loopback address
            f"{ready['url']}/v1/{project_id}/secrets", headers={"X-Auth-Token": ready["token"]}
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 # the same
            listed = json.load(answer)
        assert end(running, signal.SIGTERM) == (0, "", "")
    world = build_world(seed=3, secrets=4, projects=2)
    assert ready["project_ids"] == list(world.projects)
    assert ready["key_ids"][project_id]["new"] == world.projects[project_id].key_ids.new
    assert ready["iam_url"] == ready["url"]
    assert {"ak", "sk", "iam", "project_names"} < set(ready)
    assert [one["name"] for one in listed["secrets"]] == world.projects[project_id].names
    assert (tmp_path / "manifest.csv").read_text() == manifest_csv(world)
    (record,) = read_journal(tmp_path / "log")
    assert (record.status, record.answered_whole, record.project_id) == (200, True, project_id)


def test_a_rival_takes_its_part_of_the_quota() -> None:
    """The quota of an hour, most of it taken before: what is left does not depend on how fast this machine is."""
    with process("--rate-limit", "20/h", "--rival", "18/h", "--secrets", "1") as running:
        ready = ready_of(running)
        asked = urllib.request.Request(  # noqa: S310 # its own loopback address
            f"{ready['url']}/v1/{ready['project_ids'][0]}/secrets", headers={"X-Auth-Token": ready["token"]}
        )
        for _ in range(2):
            urllib.request.urlopen(asked, timeout=20).close()  # noqa: S310 # the same
        with pytest.raises(urllib.error.HTTPError, match="429") as refused:
            urllib.request.urlopen(asked, timeout=20)  # noqa: S310 # the same
        refused.value.close()
        assert end(running, signal.SIGTERM) == (0, "", "")


def test_it_ends_cleanly_on_sigint_with_requests_held_open() -> None:
    with process("--fault", "timeout=1") as running:
        ready = ready_of(running)
        host, port = ready["url"].removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as held:
            held.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert end(running, signal.SIGINT) == (0, "", "")
            assert held.recv(1) == b""


def test_it_ends_on_sigint_where_that_was_inherited_as_ignored() -> None:
    """A shell starts background jobs so."""
    script = 'trap "" INT; exec "$@"'
    with subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", *COMMAND], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            ready_of(running)
            assert end(running, signal.SIGINT) == (0, "", "")
        finally:
            running.kill()


def test_a_port_that_is_taken_ends_it_with_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run(
            [*COMMAND, "--port", str(taken.getsockname()[1])], cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert "address already in use" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--rate-limit", "20"], "rate limit '20'"),
        (["--rival", "10/s"], "rival needs a rate limit (--rate-limit)"),
        (["--rate-limit", "20/s", "--rival", "x"], "rival 'x' is not a rate"),
        (["--fault", "999=0.1"], "unknown kind"),
        (["--projects", "0"], "projects 0"),
        (["--log", "/nowhere/log"], "/nowhere/log: No such file or directory"),
        (["--manifest", "/nowhere/m.csv"], "/nowhere/m.csv: No such file or directory"),
    ],
)
def test_options_that_make_no_sense_end_it_with_one_line(options: list[str], reason: str) -> None:
    done = subprocess.run([*COMMAND, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("csms-rekey: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"port": -1}, "port -1"),
        ({"port": 65_536}, "port 65536"),
        ({"secrets": -1}, "secrets -1"),
        ({"projects": 0}, "projects 0"),
        ({"latency_ms": -0.1}, "latency"),
        ({"latency_ms": float("nan")}, "latency"),
        ({"rate_limit": "0/s"}, "rate limit"),
        ({"rival": "10/s"}, "rival needs a rate limit"),
        ({"faults": ("504=2",)}, "504=2"),
        ({"versions": 21}, "versions 21 is not from 1 to 20"),
        ({"keep_versions": 1}, "keep versions 1 is not from 2 to 20"),
        ({"page_size": 1}, "page size 1 is not from 2 to 1000"),
        ({"new_versions": "often"}, "new versions 'often' is not a rate"),
        ({"mix": ("cold=1%",)}, "cold"),
        ({"deny": ("everything",)}, "right 'everything'"),
    ],
)
def test_an_option_out_of_bounds_is_named(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SandboxOptions(**options)
