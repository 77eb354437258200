"""Thousands of projects on machines that die, in virtual time: the product's own decisions, all else a model.

A machine serves one shard at a time, in turns of a second. It dies and loses its disk, freezes and thaws, or cannot
reach the storage while the service still answers it. Each has its own clock.
"""

import heapq
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from random import Random
from typing import TypeVar

import msgspec

from batch.fleet.campaign import Worker
from batch.fleet.lease import (
    LeaseRecord,
    LeaseTimes,
    Sight,
    Take,
    Tenure,
    Watch,
    renewal_due,
    renewed,
    verdict,
    watched,
)
from batch.fleet.pace import Pace
from jobs.shard import RateKey, Shard, keys_of

TIMES = LeaseTimes()
# After which a scheduler takes a silent worker for lost (worker-ttl).
NOTICED_AFTER_S = 60.0
_GIVES_UP_S = 20.0
_LONGEST_S = 200_000
T = TypeVar("T")
Turns = Generator[None, None, T]


class Fault(Enum):
    """What befalls a machine."""

    DIES = "dies"
    FREEZES = "freezes"
    CUT_OFF = "is cut off from the storage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One of them, from when on and for how long."""

    at_s: float
    machine: int
    fault: Fault
    for_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What is simulated. `capacity` is what one process can send: requests in flight by the time of an answer."""

    rows: tuple[int, ...]
    """Of each project."""
    shards: int
    machines: int
    rate: float = 10.0
    capacity: float = 640.0
    start_s: float = 30.0
    """From the start of a process to its first request."""
    write_s: float = 1.0
    """A small file to the storage."""
    snapshot_s: float = 4.0
    timeout_s: float = 60.0
    events: tuple[Event, ...] = ()
    drift: float = 0.0
    """How much faster or slower the clock of a machine may be."""
    seed: int = 1


@dataclass(slots=True, kw_only=True)
class Ledger:
    """How far an owner of a shard has come. Its projects have one rate, so that each has sent as many rows as any other
    that still has some.
    """

    epoch: int
    done: tuple[int, ...]
    """At its beginning, of each project."""
    left: tuple[int, ...]
    each: int = 0
    """How many a project has sent since that still has rows."""
    taken_s: float = 0.0

    def copy(self, now_s: float) -> "Ledger":
        """As it is now."""
        return Ledger(epoch=self.epoch, done=self.done, left=self.left, each=self.each, taken_s=now_s)

    def sent(self) -> list[int]:
        """Of each project, by this owner."""
        return [min(left, self.each) for left in self.left]

    def followed(self, epoch: int) -> "Ledger":
        """What the next owner begins with."""
        sent = self.sent()
        done = tuple(map(int.__add__, self.done, sent))
        return Ledger(epoch=epoch, done=done, left=tuple(map(int.__sub__, self.left, sent)))


@dataclass(slots=True, kw_only=True)
class Stored:
    """What the storage has of one shard."""

    leases: dict[int, LeaseRecord] = field(default_factory=dict)
    """Of each epoch."""
    snapshots: dict[int, Ledger] = field(default_factory=dict)
    """The newest of each epoch."""
    ended: bool = False


@dataclass(slots=True, kw_only=True)
class Told:
    """What is held against the rules: who sent last and when, and all that each owner of the shard has sent."""

    epoch: int = 0
    machine: "Machine | None" = None
    at_s: float = 0.0
    put_at_s: float = 0.0
    tries: int = 0
    owners: list[Ledger] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Found:
    """How a campaign went."""

    makespan_s: float = 0.0
    wrong: list[str] = field(default_factory=list)
    rows: int = 0
    sent: int = 0
    oldest_again_s: float = 0.0
    """The longest time from a snapshot that was continued from to the last PUT of the owner before."""
    shortest_gap_s: float = float("inf")
    """Between the last request of an owner and the first one of the next."""
    handovers: int = 0
    most_tries: int = 0
    """How often one shard was begun."""
    owners: int = 0
    writes: int = 0


@dataclass(slots=True, kw_only=True)
class Written:
    """A file on its way to the storage."""

    begun_s: float
    """By the clock of its machine."""
    ended: bool = False
    good: bool = False


class Machine:
    """One of the fleet's, with its own clock and disk."""

    def __init__(self, number: int, chance: Random, drift: float) -> None:
        self.number = number
        self.disk: dict[int, Ledger] = {}
        self.owned: dict[int, str] = {}
        """By which nonce it owned each shard last."""
        self.boot = 0
        self.child: Child | None = None
        self.dead_until_s = self.frozen_until_s = self.cut_off_until_s = 0.0
        self._offset_s = chance.uniform(0, 1e6)
        self._speed = 1 + chance.uniform(-drift, drift)

    def clock_s(self, now_s: float) -> float:
        """Also while it is frozen: CLOCK_BOOTTIME."""
        return self._offset_s + now_s * self._speed

    def meets(self, event: Event) -> None:
        """Something befalls it."""
        until_s = event.at_s + event.for_s
        match event.fault:
            case Fault.DIES:
                self.dead_until_s, self.disk, self.owned, self.child = until_s, {}, {}, None
                self.boot += 1
            case Fault.FREEZES:
                self.frozen_until_s = until_s
            case Fault.CUT_OFF:
                self.cut_off_until_s = until_s

    def runs(self, now_s: float) -> bool:
        """Whether it has a turn."""
        return now_s >= max(self.dead_until_s, self.frozen_until_s)


