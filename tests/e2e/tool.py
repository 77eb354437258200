"""The tool as its users start it, and a service for it on a real socket."""

import asyncio
import csv
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from batch.sandbox.assembly import Sandbox
from batch.sandbox.ready import Ready
from batch.sandbox.server import SandboxServer
from jobs.model import Status
from tests.engine.machine import keys_of
from tests.kit.records import Record, records_of
from tests.oracle import Asked, Bounds, Case, Claim

ROOT = Path(__file__).parents[2]
PYTHON = (sys.executable, "-m", "batch")
PATIENCE_S = 30.0


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended."""

    code: int
    out: str
    err: str


def environment(folder: Path, token: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a command is started with: nothing of the user's own settings, locks in the test's folder, and no list of
    secrets before the first PUT unless a test asks for one.
    """
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("CSMS_REKEY_", "OS_", "HUAWEI"))}
    ours = {"CSMS_REKEY_LOCK_DIR": str(folder / "locks"), "CSMS_REKEY_BEFORE": "off"}
    return plain | ours | {"CSMS_REKEY_TOKEN": token, **(more or {})}


class Tool:
    """Starts commands against one service, from one folder."""

    def __init__(self, folder: Path, url: str, token: str) -> None:
        self._folder = folder
        self.url = url
        self._token = token

    def run(self, *arguments: str, given: bytes | None = None, more: Mapping[str, str] | None = None) -> Ended:
        """One command to its end."""
        done = subprocess.run(
            [*PYTHON, *arguments],
            cwd=ROOT,
            env=environment(self._folder, self._token, more),
            input=given,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return Ended(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    @contextmanager
    def start(
        self,
        *arguments: str,
        before: Sequence[str] = (),
        stdin: int | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """A command that runs meanwhile; `before` is put in front of it."""
        with subprocess.Popen(
            [*before, *PYTHON, *arguments],
            cwd=ROOT,
            env=environment(self._folder, self._token, more),
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as running:
            try:
                yield running
            finally:
                if running.poll() is None:
                    running.kill()

    def to(self, run_dir: Path, *options: str) -> tuple[str, ...]:
        """The options of a fast run into a folder; `options` come before them."""
        usual = (f"--endpoint={self.url}", f"--run-dir={run_dir}", "--rate=unlimited", "--timeout=5")
        given = {option.partition("=")[0] for option in options}
        return (*(option for option in usual if option.partition("=")[0] not in given), *options)


class Server(Protocol):
    """Anything that can be served from a thread."""

    @property
    def url(self) -> str: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@contextmanager
def served(sandbox: Sandbox, folder: Path, *, latency_ms: float = 0.0) -> Iterator[Tool]:
    """Serves a sandbox from a thread for as long as the block lasts."""
    with served_by(SandboxServer(sandbox.exchange, latency_ms=latency_ms), folder, sandbox.token) as tool:
        yield tool


@contextmanager
def served_by(server: Server, folder: Path, token: str) -> Iterator[Tool]:
    """The same for any server."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(PATIENCE_S)
        yield Tool(folder, server.url, token)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(PATIENCE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def sandbox_process(folder: Path, *options: str) -> Iterator[tuple[Tool, Ready]]:
    """A sandbox in a separate process, as the command starts it."""
    with subprocess.Popen([*PYTHON, "sandbox", *options], cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            ready = msgspec.json.decode(process.stdout.readline(), type=Ready)
            yield Tool(folder, ready.url, ready.token), ready
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def wait_until(true: Callable[[], bool], running: "subprocess.Popen[bytes] | None" = None) -> None:
    """Waits for something another process does, `running` if that is the one."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up_s, "it never came to that"
        if running is not None and running.poll() is not None:
            raise AssertionError(f"it ended with {running.returncode}: {running.stderr and running.stderr.read()!r}")
        time.sleep(0.005)


def manifest_of(asked: Sequence[Asked]) -> bytes:
    """A CSV manifest of these rows, with a column of its author's own."""
    lines = [f"{one.secret_name},{one.kms_key_id},{one.project_id},note {one.row}" for one in asked]
    return "\n".join(["secret_name,kms_key_id,project_id,note", *lines, ""]).encode()


def guarded_manifest_of(asked: Sequence[Asked]) -> bytes:
    """The same for rows of which some say what key they have before."""
    lines = [f"{one.secret_name},{one.kms_key_id},{one.project_id},{one.expected_kms_key_id or ''}" for one in asked]
    return "\n".join(["secret_name,kms_key_id,project_id,expected_kms_key_id", *lines, ""]).encode()


def outcomes_in(run_dir: Path) -> tuple[Claim, ...]:
    """What `outcomes.csv` says."""
    with (run_dir / "outcomes.csv").open(newline="", encoding="utf-8") as file:
        return tuple(
            Claim(
                row=int(line["row"]),
                secret_name=line["secret_name"],
                kms_key_id=line["kms_key_id"],
                status=Status(line["status"]),
                attempts=int(line["attempts"]),
                before_kms_key_id=line["before_kms_key_id"] or None,
            )
            for line in csv.DictReader(file)
        )


def again_in(run_dir: Path, manifest: bytes) -> tuple[int, ...]:
    """The row numbers that `retry.csv` holds; every line of it stands in the manifest, byte for byte."""
    lines = (run_dir / "retry.csv").read_bytes().splitlines(keepends=True)
    known = {line: row for row, line in enumerate(manifest.splitlines(keepends=True))}
    assert lines[0] == manifest.splitlines(keepends=True)[0]
    return tuple(known[line] for line in lines[1:])


_ENDED_AS = {3: "stopped", 129: "SIGHUP", 130: "SIGINT", 143: "SIGTERM"}


def case_in(
    run_dir: Path,
    asked: Sequence[Asked],
    manifest: bytes,
    sandbox: Sandbox,
    before: Mapping[tuple[str, str], str],
    **bounds: float,
) -> Case:
    """A run directory held against the service it was run on."""
    sandbox.exchange.settle(float("inf"))
    exit_code = msgspec.json.decode((run_dir / "summary.json").read_bytes())["exit_code"]
    return Case(
        asked=tuple(asked),
        claims=outcomes_in(run_dir),
        again=again_in(run_dir, manifest),
        records=records_of(sandbox.journal),
        before=before,
        after=keys_of(sandbox),
        exit_code=exit_code,
        ended_as=_ENDED_AS.get(exit_code, "finished"),
        bounds=msgspec.convert({"lands_within_s": 4.7, **bounds}, Bounds),
    )


def records_since(sandbox: Sandbox, count: int) -> tuple[Record, ...]:
    """What arrived after the first `count` requests."""
    return records_of(sandbox.journal)[count:]
