"""A connection to a real scheduler, which is stopped, killed and started again, and whose tasks others cancel."""

import errno
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import pytest
from distributed import Client, Future, Security

from batch.fleet import cluster as under_test
from batch.fleet.cluster import Cluster
from batch.fleet.hands import Cancelled, SchedulerError
from batch.fleet.storage import StorageError
from batch.fleet.task import Answer, Gone, ShardTask
from jobs.spec import UsageError
from tests.fleet.cluster import Cluster as Machines
from tests.fleet.cluster import cluster_in, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(100)]
LIMIT_S, CONNECT_S = 2.0, 8.0
TASK = ShardTask(uri="memory://x", shard=0, key="k-0-1", release="0", grace_s=1.0)


def loses_its_storage(_: ShardTask) -> Answer:
    """On a worker, in place of what it runs for a shard."""
    raise StorageError(errno.EACCES, "https://store.example/x?signature=canary", "s3://x/y")


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    monkeypatch.setattr(under_test, "_ANSWER_S", LIMIT_S)
    monkeypatch.setattr(under_test, "_CONNECT_S", CONNECT_S)
    with cluster_in(tmp_path / "cluster", "none", workers=()) as found:
        yield found


@pytest.fixture
def cluster(machines: Machines) -> Iterator[Cluster]:
    connected = Cluster(machines.address, machines.security)
    yield connected
    connected.close()


def next_of(cluster: Cluster) -> tuple[str, Answer | Cancelled] | Gone:
    found: list[tuple[str, Answer | Cancelled] | Gone] = []

    def heard() -> bool:
        if (answer := cluster.next_answer(0.1)) is not None:
            found.append(answer)
        return bool(found)

    wait_until(heard, "an answer")
    return found[0]


def answers(call: Callable[[], object]) -> bool:
    try:
        call()
    except SchedulerError:
        return False
    return True


def test_a_task_that_somebody_cancels_is_that_and_no_lost_scheduler(machines: Machines, cluster: Cluster) -> None:
    cluster.submit(TASK, frozenset())
    tls = machines.security
    security = Security(
        tls_ca_file=str(tls / "ca.pem"),
        tls_client_cert=str(tls / "cert.pem"),
        tls_client_key=str(tls / "key.pem"),
        require_encryption=True,
    )
    with Client(machines.address, security=security, set_as_default=False) as other:
        other.cancel([Future(TASK.key, other)], force=True)
    assert next_of(cluster) == (TASK.key, Cancelled())
    assert cluster.workers() == {}


def test_a_scheduler_that_hangs_is_noticed_in_time_and_answers_again_later(
    machines: Machines, cluster: Cluster
) -> None:
    assert machines.scheduler is not None
    machines.scheduler.send_signal(signal.SIGSTOP)
    for call in (cluster.workers, cluster.running):
        with pytest.raises(SchedulerError):
            call()
    machines.scheduler.send_signal(signal.SIGCONT)
    wait_until(lambda: answers(cluster.workers), "the scheduler answers")
    assert cluster.running() == {}


def test_a_connection_to_a_scheduler_that_hangs_is_closed_in_time(machines: Machines, cluster: Cluster) -> None:
    assert machines.scheduler is not None
    machines.scheduler.send_signal(signal.SIGSTOP)
    cluster.close()


def test_a_scheduler_that_is_started_again_has_lost_its_tasks_and_no_more(machines: Machines, cluster: Cluster) -> None:
    cluster.submit(TASK, frozenset())
    assert machines.scheduler is not None
    machines.scheduler.kill()
    machines.scheduler.wait()
    machines.start_scheduler()
    assert next_of(cluster) == (TASK.key, Cancelled())
    assert cluster.workers() == {}


def test_a_scheduler_that_is_killed_is_lost(machines: Machines, cluster: Cluster) -> None:
    cluster.submit(TASK, frozenset())
    assert machines.scheduler is not None
    machines.scheduler.kill()
    assert next_of(cluster) == Gone()
    assert not answers(cluster.workers)


def test_an_error_of_the_store_comes_back_as_that_and_without_its_words(
    machines: Machines, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "run_shard", loses_its_storage)
    machines.start_worker("w0")
    wait_until(lambda: len(cluster.workers()) == 1, "the worker is there")
    cluster.submit(TASK, frozenset())
    assert next_of(cluster) == (TASK.key, Answer(exit_code=74, worker="", reason="Permission denied"))


@pytest.mark.parametrize("asked", ["by a folder", "by Dask's configuration"])
def test_an_address_without_encryption_is_refused_at_once_where_encryption_is_asked_for(
    tmp_path: Path, asked: str
) -> None:
    """Dask's client would say so too, and then try for 40 s to close what it could not open."""
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch()
    by_folder = asked == "by a folder"
    with (
        dask.config.set({"distributed.comm.require-encryption": not by_folder}),
        pytest.raises(UsageError, match="for encryption: give a tls:// address"),
    ):
        Cluster("tcp://127.0.0.1:9", tmp_path if by_folder else None)