class World:
    """Storage, scheduler and service, and the time."""

    def __init__(self, fleet: Fleet) -> None:
        chance = Random(fleet.seed)
        self.fleet = fleet
        self.now_s = 0.0
        self.machines = [Machine(number, chance, fleet.drift) for number in range(fleet.machines)]
        self.stored = [Stored() for _ in range(fleet.shards)]
        self.told = [Told() for _ in range(fleet.shards)]
        self.found = Found(rows=sum(fleet.rows))
        self.rows_of = shared_out(fleet.rows, fleet.shards)
        self._waiting = list(range(fleet.shards))
        self._running: dict[int, tuple[Machine, Child, float]] = {}
        self._arriving: list[tuple[float, int, Callable[[], None]]] = []

    def run(self) -> Found:
        """The campaign, until every shard has ended."""
        events = sorted(self.fleet.events, key=lambda one: one.at_s, reverse=True)
        while not all(one.ended for one in self.stored):
            self.now_s += 1
            assert self.now_s < _LONGEST_S, "it never ends"
            while events and events[-1].at_s <= self.now_s:
                event = events.pop()
                self.machines[event.machine].meets(event)
            while self._arriving and self._arriving[0][0] <= self.now_s:
                heapq.heappop(self._arriving)[2]()
            for machine in self.machines:
                if machine.runs(self.now_s) and machine.child is not None:
                    machine.child.turn()
            self._schedule()
        self.found.makespan_s = self.now_s
        self._judge()
        return self.found

    def write(self, machine: Machine, effect: Callable[[], bool], takes_s: float) -> Written:
        """Sends a file to the storage. Once it has left it arrives, whatever becomes of its machine."""
        written = Written(begun_s=machine.clock_s(self.now_s))
        cut_off = self.now_s < machine.cut_off_until_s

        def arrived() -> None:
            written.good = not cut_off and effect()
            written.ended = True

        at_s = self.now_s + (_GIVES_UP_S if cut_off else takes_s)
        self.found.writes += 1
        heapq.heappush(self._arriving, (at_s, self.found.writes, arrived))
        return written

    def hear(self, child: "Child", *, puts: bool) -> None:
        """The service gets requests of a shard."""
        told, epoch = self.told[child.shard], child.ledger.epoch
        if epoch != told.epoch:
            if told.epoch:
                self.found.handovers += 1
                gap_s = self.now_s - told.at_s
                self.found.shortest_gap_s = min(self.found.shortest_gap_s, gap_s)
                # On one machine the owner before has ended; else a request of it may still be on its way.
                least_s = TIMES.quiet_s if child.machine is told.machine else self.fleet.timeout_s
                if epoch < told.epoch or gap_s < least_s:
                    self.found.wrong.append(f"shard {child.shard}: owner {epoch} {gap_s} s after owner {told.epoch}")
                self.found.oldest_again_s = max(self.found.oldest_again_s, told.put_at_s - child.begun_with_s)
            told.epoch, told.machine = epoch, child.machine
            told.owners.append(child.ledger)
        told.at_s = self.now_s
        if puts:
            told.put_at_s = self.now_s

    def record_of(self, machine: Machine) -> LeaseRecord:
        """What a new owner on a machine says of itself."""
        self.found.owners += 1
        return LeaseRecord(
            owner=Worker(host=str(machine.number), pid=1),
            nonce=str(self.found.owners),
            boot=f"{machine.number}-{machine.boot}",
            lapse_s=TIMES.lapse_s,
            timeout_s=self.fleet.timeout_s,
            at=0.0,
        )

    def _schedule(self) -> None:
        """As a scheduler does: what is lost or has ended early waits again, and a free machine takes what waits."""
        for shard, (machine, child, seen_s) in list(self._running.items()):
            if machine.runs(self.now_s) and machine.child is child and not child.over:
                self._running[shard] = (machine, child, self.now_s)
            elif child.over or self.now_s - seen_s >= NOTICED_AFTER_S:
                del self._running[shard]
                if not self.stored[shard].ended:
                    self._waiting.append(shard)
        for machine in self.machines:
            if machine.child is not None and machine.child.over and machine.runs(self.now_s):
                machine.child = None
            if self._waiting and machine.child is None and machine.runs(self.now_s):
                shard = self._waiting.pop(0)
                machine.child = Child(self, machine, shard)
                self.told[shard].tries += 1
                self._running[shard] = (machine, machine.child, self.now_s)

    def _judge(self) -> None:
        """Every row was sent, and twice only what a lost disk knew."""
        for shard, told in enumerate(self.told):
            first = told.owners[0]
            self.found.most_tries = max(self.found.most_tries, told.tries)
            sent = [0] * len(first.left)
            done = first.done
            for owner in told.owners:
                if any(map(int.__lt__, map(int.__add__, first.done, sent), owner.done)):
                    self.found.wrong.append(
                        f"shard {shard}: owner {owner.epoch} takes rows for done that were not sent"
                    )
                sent = [max(a, b + c) for a, b, c in zip(sent, owner.done, owner.sent(), strict=True)]
                done = owner.followed(0).done
                self.found.sent += sum(owner.sent())
            if done != self.rows_of[shard]:
                self.found.wrong.append(f"shard {shard}: not every row is done")


