"""The lease of a shard on a store: renewed, overtaken, lost and released; every renewal is tried by hand."""

import threading
from collections.abc import Callable

import msgspec
import pytest

from batch.fleet import campaign
from batch.fleet.campaign import Stop, Worker
from batch.fleet.keeper import Keeper
from batch.fleet.lease import LeaseHeldError, LeaseRecord, LeaseTimes
from batch.fleet.taking import Taker

TIMES = LeaseTimes()
MINE = LeaseRecord(owner=Worker(host="b", pid=2), nonce="mine", boot="b", lapse_s=30.0, timeout_s=60.0, at=0.0)


class Store:
    """Files in memory; `fails` is raised by every write, after it was done where `lies`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.fails = False
        self.lies = False
        self.listings = 0
        self.listed: tuple[str, ...] | None = None

    def create(self, name: str, data: bytes) -> bool:
        if self.lies:
            self.files[name] = data
        if name in self.files:
            return False
        self.put(name, data)
        return True

    def put(self, name: str, data: bytes) -> None:
        if self.fails:
            raise OSError("out of order")
        self.files[name] = data

    def get(self, name: str) -> bytes | None:
        return self.files.get(name)

    def names(self, folder: str) -> tuple[str, ...]:
        self.listings += 1
        assert self.listings < 200, "lists for ever"
        if self.listed is not None:
            return self.listed
        return tuple(name.removeprefix(f"{folder}/") for name in self.files if name.startswith(f"{folder}/"))

    def record(self, epoch: int) -> LeaseRecord:
        found = campaign.read(self.files[campaign.lease(3, epoch)], LeaseRecord)
        assert found is not None
        return found


class Hands:
    """A clock that is moved by hand, or by what waits."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s

    def nap(self, seconds: float) -> None:
        self.now_s += seconds


def kept(store: Store, clock: Callable[[], float]) -> Keeper:
    return Keeper(store, (3, 1), MINE, began_s=clock(), times=TIMES, clock=clock)


def taken(store: Store, clock: Hands) -> Keeper:
    taker = Taker(files=store, shard=3, times=TIMES, clock=clock, wait_s=0.0, say=lambda _: None, nap=clock.nap)
    keeper = taker.take(MINE)
    keeper.stop()
    return keeper


def test_a_renewal_that_succeeded_counts_and_one_that_failed_does_not() -> None:
    store, clock = Store(), Hands()
    keeper = kept(store, clock)
    clock.nap(20.0)
    keeper.renew()
    clock.nap(20.0)
    assert keeper.why_not() is None
    assert store.record(1).counter == 1
    store.fails = True
    keeper.renew()
    clock.nap(10.0)
    assert keeper.why_not() == "shard 3: its lease could not be renewed for 30 s"


def test_a_later_owner_that_a_clock_has_missed_is_seen_with_the_next_renewal() -> None:
    store, clock = Store(), Hands()
    keeper = kept(store, clock)
    store.put(campaign.lease(3, 2), b"{}")
    keeper.renew()
    assert keeper.why_not() == "shard 3: another process has taken its lease"


def test_a_stopped_campaign_is_noticed_with_the_next_renewal() -> None:
    store, heard = Store(), list[str]()
    keeper = kept(store, Hands())
    keeper.on_stop = lambda: heard.append("stop")
    keeper.renew()
    assert not heard
    store.put(campaign.STOP, msgspec.json.encode(Stop(who="me", at=1.0)))
    keeper.renew()
    assert heard == ["stop"]


def test_a_stop_that_is_seen_before_anybody_listens_is_reported_by_the_next_renewal() -> None:
    """The lease is renewed while the last requests of the owner before are waited for, which may take a minute."""
    store, heard = Store(), list[str]()
    keeper = kept(store, Hands())
    store.put(campaign.STOP, msgspec.json.encode(Stop(who="me", at=1.0)))
    keeper.renew()
    keeper.on_stop = lambda: heard.append("stop")
    keeper.renew()
    assert heard == ["stop"]


def test_a_stopped_campaign_is_reported_once_however_often_the_lease_is_renewed() -> None:
    """A second signal would break off the requests in flight, and a third would end the process at once."""
    store, heard = Store(), list[str]()
    keeper = kept(store, Hands())
    keeper.on_stop = lambda: heard.append("stop")
    store.put(campaign.STOP, msgspec.json.encode(Stop(who="me", at=1.0)))
    for _ in range(3):
        keeper.renew()
    assert heard == ["stop"]


def test_a_lease_that_was_released_is_taken_after_its_quiet_time_and_one_that_lapsed_is_not_released() -> None:
    store, clock = Store(), Hands()
    taken(store, clock).release(5.0)
    assert store.record(1).quiet_s == 5.0
    begun_s = clock.now_s
    second = taken(store, clock)
    assert (second.epoch, clock.now_s - begun_s) == (2, 5.0)
    clock.nap(30.0)
    second.release(5.0)
    assert store.record(2).quiet_s is None


def test_a_lease_whose_taker_is_stopped_before_it_may_send_is_released(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the owner before has sent may still be under way, so that the next one waits for that again."""
    store, clock = Store(), Hands()
    taken(store, clock).release(5.0)

    def stopped(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(clock, "nap", stopped)
    with pytest.raises(KeyboardInterrupt):
        taken(store, clock)
    assert store.record(2).quiet_s == 5.0


def test_a_release_that_hangs_does_not_hold_up_the_end() -> None:
    store = Store()
    times = LeaseTimes(renew_s=0.01, lapse_s=0.05, still_s=0.1)
    keeper = Keeper(store, (3, 1), MINE, began_s=1_000.0, times=times, clock=Hands())
    forever = threading.Event()
    store.put = lambda _name, _data: forever.wait()  # type: ignore[assignment, method-assign]
    keeper.release(1.0)
    forever.set()
    assert not store.files


def test_an_owner_that_was_lost_is_waited_for_a_minute_and_a_timeout() -> None:
    store, clock = Store(), Hands()
    taken(store, clock)
    begun_s = clock.now_s
    assert taken(store, clock).epoch == 2
    assert 120.0 <= clock.now_s - begun_s < 125.0


def test_an_owner_that_a_listing_does_not_show_yet_has_the_lease_all_the_same() -> None:
    store, clock = Store(), Hands()
    taken(store, clock).release(5.0)
    store.put(campaign.lease(3, 2), campaign.to_json(msgspec.structs.replace(MINE, nonce="another")))
    store.listed = ("1",)
    with pytest.raises(LeaseHeldError):
        taken(store, clock)


def test_a_lease_that_a_store_made_and_then_denied_is_ours() -> None:
    store, clock = Store(), Hands()
    store.lies = True
    assert taken(store, clock).epoch == 1
