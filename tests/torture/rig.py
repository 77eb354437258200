"""A service process for many small jobs, one project each, and the oracle over what its log says of each."""

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from batch.sandbox.assembly import sandbox_of
from batch.sandbox.options import SandboxOptions
from batch.sandbox.ready import Ready
from batch.sandbox.server import SandboxServer
from batch.sandbox.world import Project, build_world
from jobs.model import Group
from tests.e2e.tool import again_in, manifest_of, outcomes_in
from tests.kit.records import Record, read_journal
from tests.oracle import Asked, Bounds, Case, violations
from tests.torture.child import Ended, run_child, start_service, stop_service
from tests.torture.trap import Trap

SECRETS = 10
FAULTS = ("504=0.015", "502=0.01", "reset=0.01", "truncate=0.01", "drop=0.01", "html502=0.01")
TIMEOUT_S = 2.0
_FAST = ("--rate=120/s", "--concurrency=4", f"--timeout={TIMEOUT_S:g}", "--log-level=error", "--progress=off")
_FINE = frozenset({0, 1, 3})
_MOST_CALLS = 6


@dataclass(slots=True, kw_only=True)
class Rig:
    """Where jobs are tortured: each takes the next project, so that none sees another's traces."""

    folder: Path
    ready: Ready
    projects: list[Project]
    log: Path
    used: int = 0
    violations: list[str] = field(default_factory=list)

    def job(self) -> "TorturedJob":
        """The next one."""
        project, folder = self._next()
        return TorturedJob(self, project, project.names, folder / "m.csv", folder / "run")

    def nights(self) -> "tuple[TorturedJob, TorturedJob]":
        """Two jobs for one run directory, one after the other."""
        project, folder = self._next()
        half = len(project.names) // 2
        first, second = project.names[:half], project.names[half:]
        return (
            TorturedJob(self, project, first, folder / "first.csv", folder / "run"),
            TorturedJob(self, project, second, folder / "second.csv", folder / "run"),
        )

    def _next(self) -> tuple[Project, Path]:
        project = self.projects[self.used]
        self.used += 1
        folder = self.folder / f"job{self.used}"
        folder.mkdir()
        return project, folder


