"""A Dask cluster that exists already: tasks are handed out to it, and what they answer is collected."""

import contextlib
import errno
import os
import queue
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import dask.config
from distributed import Client, Future, KilledWorker, Security
from distributed.comm.core import CommClosedError

from batch.fleet.hands import Cancelled, SchedulerError
from batch.fleet.task import Answer, Gone, ShardTask, run_shard
from batch.process.beside import within
from jobs.endpoint import is_loopback
from jobs.problem import one_line, plain
from jobs.spec import UsageError
from reports import Exit

_PACKAGES = frozenset({"python", "distributed", "dask", "cloudpickle", "tornado", "msgpack", "csms-rekey"})
_CA, _CERT, _KEY = "ca.pem", "cert.pem", "key.pem"
_ENCRYPTED = "distributed.comm.require-encryption"
_CLOSED = frozenset({"closed", "closing"})
_CONNECT_S = 20.0
_ANSWER_S = 20.0
_VERSIONS_S = 60.0
"""All workers are asked."""
T = TypeVar("T")


class Cluster:
    """A connection to a scheduler, by which tasks are handed out."""

    def __init__(self, address: str, security_dir: Path | None) -> None:
        """Connects.

        Raises:
            UsageError: there is none, it cannot be trusted, or it is not as it has to be.
        """
        security = _security(address, security_dir)
        try:
            self._client = Client(
                address, security=security, timeout=_CONNECT_S, set_as_default=False, name="csms-rekey"
            )
        except (OSError, ValueError, TimeoutError, RuntimeError) as error:
            raise UsageError(f"--scheduler {plain(address)}: {one_line(error)}") from error
        self._done: queue.SimpleQueue[tuple[str, Future[Answer]]] = queue.SimpleQueue()
        self._futures: dict[str, Future[Answer]] = {}

    def require_same_release(self) -> None:
        """Makes sure that scheduler and workers have what this process has.

        Raises:
            UsageError: one has not.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found: Any = within(lambda: self._client.get_versions(packages=["csms-rekey"]), _VERSIONS_S)
            except OSError as error:
                raise UsageError(f"--scheduler: it or a worker has not answered for {_VERSIONS_S:.0f} s") from error
        for place, other in (("scheduler", found["scheduler"]), *found["workers"].items()):
            if words := differing(found["client"], other):
                raise UsageError(f"{place}: {words}; the same releases are needed everywhere")

    def submit(self, task: ShardTask, avoid: frozenset[str]) -> None:
        """Hands out a task under its key.

        Raises:
            SchedulerError: it does not answer.
        """
        workers = sorted(self.workers().keys() - avoid)
        more: dict[str, Any] = {"workers": workers, "allow_other_workers": True} if workers and avoid else {}
        future = self._client.submit(run_shard, task, key=task.key, pure=False, retries=0, **more)
        self._futures[task.key] = future
        future.add_done_callback(lambda one: self._done.put((task.key, one)))

    def next_answer(self, within_s: float) -> tuple[str, Answer | Cancelled] | Gone | None:
        """The key of a task that has ended, and what it answered; None where none has within that time."""
        try:
            key, future = self._done.get(timeout=within_s)
        except queue.Empty:
            return Gone() if self._client.status in _CLOSED else None
        if self._client.status in _CLOSED:
            return Gone()
        if self._client.status != "running":
            # It has cancelled everything, and looks for its scheduler, which may be there again.
            self._done.put((key, future))
            time.sleep(within_s)
            return None
        try:
            return key, _answer_of(future)
        finally:
            future.release()
            self._futures.pop(key, None)

    def workers(self) -> Mapping[str, int]:
        """The addresses of the workers that there are, and how many threads each has.

        Raises:
            SchedulerError: it does not answer.
        """
        found: dict[str, int] = self._asked(self._client.nthreads)
        return found

    def threads(self) -> int:
        """How many tasks can run side by side.

        Raises:
            UsageError: the scheduler does not answer.
        """
        try:
            return sum(self.workers().values())
        except SchedulerError as error:
            raise UsageError(f"--scheduler: {error}") from error

    def running(self) -> Mapping[str, str]:
        """The keys of the tasks that a worker has taken, and its address.

        Raises:
            SchedulerError: it does not answer.
        """
        found: dict[str, tuple[str, ...]] = self._asked(self._client.processing)
        return {str(key): worker for worker, keys in found.items() for key in keys}

    def _asked(self, call: Callable[[], T]) -> T:
        if self._client.status != "running":
            raise SchedulerError
        try:
            return within(call, _ANSWER_S)
        except OSError as error:
            raise SchedulerError from error

    def close(self) -> None:
        """Lets go of it; what has begun is not stopped by that."""
        # Where the scheduler does not answer, it need not be waited for, and the command has its own exit code.
        with contextlib.suppress(OSError):
            self._client.close(timeout=_CONNECT_S)


def _answer_of(future: "Future[Answer]") -> Answer | Cancelled:
    """What a task that has ended answered, whatever it or the cluster raised."""
    try:
        return future.result(timeout=_ANSWER_S)
    except CancelledError:
        return Cancelled()
    except (TimeoutError, CommClosedError, KilledWorker) as error:
        # The worker that had run it has ended before it could be asked, or all that have tried did.
        return Answer(exit_code=None, worker="", reason=one_line(error))
    except OSError as error:
        # Not in the store's own words, which may hold a signed address.
        reason = os.strerror(error.errno or errno.EIO)
        return Answer(exit_code=Exit.CANNOT_WRITE, worker="", reason=reason)
    except Exception as error:  # noqa: BLE001 - it is how the try ended
        return Answer(exit_code=Exit.INTERNAL, worker="", reason=f"{type(error).__name__}: {one_line(error)}")


def differing(own: dict[str, Any], other: dict[str, Any] | None) -> str:
    """In which packages another process of the cluster differs from this one, in words."""
    if other is None:
        return "does not say what it runs"
    mine, its = own["packages"], other["packages"]
    return ", ".join(
        f"{name} {its.get(name)}, here {mine.get(name)}"
        for name in sorted(_PACKAGES & {*mine, *its})
        if mine.get(name) != its.get(name)
    )


def _security(address: str, folder: Path | None) -> Security | None:
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme != "tls" and not is_loopback(parts.hostname or ""):
        raise UsageError(
            f"--scheduler {plain(address)}: anyone who reaches a scheduler can run code on its workers, so it has to"
            " be tls://, unless it is on this machine"
        )
    if parts.scheme != "tls" and (folder is not None or dask.config.get(_ENCRYPTED)):
        # The client would say so only after it has tried for 40 s to close what it could not open.
        which = "Dask's configuration asks" if folder is None else "--security-dir is"
        raise UsageError(f"--scheduler {plain(address)}: {which} for encryption: give a tls:// address")
    if folder is None:
        return None
    for name in (_CA, _CERT, _KEY):
        if not (folder / name).is_file():
            raise UsageError(f"--security-dir {folder}: holds no {name}")
    return Security(
        tls_ca_file=str(folder / _CA),
        tls_client_cert=str(folder / _CERT),
        tls_client_key=str(folder / _KEY),
        require_encryption=True,
    )
