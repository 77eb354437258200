"""The one door of a scope: says whether a request may leave now, and which, from what its answers have said so far.

Rate, gate, breaker, slots and the turns of the credential all meet here. Whoever sends - a dispatcher, a listing, a
preflight - calls `enter`, sends, tells `note` what was answered and calls `leave`.
"""

import math
from collections.abc import Callable
from enum import Enum
from random import Random

import msgspec

from batch.csms.client import Answer
from batch.csms.faults import Fault, FaultKind
from batch.flow import breaker, concurrency, gate, rate
from batch.flow.meter import Meter
from batch.flow.pacer import Pacer, pacer_for
from batch.flow.slots import ScopeSlots
from batch.flow.switch import Switch
from batch.process.clock import Clock
from jobs.run_view import ScopeState
from jobs.spec import Limits

NO_SERVICE = frozenset({FaultKind.UNREACHABLE, FaultKind.LOST, FaultKind.UNAVAILABLE, FaultKind.FOREIGN})
"""The service itself was not met: nobody there, no answer, no sense in the answer, or the word of something before it.
"""
_SHORTEST_NAP_S = 0.001
_ALONE = 0.03
_LATELY_S = 10.0
# A rate that differs by less is the same to a pacer.
_SAME_RATE = 0.01


class Pass(Enum):
    """What a request is for."""

    ROW = "row"
    """Whatever the next row needs."""
    ELSEWHERE = "elsewhere"
    """The same for a row that stands elsewhere in the manifest: are the last ones at fault, or the service?"""
    TRIAL = "trial"
    """One row, alone: its answer decides whether the others may follow."""
    READ = "read"
    """A read of one row's secret, alone and only to see whether there is an answer."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Lets one request leave; a failure of one of the kinds in `forgives` costs its row nothing."""

    sent_s: float
    good_for: Pass
    forgives: frozenset[FaultKind] = frozenset()


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what became of it. With `own` its row has failed again and again while others were answered: that
    says nothing about the service.
    """

    sent_s: float
    answer: Answer
    write: bool
    row: int
    own: bool = False


class Admission:
    """Lets the requests of one scope out, until `switch` is stopped."""

    def __init__(self, limits: Limits, *, slots: ScopeSlots, switch: Switch, clock: Clock, rng: Random) -> None:
        self._slots = slots
        self._switch = switch
        self._clock = clock
        self._rng = rng
        self._limits = limits
        self._gate = gate.GateState()
        self._breaker = breaker.BreakerState()
        self._rate = rate.seek() if limits.rate.auto else rate.start(limits.rate.per_s)
        self._concurrency = concurrency.start(limits.concurrency)
        self._meter = Meter()
        self._paced_per_s = self.rate_per_s
        self._pacer: Pacer = pacer_for(self._paced_per_s, limits.burst)
        self._at_fault = False
        """Rows of the scope were found to be at fault themselves."""
        self._following = 0
        self._answered_s = {True: -math.inf, False: -math.inf}
        """When a write (True) or a read (False) was last answered."""
        self.sent = 0
        """Requests that have left."""

    @property
    def rate_per_s(self) -> float:
        """The rate now, in requests per second."""
        return rate.per_s(self._rate, self._clock.now_s())

    @property
    def in_flight(self) -> int:
        """Requests that are in flight now."""
        return self._slots.in_flight

    @property
    def wants(self) -> Pass:
        """What the next request should be for."""
        if self._breaker.stage is not breaker.Stage.CLOSED:
            return Pass.TRIAL
        return Pass.ELSEWHERE if breaker.asks_elsewhere(self._breaker) else Pass.ROW

    @property
    def silent(self) -> bool:
        """Whether it is in doubt that the service answers writes, and no row is known to be at fault itself."""
        return breaker.silent(self._breaker) and not (self._at_fault and self._breaker.stage is breaker.Stage.CLOSED)

    def answered_since(self, since_s: float, *, write: bool) -> bool:
        """Whether a write, or a read, was answered after a moment."""
        return self._answered_s[write] >= since_s

    async def enter(
        self, wanted: Callable[[], bool], *, rows_left: Callable[[], int], elsewhere: bool = False
    ) -> Ticket | None:
        """Waits until a request may leave, and counts it; None where none may any more: the scope has stopped or has to
        (see `given_up`), or the request is not `wanted` any more. `rows_left` says how many rows are left to write.
        `elsewhere` says that the row was chosen for where it stands.

        The wait for the rate comes before the slot, so that waiting scopes hold none. Then everything is asked again,
        because the wait for the slot may have been long.
        """
        while not self._switch.stopped and wanted():
            # Before looking: what changes meanwhile must not be wiped away.
            self._switch.changed.clear()
            now_s = self._clock.now_s()
            if self.given_up(now_s) is not None:
                return None
            wait_s = self._wait_s(now_s)
            if wait_s > 0 or self._slots.full(concurrency.allowed(self._concurrency)):
                await self._switch.nap(min(_nap_s(wait_s), self.patience_s(now_s)))
                continue
            await self._slots.acquire(silent=self._unheard)
            now_s = self._clock.now_s()
            if self._still(wanted, now_s):
                return await self._take(now_s, rows_left, elsewhere=elsewhere)
            self._slots.release()
        return None

    async def follow(self, ticket: Ticket, until_s: float) -> float | None:
        """Lets the write that belongs to a read leave before everything else, with the read's ticket and slot; returns
        when, or None where it could not leave by `until_s`.
        """
        trial = ticket.good_for is Pass.TRIAL
        if trial:
            # The read was answered, and the trial is not over: nobody else may leave meanwhile.
            self._breaker = breaker.sent(self._breaker)
        self._following += 1
        try:
            sent_s = await self._follow(until_s, trial=trial)
        finally:
            self._following -= 1
            self._switch.changed.set()
        if trial and sent_s is None:
            self._breaker = breaker.answered(self._breaker, ours=True, write=False)
        return sent_s

    async def _follow(self, until_s: float, *, trial: bool) -> float | None:
        while not self._switch.stopped:
            now_s = self._clock.now_s()
            wait_s = max(self._pacer.wait_s(now_s), gate.wait_s(self._gate, now_s))
            down = not trial and breaker.wait_s(self._breaker, now_s) > 0
            if down or now_s + wait_s > until_s:
                return None
            if wait_s <= 0:
                await self._pace(now_s)
                return now_s
            await self._switch.pause(max(wait_s, _SHORTEST_NAP_S))
        return None

    def leave(self) -> None:
        """A request that was let out has ended."""
        self._slots.release()
        self._switch.changed.set()

    def close(self) -> None:
        """The scope has ended and will send nothing more."""
        self._slots.leave()

    def patience_s(self, now_s: float) -> float:
        """Seconds until the scope has to stop if nothing changes; infinite while all is well."""
        if self._breaker.stage is breaker.Stage.CLOSED and not self._gate.refusals:
            return math.inf
        troubled_s = max(breaker.down_for_s(self._breaker, now_s), gate.refused_for_s(self._gate, now_s))
        return max(0.0, self._limits.max_outage_s - troubled_s)

    def given_up(self, now_s: float) -> str | None:
        """Why the scope has to stop: its service has been down, or has refused everything, for too long."""
        if self.patience_s(now_s) > 0:
            return None
        down_s = breaker.down_for_s(self._breaker, now_s)
        if self._breaker.stage is not breaker.Stage.CLOSED and down_s >= self._limits.max_outage_s:
            return f"the service has been down for {down_s:.0f} s"
        return f"every request has been refused for its rate for {gate.refused_for_s(self._gate, now_s):.0f} s"

    def standing(self, now_s: float) -> tuple[ScopeState, float | None]:
        """What keeps requests back, if anything does, and for how many seconds more, where that is known."""
        if self._breaker.stage is not breaker.Stage.CLOSED:
            return ScopeState.OUTAGE, _known(breaker.wait_s(self._breaker, now_s))
        if self._gate.refusals:
            return ScopeState.THROTTLED, _known(gate.wait_s(self._gate, now_s))
        return ScopeState.RUNNING, None

    def suspect(self, since_s: float, *, write: bool, rows_left: int) -> None:
        """Takes the service for down where it has answered no write, or no read, since a moment: so the last attempt of
        a row is kept for when it is back. Where few rows are left and reads are answered, the fault may be theirs.
        """
        lately_s = min(since_s, self._clock.now_s() - _LATELY_S)
        theirs = (
            write and self.answered_since(lately_s, write=False) and breaker.few(rows_left, at_fault=self._at_fault)
        )
        if not theirs and not self.answered_since(since_s, write=write):
            self._open()

    def withheld(self, since_s: float) -> None:
        """A request could not leave for want of a login: the service is down where nothing was answered since."""
        if not (self.answered_since(since_s, write=True) or self.answered_since(since_s, write=False)):
            self._open()

    def _open(self) -> None:
        if self._breaker.stage is breaker.Stage.CLOSED:
            self._breaker = breaker.suspect(self._clock.now_s(), rng=self._rng)

    def note(self, ticket: Ticket, exchange: Exchange) -> None:
        """Learns from the answer to what left with a ticket."""
        now_s = self._clock.now_s()
        fault = exchange.answer if isinstance(exchange.answer, Fault) else None
        if fault is not None and fault.kind in NO_SERVICE:
            self._unmet(ticket, exchange, now_s)
        else:
            ours = ticket.good_for in {Pass.TRIAL, Pass.READ}
            self._answered_s[exchange.write] = now_s
            self._breaker = breaker.answered(self._breaker, ours=ours, write=exchange.write)
            if fault is not None and fault.kind is FaultKind.THROTTLED:
                self._refused(exchange.sent_s, fault, now_s)
            else:
                self._accepted(exchange.sent_s, now_s)

    def _unmet(self, ticket: Ticket, exchange: Exchange, now_s: float) -> None:
        self._meter.unanswered()
        # Not refused for its rate, whatever else.
        self._gate = gate.answered(self._gate, sent_s=exchange.sent_s)
        self._concurrency = concurrency.unanswered(self._concurrency, now_s, self._meter.read(now_s).unanswered)
        self._at_fault = self._at_fault or exchange.own
        failure = breaker.Failure(
            row=exchange.row if exchange.write and not exchange.own else None,
            ours=ticket.good_for in {Pass.TRIAL, Pass.READ},
            at_fault=self._at_fault,
        )
        self._breaker = breaker.failed(self._breaker, now_s, failure, self._rng)

    def _refused(self, sent_s: float, fault: Fault, now_s: float) -> None:
        self._meter.refused()
        reading = self._meter.read(now_s)
        self._rate = rate.refused(self._rate, now_s, sent_s=sent_s, quota=fault.quota, reading=reading)
        refusal = gate.Refusal(
            sent_s=sent_s,
            retry_after_s=fault.retry_after_s,
            window_s=fault.quota.period_s if fault.quota else None,
            alone=reading.refused <= _ALONE or now_s < self._rate.believed_until_s,
        )
        shut = gate.shut(self._gate, now_s, refusal, self._rng)
        self._rate = rate.held(self._rate, gate.wait_s(shut, now_s) - gate.wait_s(self._gate, now_s))
        self._gate = shut

    def _accepted(self, sent_s: float, now_s: float) -> None:
        self._meter.accepted(now_s)
        self._concurrency = concurrency.answered(self._concurrency)
        self._gate = gate.answered(self._gate, sent_s=sent_s)
        if self._rate.mode is rate.Mode.SEEKING:
            self._rate = rate.answered(self._rate, now_s, self._meter.read(now_s))

    @property
    def _unheard(self) -> bool:
        """Whether nothing has been heard of the service yet, or nothing but failures lately."""
        never = all(math.isinf(at_s) for at_s in self._answered_s.values())
        return never or self._breaker.stage is not breaker.Stage.CLOSED

    def _still(self, wanted: Callable[[], bool], now_s: float) -> bool:
        return not self._switch.stopped and wanted() and self._wait_s(now_s) <= 0

    def _wait_s(self, now_s: float) -> float:
        """Seconds until a request may leave; infinite where only an answer can open the way."""
        if self._following:
            return math.inf
        return max(gate.wait_s(self._gate, now_s), breaker.wait_s(self._breaker, now_s), self._pacer.wait_s(now_s))

    async def _take(self, now_s: float, rows_left: Callable[[], int], *, elsewhere: bool) -> Ticket:
        """Counts one request that leaves now, and says what it may be."""
        await self._pace(now_s)
        good_for, forgives = self._good_for(elsewhere=elsewhere), self._forgives(rows_left)
        self._breaker = breaker.sent(self._breaker)
        if good_for is Pass.ELSEWHERE:
            self._breaker = breaker.went_elsewhere(self._breaker)
        return Ticket(sent_s=now_s, good_for=good_for, forgives=forgives)

    def _good_for(self, *, elsewhere: bool) -> Pass:
        match self._breaker.stage:
            case breaker.Stage.READ:
                return Pass.READ
            case breaker.Stage.TRIAL:
                return Pass.TRIAL
            case _:
                return Pass.ELSEWHERE if elsewhere else Pass.ROW

    def _forgives(self, rows_left: Callable[[], int]) -> frozenset[FaultKind]:
        """What a request may meet at the expense of nobody: each such failure keeps the clock of `given_up` running."""
        trial = self._breaker.stage is not breaker.Stage.CLOSED
        free = trial and breaker.forgives(self._breaker, rows_left(), at_fault=self._at_fault)
        down = NO_SERVICE if free else frozenset()
        refused = frozenset({FaultKind.THROTTLED}) if self._gate.refusals else frozenset()
        return down | refused

    async def _pace(self, now_s: float) -> None:
        """Counts one request that leaves now. When the next may leave follows from the rate of this moment: between two
        answers to a slow scope it can rise a lot.
        """
        self.sent += 1
        per_s = rate.per_s(self._rate, now_s)
        if per_s != self._paced_per_s and not abs(per_s - self._paced_per_s) < _SAME_RATE * self._paced_per_s:
            self._pacer = pacer_for(per_s, self._limits.burst, after=self._pacer, now_s=now_s)
            self._paced_per_s = per_s
        await self._pacer.take(now_s)


def _nap_s(wait_s: float) -> float:
    """Where only an answer can open the way, for ever; and never less than a timer can tell apart: pacing makes up for
    what that is too long.
    """
    return max(wait_s, _SHORTEST_NAP_S) if wait_s > 0 else math.inf


def _known(seconds: float) -> float | None:
    return None if math.isinf(seconds) else seconds