class Child:
    """The process that works on one shard."""

    def __init__(self, world: World, machine: Machine, shard: int) -> None:
        self._world = world
        self.machine = machine
        self.shard = shard
        self.over = False
        self.begun_with_s = 0.0
        self.ledger: Ledger
        self._pace = Pace(kept_s=0.0, tried_s=0.0)
        self._stored = world.stored[shard]
        self._tenure: Tenure
        self._record: LeaseRecord
        self._renewals: list[Written] = []
        self._last_try_s = 0.0
        self._turns = self._life()

    def turn(self) -> None:
        """One second of it, if it has one."""
        self.over = self.over or next(self._turns, self) is self

    @property
    def _now_s(self) -> float:
        return self.machine.clock_s(self._world.now_s)

    def _life(self) -> Turns[None]:
        """The lease, the ledger, a list of each project, a snapshot, the rows, a snapshot, and the last word."""
        epoch = yield from self._takes()
        if not epoch or not (yield from self._starts(epoch)):
            return
        self.ledger = self._restored(epoch)
        for lists in (True, False):
            if not ((yield from self._sends(epoch, lists=lists)) and (yield from self._saves(epoch))):
                return
        yield from self._until(self._world.write(self.machine, self._end, self._world.fleet.write_s))

    def _until(self, written: Written) -> Turns[bool]:
        while not written.ended:
            yield
        return written.good

    def _takes(self) -> Turns[int]:
        """The epoch of the lease, once it is free; 0 where another was quicker."""
        self._record = self._world.record_of(self.machine)
        gone, watch, epoch = self.machine.owned.get(self.shard), None, 0
        while True:
            if self._world.now_s >= self.machine.cut_off_until_s:
                watch = self._looks(watch)
                decided = verdict(watch, self._record, TIMES, gone=gone)
                if isinstance(decided, Take):
                    epoch = decided.epoch
                    break
            yield
        written = self._world.write(self.machine, lambda: self._create(epoch), self._world.fleet.write_s)
        if not (yield from self._until(written)):
            return 0
        self.machine.owned[self.shard] = self._record.nonce
        self._tenure = Tenure(since_s=written.begun_s, lapse_s=TIMES.lapse_s)
        self._last_try_s = written.begun_s
        return epoch

    def _looks(self, watch: Watch | None) -> Watch | None:
        if not self._stored.leases:
            return None
        last = max(self._stored.leases)
        now_s = self._now_s
        return watched(watch, Sight(epoch=last, record=self._stored.leases[last], from_s=now_s, until_s=now_s))

    def _create(self, epoch: int) -> bool:
        return self._stored.leases.setdefault(epoch, self._record) is self._record

    def _starts(self, epoch: int) -> Turns[bool]:
        """Reads the manifest or a snapshot; False where the lease has lapsed meanwhile."""
        began_s = self._world.now_s
        while self._world.now_s < began_s + self._world.fleet.start_s:
            if not self._keeps(epoch):
                return False
            yield
        return True

    def _keeps(self, epoch: int) -> bool:
        """Renews the lease when it is time; whether anything may leave now."""
        now_s = self._now_s
        failed = False
        for one in [one for one in self._renewals if one.ended]:
            self._renewals.remove(one)
            failed = not one.good
            if one.good:
                taken = epoch + 1 in self._stored.leases
                self._tenure = renewed(self._tenure, one.begun_s, now_s, taken=taken)
        if renewal_due(self._tenure, self._last_try_s, now_s, TIMES, failed=failed):
            self._last_try_s = now_s
            self._renewals.append(
                self._world.write(self.machine, lambda: self._renew(epoch), self._world.fleet.write_s)
            )
        return self._tenure.why_not(now_s) is None

    def _renew(self, epoch: int) -> bool:
        self._record = msgspec.structs.replace(self._record, counter=self._record.counter + 1)
        self._stored.leases[epoch] = self._record
        return True

    def _restored(self, epoch: int) -> Ledger:
        """That of the disk if no row was sent since, else the newest snapshot, else the manifest."""
        kept = self.machine.disk.get(self.shard)
        newest = max(self._stored.snapshots, default=0)
        rows = self._world.rows_of[self.shard]
        if kept is not None and newest <= kept.epoch:
            before = kept.copy(self._world.now_s)
        elif newest:
            before = self._stored.snapshots[newest]
        else:
            before = Ledger(epoch=0, done=(0,) * len(rows), left=rows)
        self.begun_with_s = before.taken_s
        ledger = self.machine.disk[self.shard] = before.followed(epoch)
        return ledger

    def _saves(self, epoch: int) -> Turns[bool]:
        """A snapshot before anything else; False where the lease has lapsed meanwhile."""
        while True:
            written = self._upload(epoch)
            while not written.ended:
                if not self._keeps(epoch):
                    return False
                yield
            self._notes(written)
            if written.good:
                return True

    def _notes(self, written: Written) -> None:
        now_s = self._now_s
        self._pace = self._pace.kept(written.begun_s, now_s) if written.good else self._pace.not_kept(now_s)

    def _upload(self, epoch: int) -> Written:
        copy = self.ledger.copy(self._world.now_s)

        def keep() -> bool:
            self._stored.snapshots[epoch] = copy
            return True

        return self._world.write(self.machine, keep, self._world.fleet.snapshot_s)

    def _sends(self, epoch: int, *, lists: bool) -> Turns[bool]:
        """A list for each project that has rows, or the rows; False where the lease has lapsed."""
        fleet, ledger = self._world.fleet, self.ledger
        counts = sorted((1 if lists else left) for left in ledger.left if left)
        over, each, saving = 0, 0.0, None
        while over < len(counts):
            if not self._keeps(epoch):
                return False
            if saving is not None and saving.ended:
                self._notes(saving)
                saving = None
            if lists or self._now_s < self._pace.holds_s(TIMES):
                each += min(fleet.rate, fleet.capacity / (len(counts) - over))
                while over < len(counts) and counts[over] <= each:
                    over += 1
                if not lists:
                    ledger.each = int(each)
                self._world.hear(self, puts=not lists)
            if saving is None and not lists and self._now_s >= self._pace.due_s(TIMES, wanted=False):
                saving = self._upload(epoch)
            yield
        return True

    def _end(self) -> bool:
        self._stored.ended = True
        return True


@cache
def shared_out(rows: tuple[int, ...], shards: int) -> list[tuple[int, ...]]:
    """The rows of the projects of each shard, as the product shares them out; each project is in one shard."""
    keys = [RateKey(number=number, weight=weight) for number, weight in enumerate(rows)]
    numbers = [sorted(keys_of(Shard(index, shards), keys)) for index in range(shards)]
    assert sorted(number for own in numbers for number in own) == list(range(len(keys)))
    return [tuple(rows[number] for number in own) for own in numbers]
