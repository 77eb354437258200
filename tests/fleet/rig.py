"""A Dask cluster of real processes over TLS, each worker as a machine of its own, and a service that keeps a log."""

import contextlib
import csv
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import trustme
from distributed import Client, Security

from batch.fleet import campaign
from batch.fleet.lease import LeaseRecord
from batch.sandbox.ready import Ready
from batch.sandbox.world import World, build_world
from tests.e2e.tool import PYTHON, ROOT, environment, guarded_manifest_of, manifest_of, outcomes_in, sandbox_process
from tests.kit.records import Record, busiest_window, read_journal
from tests.oracle import Asked

PATIENCE_S = 80.0
SEED = 3
LEASE_TIMES = "0.5,2,4,2"
"""Renewed, lapsed, taken, kept: much shorter than in earnest, so that a test need not wait for minutes."""
TIMEOUT_S = 2
TTL_S = 5


@dataclass(slots=True)
class Cluster:
    """A scheduler and its workers, by name."""

    folder: Path
    token: str
    address: str = ""
    scheduler: "subprocess.Popen[bytes] | None" = None
    workers: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def security(self) -> Path:
        return self.folder / "tls"

    def start_scheduler(self) -> None:
        port = self.address.rpartition(":")[2] or "0"
        told = self.folder / "scheduler.json"
        told.unlink(missing_ok=True)
        words = ("scheduler", f"--scheduler-file={told}", f"--port={port}", "--host=127.0.0.1", "--no-dashboard")
        self.scheduler = self._start("scheduler", *words, "--dashboard-address=127.0.0.1:0")
        wait_until(lambda: told.exists() and b"tls://" in told.read_bytes(), "the scheduler starts")
        self.address = msgspec.json.decode(told.read_bytes())["address"]

    def start_worker(self, name: str, **more: str) -> None:
        own = self.folder / name
        own.mkdir(exist_ok=True)
        mine = {"XDG_STATE_HOME": str(own / "state"), "CSMS_REKEY_LOCK_DIR": str(own / "locks"), **more}
        self.workers[name] = self._start(
            name,
            "worker",
            self.address,
            f"--name={name}",
            "--nthreads=1",
            "--no-nanny",
            "--memory-limit=0",
            "--no-dashboard",
            "--dashboard-address=127.0.0.1:0",
            "--host=127.0.0.1",
            f"--local-directory={own / 'dask'}",
            more=mine,
        )

    def _start(self, name: str, *words: str, more: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
        tls = (f"--tls-{kind}={self.security / file}" for kind, file in _TLS)
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", words[0], "--protocol=tls", *tls, *words[1:]],
                cwd=self.folder,
                env=self.environment | (more or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """As anybody who has a certificate of the fleet."""
        ca, cert, key = (str(self.security / file) for _, file in _TLS)
        tls = Security(tls_ca_file=ca, tls_client_cert=cert, tls_client_key=key, require_encryption=True)
        with Client(self.address, security=tls, set_as_default=False) as client:
            yield client

    def retire(self, name: str) -> None:
        """Has the scheduler send a worker away."""
        with self.client() as client:
            known = client.scheduler_info()["workers"]
            client.retire_workers([address for address, one in known.items() if one["name"] == name])

    def close(self) -> None:
        for one in (*self.workers.values(), self.scheduler):
            if one is not None:
                with contextlib.suppress(ProcessLookupError):
                    one.send_signal(signal.SIGCONT)
                one.kill()
                one.wait()


_TLS = (("ca-file", "ca.pem"), ("cert", "cert.pem"), ("key", "key.pem"))


def make_certificates(folder: Path) -> None:
    """An authority of the fleet's own, and one certificate by it."""
    folder.mkdir()
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    leaf.cert_chain_pems[0].write_to_path(folder / "cert.pem")


@contextlib.contextmanager
def cluster_in(
    folder: Path, token: str, *, workers: Sequence[str] = ("w0", "w1", "w2"), more: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """A cluster for as long as the block lasts; its processes have `more` in their environment."""
    folder.mkdir(exist_ok=True)
    make_certificates(folder / "tls")
    dask = {
        "COMM__REQUIRE_ENCRYPTION": "True",
        "SCHEDULER__HTTP__ROUTES": "[]",
        "WORKER__HTTP__ROUTES": "[]",
        "SCHEDULER__WORKER_TTL": f"{TTL_S}s",
    }
    usual = environment(folder, token, more) | {f"DASK_DISTRIBUTED__{name}": value for name, value in dask.items()}
    path = [str(ROOT), *filter(None, [usual.get("PYTHONPATH")])]
    cluster = Cluster(folder, token, environment=usual | {"PYTHONPATH": os.pathsep.join(path)})
    try:
        cluster.start_scheduler()
        for name in workers:
            cluster.start_worker(name)
        yield cluster
    finally:
        cluster.close()


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
        """`fleet run`."""
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
        return [*PYTHON, "fleet", "run", str(self.manifest), *usual, *more]

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
                if worker.poll() is None and _parent(pid) == worker.pid:
                    return name, pid
        raise AssertionError(f"no worker has a child: {children}")


@contextlib.contextmanager
def fleet_in(
    folder: Path,
    *,
    projects: int = 12,
    secrets: int = 300,
    rate: int = 50,
    guarded: bool = False,
    more: Callable[[Ready], Mapping[str, str]] = lambda _: {},
) -> Iterator[Fleet]:
    """All of it, with a manifest of every secret of every project; the rows of projects interleave. A `guarded` row
    says which key it has before; the processes of the cluster have `more` in their environment.
    """
    log = folder / "service.log"
    options = (f"--secrets={projects * secrets}", f"--projects={projects}", f"--seed={SEED}", f"--log={log}")
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
        sandbox_process(folder, *options) as (_, ready),
        cluster_in(folder / "cluster", ready.token, more=more(ready)) as cluster,
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


def wrong(fleet: Fleet) -> list[str]:
    """What does not hold at the end: every row once in the merge, done, as the service saw it; no project too fast."""
    found = []
    claims = outcomes_in(fleet.out)
    if [claim.row for claim in claims] != [one.row for one in fleet.asked]:
        found.append(f"{len(claims)} rows merged of {len(fleet.asked)}, or not in order")
    if undone := [claim for claim in claims if claim.status.group.value != "done"]:
        found.append(f"{len(undone)} rows are not done, such as {undone[0]}")
    records = fleet.records()
    answered = {(one.project_id, one.secret_name) for one in records if one.method == "PUT" and one.applied}
    if missing := [one for one in fleet.asked if (one.project_id, one.secret_name) not in answered]:
        found.append(f"{len(missing)} rows were never applied")
    return found + too_fast(records, fleet.rate)


def too_fast(records: Sequence[Record], rate: int, burst: int = 1) -> list[str]:
    """Projects of which the service saw more than rate + burst requests within a second."""
    return [
        f"{most} requests in 1 s in project {project}"
        for project, most in busiest_seconds(records).items()
        if most > rate + burst
    ]


def busiest_seconds(records: Sequence[Record]) -> dict[str, int]:
    """The most requests that arrived within a second, of each project."""
    by_project: dict[str, list[Record]] = {}
    for one in records:
        if one.project_id is not None:
            by_project.setdefault(one.project_id, []).append(one)
    return {project: busiest_window(found, 1.0) for project, found in by_project.items()}


def sent_twice(records: Sequence[Record]) -> int:
    """PUTs beyond the first of each secret."""
    counts = Counter((one.project_id, one.secret_name) for one in records if one.method == "PUT")
    return sum(counts.values()) - len(counts)


def wait_until(true: Callable[[], bool], what: str, said: Callable[[], str] = str) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up_s, f"never: {what}\n{said()}"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/stat").read_text()
        return int(text.rpartition(")")[2].split()[1])
    return 0


def rows_of(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def stop_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)
