"""What a worker of the cluster runs: has a child of it work on one shard, and answers how that ended."""

import errno
import os
import socket
from collections.abc import Callable

import msgspec

from batch.fleet import campaign
from batch.fleet.children import Children
from batch.fleet.lease import LAST_WORD_S
from batch.fleet.storage import Storage
from batch.process.version import version
from jobs.printable import printable
from reports import Exit

_CHILDREN = Children()
_LOG = "the log of the worker says why"
_REASONS: dict[int, str] = {
    Exit.USAGE: f"it cannot be begun there, most often as the login of an account is not on that machine; {_LOG}",
    Exit.LOCKED: "another process has its lease",
    Exit.INTERNAL: f"an internal error; {_LOG}",
    Exit.CANNOT_WRITE: f"the campaign folder or a disk cannot be read or written; {_LOG}",
}
"""In fixed words: those of the child may name a secret, and what a task answers goes through the scheduler."""


class ShardTask(msgspec.Struct, frozen=True, kw_only=True):
    """All that goes through the scheduler: no credential, and no name of a secret."""

    uri: str
    shard: int
    key: str
    release: str
    grace_s: float
    """How long a child that is asked to stop may take until its last word, which has a separate limit."""
    words: tuple[str, ...] = ()
    """More options for the child."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What comes back: without an `exit_code` another worker had begun this, and is lost."""

    exit_code: int | None
    worker: str
    reason: str = ""


class Gone(msgspec.Struct, frozen=True):
    """No answer will come any more: the scheduler is lost, or was started again and knows nothing."""


def run_shard(task: ShardTask) -> Answer:
    """Runs in a thread of a worker, for as long as the shard takes."""
    from distributed import get_worker  # noqa: PLC0415 - only who runs this has one

    worker = get_worker()
    return take(task, str(worker.address), lambda: worker.status.name in {"running", "paused"})


def take(task: ShardTask, worker: str, wanted: Callable[[], bool]) -> Answer:
    """The same for any caller: the child is asked to stop once it is not `wanted` any more."""
    if version() != task.release:
        return Answer(exit_code=Exit.USAGE, worker=worker, reason=f"it has release {version()}, not {task.release}")
    storage = Storage(task.uri)
    try:
        # The scheduler runs a task again by itself when it loses a worker; who decides that is the controller.
        if not storage.create(campaign.try_mark(task.shard, task.key), printable(socket.gethostname()).encode()):
            return Answer(exit_code=None, worker=worker)
        if storage.get(campaign.STOP) is not None:
            return Answer(exit_code=Exit.SIGTERM, worker=worker)
    except OSError as error:
        # Not in the store's own words: they go through the scheduler, and may hold a signed address.
        reason = f"it cannot use the campaign folder: {os.strerror(error.errno or errno.EIO)}"
        return Answer(exit_code=Exit.CANNOT_WRITE, worker=worker, reason=reason)
    words = ("fleet", "shard", str(task.shard), "--dir", task.uri, "--tied", "--progress", "off", *task.words)
    code = _CHILDREN.run(words, wanted, task.grace_s + LAST_WORD_S)
    return Answer(exit_code=code, worker=worker, reason=_REASONS.get(code, ""))
