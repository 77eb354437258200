"""How the shards of a campaign stand, as its folder says: by their leases, their last words, and what was given up."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum

import msgspec

from batch.fleet import campaign
from batch.fleet.actions import Beat
from batch.fleet.campaign import Campaign, End, GivenUp
from batch.fleet.lease import LeaseRecord
from batch.fleet.storage import Storage
from jobs.model import Group, StatusCount
from reports import Exit

_AT_ONCE = 16


class ShardState(StrEnum):
    """What a shard does."""

    WAITING = "waiting"
    """No process has begun it, or the one that had it was lost."""
    RUNNING = "running"
    """A process holds its lease; whether that still lives, only time shows."""
    STOPPED = "stopped"
    """It can be continued."""
    OVER = "over"
    """Every row has ended."""
    GIVEN_UP = "given up"


class ShardStanding(msgspec.Struct, frozen=True, kw_only=True):
    """One shard; encodes to JSON. What is not known yet is 0, or None."""

    index: int
    state: ShardState
    rows: int = 0
    open_rows: int = 0
    counts: tuple[StatusCount, ...] = ()
    host: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    beat: Beat | None = None

    def of(self, group: Group) -> int:
        """Rows that ended so."""
        return sum(count.rows for count in self.counts if count.status.group is group)

    @property
    def left(self) -> bool:
        """Whether running it again could change anything."""
        return self.state is not ShardState.OVER or bool(self.of(Group.RUN_AGAIN))


class Folder:
    """Looks into the folder of one campaign."""

    def __init__(self, storage: Storage, job: Campaign) -> None:
        self.storage = storage
        self.job = job

    def all(self) -> tuple[ShardStanding, ...]:
        """Every shard.

        Raises:
            StorageError: the folder cannot be read.
        """
        return self.some(range(self.job.shards))

    def some(self, shards: Iterable[int]) -> tuple[ShardStanding, ...]:
        """Some of them.

        Raises:
            StorageError: the folder cannot be read.
        """
        epochs = _epochs(self.storage.names(campaign.LEASE))
        ends, given_up = (set(self.storage.names(one)) for one in (campaign.END, campaign.GIVEN_UP))

        def one(index: int) -> ShardStanding:
            return standing(
                index,
                epochs.get(index, 0),
                lease=self._read(campaign.lease(index, epochs[index]), LeaseRecord) if index in epochs else None,
                end=self._read(campaign.end(index), End) if f"{index}.json" in ends else None,
                given_up=self._read(campaign.given_up(index), GivenUp) if f"{index}.json" in given_up else None,
            )

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return tuple(pool.map(one, shards))

    def _read(self, name: str, kind: type[campaign.T]) -> campaign.T | None:
        return campaign.read(self.storage.get(name), kind)


def standing(
    index: int, epoch: int, *, lease: LeaseRecord | None, end: End | None, given_up: GivenUp | None
) -> ShardStanding:
    """How a shard stands, of whose leases that of `epoch` is the last."""
    if end is not None and end.epoch >= epoch:
        over = end.exit_code in {Exit.DONE, Exit.NOT_ALL_DONE}
        shown = ShardStanding(
            index=index,
            state=ShardState.OVER if over else ShardState.STOPPED,
            rows=end.rows,
            open_rows=end.open_rows,
            counts=end.counts,
            host=end.owner.host,
            exit_code=end.exit_code,
            beat=None if lease is None else _beat(epoch, lease),
        )
    elif lease is not None:
        shown = ShardStanding(
            index=index,
            state=ShardState.RUNNING if lease.quiet_s is None else ShardState.STOPPED,
            rows=lease.rows,
            open_rows=lease.open_rows,
            counts=lease.counts,
            host=lease.owner.host,
            beat=_beat(epoch, lease),
        )
    else:
        shown = ShardStanding(index=index, state=ShardState.WAITING)
    if given_up is not None and shown.state is not ShardState.OVER:
        return msgspec.structs.replace(shown, state=ShardState.GIVEN_UP, reason=given_up.reason)
    return shown


def _beat(epoch: int, lease: LeaseRecord) -> Beat:
    return Beat(epoch=epoch, counter=lease.counter, released=lease.quiet_s is not None)


def _epochs(names: Iterable[str]) -> Mapping[int, int]:
    """The last epoch of each shard that has one."""
    found: dict[int, int] = {}
    for name in names:
        shard, _, epoch = name.partition("/")
        if shard.isdecimal() and epoch.isdecimal():
            found[int(shard)] = max(found.get(int(shard), 0), int(epoch))
    return found
