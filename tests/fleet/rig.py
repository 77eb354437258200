"""A cluster, a service that keeps a log, and a campaign to run with them."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch.fleet import campaign
from batch.fleet.lease import LeaseRecord
from batch.sandbox.ready import Ready
from batch.sandbox.world import World, build_world
from tests.e2e.tool import PYTHON, ROOT, environment, guarded_manifest_of, manifest_of, sandbox_process
from tests.engine.places import room
from tests.fleet.cluster import WORKERS, Cluster, cluster_in, wait_until
from tests.kit.processes import parent_of
from tests.kit.records import Record, read_journal
from tests.oracle import Asked

SEED = 3
SERVICE_LOG = "service.log"
LEASE_TIMES = "0.5,2,4,2"
"""Renewed, lapsed, taken, kept: much shorter than in earnest, so that a test need not wait for minutes."""
TIMEOUT_S = 2


@dataclass(slots=True, kw_only=True)
class Fleet:
    """A cluster, a service, and one campaign to run on it."""

    cluster: Cluster
    ready: Ready
    world: World
    folder: Path
    log: Path
    asked: tuple[Asked, ...]
    rate: int
    manifest: Path

    @property
    def campaign(self) -> Path:
        return self.folder / "campaign"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def command(self, *more: str) -> list[str]:
        """`fleet run`; `more` are instead of its usual options, or besides them."""
        given = {option.partition("=")[0] for option in more}
        usual = (
            f"--dir={self.campaign}",
            f"--scheduler={self.cluster.address}",
            f"--security-dir={self.cluster.security}",
            f"--into={self.out}",
            f"--endpoint={self.ready.url}",
            f"--rate={self.rate}/s",
            f"--timeout={TIMEOUT_S}",
            f"--lease-times={LEASE_TIMES}",
        )
        return [
            *PYTHON,
            "fleet",
            "run",
            str(self.manifest),
            *(one for one in usual if one.partition("=")[0] not in given),
            *more,
        ]

    @contextlib.contextmanager
    def running(self, *more: str) -> Iterator["subprocess.Popen[bytes]"]:
        """`fleet run` beside the block; what it says goes into a file."""
        plain = environment(self.folder, "none") | {"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True"}
        with (self.folder / "fleet.log").open("ab") as said:
            process = subprocess.Popen(
                self.command(*more), cwd=ROOT, env=plain, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()

    def said(self) -> str:
        return (self.folder / "fleet.log").read_text()

    def records(self) -> tuple[Record, ...]:
        return read_journal(self.log)

    def puts(self) -> int:
        """How many PUTs have arrived so far."""
        return self.log.read_bytes().count(b'"PUT"') if self.log.exists() else 0

    def wait_for_puts(self, count: int) -> None:
        wait_until(lambda: self.puts() >= count, f"{count} PUTs", self.said)

    def owners(self) -> dict[int, int]:
        """The shard that each live child works on, by its process id."""
        found = {}
        for path in (self.campaign / "lease").rglob("*"):
            if path.is_file() and path.name.isdecimal():
                record = campaign.read(path.read_bytes(), LeaseRecord)
                if record is not None and record.quiet_s is None and _lives(record.owner.pid):
                    found[record.owner.pid] = int(path.parent.name)
        return found

    def worker_at_work(self) -> tuple[str, int]:
        """A worker whose child has a lease, and that child."""
        children = self.owners()
        for name, worker in self.cluster.workers.items():
            for pid in children:
                # Between them stands the process whose fork a child is.
                if worker.poll() is None and parent_of(parent_of(pid)) == worker.pid:
                    return name, pid
        raise AssertionError(f"no worker has a child: {children}")


@contextlib.contextmanager
def fleet_in(
    folder: Path,
    *,
    projects: int = 12,
    secrets: int = 300,
    rate: int = 50,
    workers: Sequence[str] = WORKERS,
    guarded: bool = False,
    more: Callable[[Ready], Mapping[str, str]] = lambda _: {},
) -> Iterator[Fleet]:
    """All of it, with a manifest of every secret of every project; the rows of projects interleave. A `guarded` row
    says which key it has before; the processes of the cluster have `more` in their environment.
    """
    options = (f"--secrets={projects * secrets}", f"--projects={projects}", f"--seed={SEED}")
    world = build_world(seed=SEED, secrets=projects * secrets, projects=projects)
    by_project = [[(one, name) for name in one.names] for one in world.projects.values()]
    places = [place for row in zip(*by_project, strict=True) for place in row]
    asked = tuple(
        Asked(
            row=row,
            project_id=one.id,
            secret_name=name,
            kms_key_id=one.key_ids.new,
            expected_kms_key_id=one.key_ids.old if guarded else None,
        )
        for row, (one, name) in enumerate(places, 1)
    )
    manifest = folder / "m.csv"
    manifest.write_bytes(guarded_manifest_of(asked) if guarded else manifest_of(asked))
    with (
        _log_for(folder) as log,
        sandbox_process(folder, *options, f"--log={log}") as (_, ready),
        cluster_in(folder / "cluster", ready.token, workers=workers, more=more(ready)) as cluster,
    ):
        yield Fleet(
            cluster=cluster,
            ready=ready,
            world=world,
            folder=folder,
            log=log,
            asked=asked,
            rate=rate,
            manifest=manifest,
        )


@contextlib.contextmanager
def _log_for(folder: Path) -> Iterator[Path]:
    """In memory while it is written: a service that waits for the disk of others sees requests later than they came."""
    place = room()
    try:
        yield place / SERVICE_LOG
    finally:
        shutil.move(place / SERVICE_LOG, folder)
        place.rmdir()


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False
