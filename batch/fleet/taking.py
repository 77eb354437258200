"""Takes the lease of a shard: watches the one that is there for as long as it takes, then makes the next."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from batch.fleet import campaign
from batch.fleet.keeper import Files, Keeper
from batch.fleet.lease import LeaseHeldError, LeaseRecord, LeaseTimes, Sight, Take, Wait, Watch, verdict, watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """How a lease is taken on this machine; `wait_s` is how long to wait for an owner that is alive, and `say` hears of
    the wait.
    """

    files: Files
    shard: int
    times: LeaseTimes
    clock: Callable[[], float]
    wait_s: float
    say: Callable[[str], None]
    nap: Callable[[float], None] = time.sleep

    def take(self, mine: LeaseRecord, *, gone: str | None = None) -> Keeper:
        """The lease, once it is ours. `gone` as `verdict` has it.

        Raises:
            LeaseHeldError: its owner is alive, and the time to wait is over.
            OSError: the folder cannot be read or written.
        """
        watch: Watch | None = None
        begun_s, told, least = self.clock(), False, 0
        while True:
            watch = self._look(watch, least)
            match verdict(watch, mine, self.times, gone=gone):
                case Take(epoch=epoch, quiet_s=quiet_s):
                    if (keeper := self._make(epoch, mine)) is not None:
                        self._begin(keeper, quiet_s)
                        return keeper
                    # It is there, whatever a listing of old still says.
                    least = epoch
                case Wait(left_s=left_s):
                    assert watch is not None  # noqa: S101 - else there is nothing to wait for
                    if watch.moved and self.clock() - begun_s >= self.wait_s:
                        raise LeaseHeldError(f"shard {self.shard}: {_holder(watch)} works on it")
                    if not told:
                        told = True
                        self.say(f"shard {self.shard}: {_holder(watch)} has its lease; waiting up to {left_s:.0f} s")
                    self.nap(self.times.look_s)

    def _begin(self, keeper: Keeper, quiet_s: float) -> None:
        keeper.start()
        try:
            self.nap(quiet_s)
        except BaseException:
            # Nothing was sent; what the owner before has sent the next one waits for.
            keeper.release(quiet_s)
            raise

    def _look(self, watch: Watch | None, least: int) -> Watch | None:
        from_s = self.clock()
        epoch = max(campaign.last_epoch(self.files.names(f"{campaign.LEASE}/{self.shard}")) or 0, least)
        if epoch == 0:
            return None
        record = campaign.read(self.files.get(campaign.lease(self.shard, epoch)), LeaseRecord)
        return watched(watch, Sight(epoch=epoch, record=record, from_s=from_s, until_s=self.clock()))

    def _make(self, epoch: int, mine: LeaseRecord) -> Keeper | None:
        """None where another one was first. A store that has made it, but lost the answer, may say so too."""
        began_s, name = self.clock(), campaign.lease(self.shard, epoch)
        if not self.files.create(name, campaign.to_json(mine)):
            found = campaign.read(self.files.get(name), LeaseRecord)
            if found is None or found.nonce != mine.nonce:
                return None
        place = self.shard, epoch
        return Keeper(self.files, place, mine, began_s=began_s, times=self.times, clock=self.clock)


def _holder(watch: Watch) -> str:
    record = watch.last.record
    return "another process" if record is None else f"pid {record.owner.pid} on {record.owner.host}"
