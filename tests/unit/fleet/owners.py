"""Machines that want one shard, on a virtual clock: their clocks differ, they are paused and killed, and their store
fails, hangs, and does what it says it did not. All decisions are those of `batch.fleet.lease`.
"""

import heapq
from collections.abc import Generator, Iterator
from itertools import count, cycle
from typing import Any, Literal

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

TIMES = LeaseTimes(renew_s=1.0, lapse_s=3.0, still_s=6.0, quiet_s=1.0)
TIMEOUT_S, RATE, BURST = 2.0, 5.0, 2
_CLOSED_S = 0.5
"""After which nothing arrives any more of what a process had sent that was killed: less than `quiet_s`."""

Fate = Literal["done", "failed", "lied", "hung", "late"]
"""What becomes of a write: failed without an effect, or with one, or hangs for good, or has its effect long after."""
Ending = Literal["clean", "cut off", "killed"]
Steps = Generator[tuple[str, float], Any, None]


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One machine and what happens to it: pauses as (when, how long), what becomes of its writes in turn, and how each
    of its processes ends after so many requests.
    """

    offset_s: float = 0.0
    speed: float = 1.0
    there_s: float = 0.1
    pauses: tuple[tuple[float, float], ...] = ()
    fates: tuple[Fate, ...] = ("done",)
    endings: tuple[tuple[int, Ending], ...] = ((1_000, "clean"),)
    disk_lost: bool = False


class Request(msgspec.Struct, frozen=True):
    """One that left and arrived, in true time, under the lease of an epoch."""

    epoch: int
    left_s: float
    arrived_s: float


class World:
    """Plays machines until a moment of true time; until `calm_s` their troubles last."""

    def __init__(self, machines: tuple[Machine, ...], *, until_s: float, calm_s: float) -> None:
        self.now_s = 0.0
        self.calm_s = calm_s
        self.files: dict[int, LeaseRecord] = {}
        self.requests: list[Request] = []
        self._queue: list[tuple[float, int, Machine | None, Process | None, Steps]] = []
        self._order = count()
        for number, machine in enumerate(machines):
            self._start(machine, number, iter(cycle(machine.endings)), None, iter(cycle(machine.fates)))
        while self._queue and self._queue[0][0] < until_s:
            self.now_s, _, machine_of, process, steps = heapq.heappop(self._queue)
            if process is not None and process.dead:
                continue
            if machine_of is not None and (awake_s := self._awake_s(machine_of)) > self.now_s:
                self._push(awake_s, machine_of, process, steps)
                continue
            try:
                _, seconds = next(steps)
            except StopIteration:
                continue
            self._push(self.now_s + seconds, machine_of, process, steps)

    def run(self, process: "Process", steps: Steps, after_s: float = 0.0) -> None:
        """Has a process do something beside what it does."""
        self._push(self.now_s + after_s, process.machine, process, steps)

    def happen(self, steps: Steps, after_s: float) -> None:
        """Something that no pause of a machine holds up."""
        self._push(self.now_s + after_s, None, None, steps)

    def again(self, process: "Process", *, known: str | None) -> None:
        """Its machine starts another process."""
        self._start(process.machine, process.number, process.endings, known, process.fates)

    def _start(
        self,
        machine: Machine,
        number: int,
        endings: Iterator[tuple[int, Ending]],
        known: str | None,
        fates: Iterator[Fate],
    ) -> None:
        process = Process(self, machine, number, endings=endings, known=known, fates=fates)
        self._push(self.now_s + 0.3 * (number + 1), machine, process, process.live())

    def _push(self, at_s: float, machine: Machine | None, process: "Process | None", steps: Steps) -> None:
        heapq.heappush(self._queue, (at_s, next(self._order), machine, process, steps))

    def _awake_s(self, machine: Machine) -> float:
        now_s = self.now_s
        for at_s, long_s in machine.pauses:
            if at_s <= now_s < at_s + long_s:
                now_s = at_s + long_s
        return now_s


class Process:
    """One process on a machine: takes the lease, renews it and sends, as the keeper's threads do."""

    def __init__(
        self,
        world: World,
        machine: Machine,
        number: int,
        *,
        endings: Iterator[tuple[int, Ending]],
        known: str | None,
        fates: Iterator[Fate],
    ) -> None:
        self._world = world
        self.machine, self.number = machine, number
        self.endings, self.fates = endings, fates
        self._known = known
        self.dead = False
        self._over = False
        self._nonce = f"{number}-{world.now_s}"
        self._record = LeaseRecord(
            owner=Worker(host="m", pid=number),
            nonce=self._nonce,
            boot=f"boot {number}",
            lapse_s=TIMES.lapse_s,
            timeout_s=TIMEOUT_S,
            at=0.0,
        )
        self._tenure = Tenure(since_s=0.0, lapse_s=TIMES.lapse_s)
        self._last_try_s, self._failed = 0.0, False
        self._epoch = 0

    def live(self) -> Steps:
        """From its start to its end."""
        watch: Watch | None = None
        while True:
            from_s = self._clock()
            yield "reading", 0.05
            files = self._world.files
            last = max(files, default=None)
            watch = (
                None
                if last is None
                else watched(watch, Sight(epoch=last, record=files[last], from_s=from_s, until_s=self._clock()))
            )
            step = verdict(watch, self._record, TIMES, gone=self._known)
            if isinstance(step, Take):
                began_s = self._clock()
                made = yield from self._write(step.epoch, self._record, exclusive=True)
                if made:
                    self._epoch = step.epoch
                    self._tenure = Tenure(since_s=began_s, lapse_s=TIMES.lapse_s)
                    self._last_try_s = began_s
                    self._world.run(self, self._beat())
                    yield "quiet", step.quiet_s / self.machine.speed
                    yield from self._send()
                    return
            yield "waiting", TIMES.look_s / self.machine.speed

    def _clock(self) -> float:
        return self.machine.offset_s + self.machine.speed * self._world.now_s

    def _write(self, epoch: int, record: LeaseRecord, *, exclusive: bool) -> Generator[tuple[str, float], Any, bool]:
        """Whether it has been done, as far as the machine can know."""
        fate: Fate = next(self.fates) if self._world.now_s < self._world.calm_s else "done"
        files = self._world.files

        def effect() -> Steps:
            if not (exclusive and epoch in files):
                files[epoch] = record
            return
            yield  # a generator

        if fate in {"done", "lied", "late"}:
            self._world.happen(effect(), 30.0 if fate == "late" else 0.1)
        if fate == "hung":
            # A process that only makes a lease is ended and started again by those who wait for it.
            yield "hanging", 20.0 if exclusive else TIMES.lapse_s
            return False
        yield "writing", 31.0 if fate == "late" else 0.2
        if fate == "failed" or (fate == "lied" and not exclusive):
            return False
        return not exclusive or files[epoch].nonce == record.nonce

    def _beat(self) -> Steps:
        while not self._over and self._tenure.why_not(self._clock()) is None:
            if renewal_due(self._tenure, self._last_try_s, self._clock(), TIMES, failed=self._failed):
                self._last_try_s, self._failed = self._clock(), False
                self._world.run(self, self._renew())
            yield "beating", TIMES.look_s / self.machine.speed

    def _renew(self) -> Steps:
        began_s = self._clock()
        done = yield from self._write(self._epoch, self._next(None), exclusive=False)
        if not done:
            self._failed = True
            return
        taken = self._epoch + 1 in self._world.files
        self._tenure = renewed(self._tenure, began_s, self._clock(), taken=taken)

    def _next(self, quiet_s: float | None) -> LeaseRecord:
        self._record = msgspec.structs.replace(self._record, counter=self._record.counter + 1, quiet_s=quiet_s)
        return self._record

    def _send(self) -> Steps:
        """As fast as it may, until its end, or until its lease is lost."""
        left, ending = next(self.endings)
        room = BURST
        while left > 0 and self._tenure.why_not(self._clock()) is None:
            there_s = min(self.machine.there_s, _CLOSED_S) if ending == "killed" else self.machine.there_s
            self._world.requests.append(Request(self._epoch, self._world.now_s, self._world.now_s + there_s))
            left, room = left - 1, room - 1
            if room == 0:
                room = 1
                yield "pacing", 1.0 / RATE
        self._over = True
        if self._tenure.why_not(self._clock()) is not None:
            yield "draining", self.machine.there_s
            self._end(known=None)
            return
        if ending == "killed":
            self._end(known=None if self.machine.disk_lost else self._nonce)
            return
        quiet_s = TIMES.quiet_s
        if ending == "clean":
            yield "draining", self.machine.there_s
        else:
            quiet_s = TIMEOUT_S
        if self._tenure.why_not(self._clock()) is None:
            yield from self._write(self._epoch, self._next(quiet_s), exclusive=False)
        self._end(known=None)

    def _end(self, *, known: str | None) -> None:
        self.dead = True
        self._world.again(self, known=known)