class TorturedJob:
    """One manifest of a project, run, killed and resumed by real processes."""

    def __init__(self, rig: Rig, project: Project, secrets: Sequence[str], manifest: Path, run_dir: Path) -> None:
        self.folder = manifest.parent
        self.run_dir = run_dir
        self.output = self.folder / "output"
        self._path = manifest
        self._rig = rig
        self._project = project
        self._secrets = frozenset(secrets)
        self._cut_off = 0
        self._went = 0
        self.before_resume: Callable[[], None] = lambda: None
        key = project.key_ids.new
        asked = [
            Asked(row=row, project_id=project.id, secret_name=name, kms_key_id=key)
            for row, name in enumerate([*secrets, secrets[0]], 1)
        ]
        self._asked = (
            *asked,
            Asked(row=len(asked) + 1, project_id=project.id, secret_name="a b", kms_key_id=key, usable=False),
        )
        self._manifest = manifest_of(self._asked)
        manifest.write_bytes(self._manifest)

    def start(self, trap: Trap | None = None, **more: object) -> Ended:
        """`run`, perhaps into a trap."""
        return self._tool("run", *self._options(), trap=trap, **more)

    def go(self, trap: Trap | None = None, **more: object) -> Ended:
        """`go`, the same command each time."""
        self._went += 1
        return self._tool("go", *self._options(), trap=trap, **more)

    def finish(self) -> None:
        """Calls `go` until it says that no row is left, or that it was of no use."""
        for _ in range(_MOST_CALLS):
            if (ended := self.go()).code not in _FINE:
                self._rig.violations.append(f"the last go ended with {ended.code} {self._said()}")
                return
            if not any(claim.status.group is Group.RUN_AGAIN for claim in outcomes_in(self.run_dir)):
                return
        self._rig.violations.append(f"rows were left after {_MOST_CALLS} calls {self._said()}")

    def _options(self) -> tuple[str, ...]:
        return (str(self._path), f"--endpoint={self._rig.ready.url}", f"--run-dir={self.run_dir}", *_FAST)

    def _said(self) -> str:
        return self.output.read_text(errors="replace")[-2_500:]

    def resume(self, trap: Trap | None = None, **more: object) -> Ended:
        """`resume`, perhaps into another."""
        given = {"before": self.before_resume, **more}
        return self._tool("resume", str(self.run_dir), "--log-level=error", "--progress=off", trap=trap, **given)

    def report(self, trap: Trap | None = None) -> Ended:
        """`report`, the same."""
        return self._tool("report", str(self.run_dir), trap=trap)

    def check(self, what: str) -> None:
        """Brings the job to its end and holds its files against the service's log."""
        wrong = list(self._ended()) if (self.run_dir / "ledger.db").exists() else list(self._unsent())
        said = self._said() if wrong else ""
        self._rig.violations += [f"{what}: {one} {said}" for one in wrong]

    def remove(self) -> None:
        """Removes its files; they are of no use where nothing is wrong."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _unsent(self) -> Iterator[str]:
        records = self._records()
        if records:
            yield f"{len(records)} requests, and no ledger"

    def _ended(self) -> Iterator[str]:
        ended = self.resume()
        if ended.code not in _FINE:
            yield f"the last resume ended with {ended.code}"
            return
        case = self._case(self._records(), ended.code)
        yield from map(str, violations(case))
        if any(claim.status.group is Group.RUN_AGAIN for claim in case.claims):
            return
        self.resume()
        if len(self._records()) != len(case.records):
            yield "I18: a finished run, resumed, sent something"

    def _case(self, records: Sequence[Record], code: int) -> Case:
        return Case(
            asked=self._asked,
            claims=outcomes_in(self.run_dir),
            again=again_in(self.run_dir, self._manifest),
            records=tuple(records),
            before={(self._project.id, name): self._project.key_ids.old for name in self._secrets},
            bounds=Bounds(
                lands_within_s=TIMEOUT_S - 0.3, interruptions=self._cut_off, fresh_starts=self._went, concurrency=64
            ),
            exit_code=code,
        )

    def _tool(self, *argv: str, trap: Trap | None, **more: object) -> Ended:
        ended = run_child(argv, token=self._rig.ready.token, output=self.output, trap=trap, **more)  # type: ignore[arg-type] # handed on
        self._cut_off += ended.code not in _FINE or bool(ended.told)
        self._rig.violations += [f"{trap}: {line}" for line in ended.told if not line.startswith("fired ")]
        if ended.code not in {*_FINE, 2, 74, -signal.SIGKILL}:
            self._rig.violations.append(f"{trap}: {argv[0]} ended with {ended.code} {self._said()}")
        return ended

    def _records(self) -> tuple[Record, ...]:
        # A request of a killed process ends when the service notices.
        give_up_s = time.monotonic() + 10.0
        while True:
            mine = (one for one in read_journal(self._rig.log) if one.project_id == self._project.id)
            records = [one for one in mine if one.secret_name is None or one.secret_name in self._secrets]
            if all(one.ended_s is not None for one in records) or time.monotonic() > give_up_s:
                return tuple(records)
            time.sleep(0.01)


@contextlib.contextmanager
def rigged(folder: Path, *, jobs: int, seed: int) -> Iterator[Rig]:
    """A rig for so many jobs."""
    log = folder / "log"
    options = SandboxOptions(secrets=SECRETS * jobs, projects=jobs, seed=seed, faults=FAULTS, latency_ms=2.0, log=log)
    pid, line = start_service(lambda told: _serve(options, told))
    try:
        world = build_world(seed=seed, secrets=options.secrets, projects=options.projects)
        yield Rig(
            folder=folder, ready=msgspec.json.decode(line, type=Ready), projects=list(world.projects.values()), log=log
        )
    finally:
        stop_service(pid)


def _serve(options: SandboxOptions, told: int) -> None:
    async def serve() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        sandbox = sandbox_of(options, epoch_s=time.time())
        async with SandboxServer(sandbox.exchange, latency_ms=options.latency_ms) as server:
            os.write(told, msgspec.json.encode(sandbox.ready(server.url)) + b"\n")
            os.close(told)
            await stop.wait()

    asyncio.run(serve())
