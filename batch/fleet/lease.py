"""Decides who may work on a shard: pure functions of what was read and written, by one machine's own clock.

The owner of a shard renews its lease, and sends nothing once a renewal that succeeded began too long ago. A taker
of the shard waits until it saw the lease stand still for longer than that and than any request of the owner may take.
So no two clocks are ever compared; all that is asked of them is that they run, and that a pause of the machine counts.
"""

from typing import assert_never

import msgspec

from batch.fleet.campaign import Worker
from jobs.model import Count, Moment, StatusCount

LAST_WORD_S = 120.0
"""How long an owner may take for its last word; who waits for its end waits for that too."""
_ATTEMPTS = 5
"""In the time of one renewal, as long as they fail."""


class LeaseHeldError(Exception):
    """Another process works on the shard."""


class LeaseTimes(msgspec.Struct, frozen=True, kw_only=True):
    """In seconds: how often a lease is renewed and a snapshot made; how long an owner may send after a renewal; how
    long a lease must stand still before it is taken, besides the timeout of a request; and what lies between the last
    request of an owner that has ended and the first of the next.
    """

    renew_s: float = 10.0
    lapse_s: float = 30.0
    still_s: float = 60.0
    quiet_s: float = 1.0
    snapshot_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuses what would let two send at once.

        Raises:
            ValueError: it would.
        """
        if not 0 < self.renew_s < self.lapse_s <= self.still_s / 2 or self.snapshot_s <= 0:
            raise ValueError(
                "a lease is renewed before it lapses, and stands still for twice as long before it is taken"
            )

    @property
    def look_s(self) -> float:
        """How long to wait before a lease is read again, or a renewal that failed is tried again."""
        return self.renew_s / _ATTEMPTS


class LeaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the file of a lease holds. `nonce` is another one for each owner and `counter` for each renewal; `boot` says
    which running system the owner is on. A request of it ends within `timeout_s`, and it sends for `lapse_s` at most
    without a renewal. With `quiet_s` it has ended: so long after that may the next one send. All else is only shown.
    """

    owner: Worker
    nonce: str
    boot: str
    lapse_s: float
    timeout_s: float
    at: Moment
    counter: Count = 0
    quiet_s: float | None = None
    state: str = ""
    rows: Count = 0
    open_rows: Count = 0
    counts: tuple[StatusCount, ...] = ()


class Tenure(msgspec.Struct, frozen=True, kw_only=True):
    """The owner's side: the last renewal that succeeded began at `since_s`; `lost` says why it is lost for good."""

    since_s: float
    lapse_s: float
    lost: str | None = None

    def why_not(self, now_s: float) -> str | None:
        """Why nothing may leave at this moment; None where it may."""
        if self.lost is None and now_s >= self.since_s + self.lapse_s:
            return f"its lease could not be renewed for {self.lapse_s:g} s"
        return self.lost


def renewed(tenure: Tenure, began_s: float, now_s: float, *, taken: bool) -> Tenure:
    """After a renewal that began at `began_s` and succeeded by now. What has lapsed meanwhile stays lapsed; `taken`
    says that there is a later owner, which a clock that stood still has not shown.
    """
    why = tenure.why_not(now_s)
    if why is None and taken:
        why = "another process has taken its lease"
    since_s = max(tenure.since_s, began_s)
    return msgspec.structs.replace(tenure, since_s=tenure.since_s if why else since_s, lost=why)


def renewal_due(tenure: Tenure, last_try_s: float, now_s: float, times: LeaseTimes, *, failed: bool) -> bool:
    """Whether to begin a renewal: one that hangs is not waited for longer than until the next would be due."""
    if tenure.why_not(now_s) is not None or now_s < tenure.since_s + times.renew_s:
        return False
    return now_s >= last_try_s + (times.look_s if failed else times.renew_s)


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """The last lease of a shard as it was read, between two moments; without a `record` it could not be made out."""

    epoch: int
    record: LeaseRecord | None
    from_s: float
    until_s: float


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """A lease that is watched: it has stood as in `last` since `since_s` at the latest. `moved` says that its owner was
    seen alive.
    """

    last: Sight
    since_s: float
    moved: bool = False

    @property
    def still_s(self) -> float:
        """For how long nothing has changed, at least."""
        return self.last.from_s - self.since_s


def watched(watch: Watch | None, sight: Sight) -> Watch:
    """After one more look."""
    if watch is None:
        return Watch(last=sight, since_s=sight.until_s)
    if (watch.last.epoch, watch.last.record) == (sight.epoch, sight.record):
        return msgspec.structs.replace(watch, last=sight)
    return Watch(last=sight, since_s=sight.until_s, moved=True)


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """The lease of this epoch may be made; nothing may be sent for `quiet_s` from now on."""

    epoch: int
    quiet_s: float = 0.0


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """It may not yet: `left_s` more without a change would do."""

    left_s: float


def verdict(watch: Watch | None, mine: LeaseRecord, times: LeaseTimes, *, gone: str | None) -> Take | Wait:
    """What to do about what was seen; None: there was never a lease. `mine` would be the next, and `gone` is the nonce
    of an owner that is known to have ended, as only one process at a time may use its folder on this machine.
    """
    match watch:
        case None:
            return Take(epoch=1)
        case Watch(last=Sight(epoch=epoch, record=LeaseRecord(quiet_s=float() as quiet_s))):
            return Take(epoch=epoch + 1, quiet_s=quiet_s)
        case Watch(last=Sight(epoch=epoch, record=LeaseRecord(nonce=nonce, boot=boot))) if (nonce, boot) == (
            gone,
            mine.boot,
        ):
            return Take(epoch=epoch + 1, quiet_s=times.quiet_s)
        case Watch(last=Sight(epoch=epoch, record=record)):
            longest = (times.still_s, mine.timeout_s) if record is None else _longest(record, mine, times)
            left_s = sum(longest) - watch.still_s
            return Wait(left_s=left_s) if left_s > 0 else Take(epoch=epoch + 1)
        case _:
            assert_never(watch)


def _longest(record: LeaseRecord, mine: LeaseRecord, times: LeaseTimes) -> tuple[float, float]:
    return max(times.still_s, 2 * record.lapse_s), max(record.timeout_s, mine.timeout_s)
