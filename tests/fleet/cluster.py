"""A Dask cluster of real processes over TLS; each worker stands for a separate machine."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import trustme
from distributed import Client, Security

from tests.e2e.tool import ROOT, environment

PATIENCE_S = 80.0
TTL_S = 5
WORKERS = ("w0", "w1", "w2")
_YIELDING = ("nice", "-n", "3")
"""Few cores have to do for all machines: the service, which takes the times, comes first."""


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
                [*_YIELDING, sys.executable, "-m", "dask", words[0], "--protocol=tls", *tls, *words[1:]],
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
    folder: Path, token: str, *, workers: Sequence[str] = WORKERS, more: Mapping[str, str] | None = None
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


def wait_until(true: Callable[[], bool], what: str, said: Callable[[], str] = str) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up_s, f"never: {what}\n{said()}"
        time.sleep(0.05)
