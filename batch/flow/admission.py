"""The one door of a scope: says whether a request may leave now, and which, from what its answers have said so far.

Rate, gate, breaker, slots and the turns of the credential all meet here. Whoever sends - a dispatcher, a listing, a
preflight - calls `enter`, sends, tells `note` what was answered and calls `leave`.
"""

import math
from collections import deque
from collections.abc import Callable
from enum import Enum
from random import Random

import msgspec

from batch.csms.client import Answer
from batch.csms.faults import Fault, FaultKind
from batch.flow import breaker, concurrency, gate, rate
from batch.flow.pacer import Pacer, pacer_for
from batch.flow.slots import ScopeSlots
from batch.flow.switch import Switch
from batch.process.clock import Clock
from jobs.run_view import ScopeState
from jobs.spec import Limits

# No service of ours was met: nobody there, no answer, no sense in the answer.
_NO_SERVICE = frozenset({FaultKind.UNREACHABLE, FaultKind.LOST, FaultKind.UNAVAILABLE, FaultKind.MISMATCH})
_SHORTEST_NAP_S = 0.001
# What a service says, or does not say, that has too much to do.
_OVERLOAD = frozenset({FaultKind.LOST, FaultKind.UNAVAILABLE})


class Pass(Enum):
    """What a ticket is good for."""

    ROW = "row"
    """Whatever the next row needs."""
    TRIAL = "trial"
    """The same, alone: its answer decides whether the others may follow."""
    READ = "read"
    """A read of the next row's secret, alone and only to see whether there is an answer."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Lets one request leave; a failure of one of the kinds in `forgives` costs its row nothing."""

    sent_s: float
    good_for: Pass
    forgives: frozenset[FaultKind] = frozenset()


class Admission:
    """Lets the requests of one scope out, until `switch` is stopped."""

    def __init__(self, limits: Limits, *, slots: ScopeSlots, switch: Switch, clock: Clock, rng: Random) -> None:
        self._slots = slots
        self._switch = switch
        self._clock = clock
        self._burst = limits.burst
        self._max_outage_s = limits.max_outage_s
        self._rng = rng
        self._gate = gate.GateState()
        self._breaker = breaker.BreakerState()
        self._rate = rate.seek() if limits.rate.auto else rate.start(limits.rate.per_s)
        self._concurrency = concurrency.start(limits.concurrency)
        self._pacer: Pacer = pacer_for(self._rate.per_s, self._burst)
        self._accepted_s: deque[float] = deque()
        self._answered_at_s = float("-inf")
        self.sent = 0
        """Requests that have left."""
        self._flowing_since_s = float("inf")

    @property
    def rate_per_s(self) -> float:
        """The rate now, in requests per second."""
        return self._rate.per_s

    @property
    def in_flight(self) -> int:
        """Requests that are in flight now."""
        return self._slots.in_flight

    async def enter(self, wanted: Callable[[], bool], *, open_rows: int) -> Ticket | None:
        """Waits until a request may leave, and counts it; None where none may any more: the scope has stopped or has to
        (see `given_up`), or the request is not `wanted` any more. `open_rows` of the scope have not ended: where only a
        few are left, a fault may be theirs.

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
            await self._slots.acquire(silent=self._silent)
            now_s = self._clock.now_s()
            if self._still(wanted, now_s):
                return await self._take(now_s, open_rows)
            self._slots.release()
        return None

    def _still(self, wanted: Callable[[], bool], now_s: float) -> bool:
        return not self._switch.stopped and wanted() and self._wait_s(now_s) <= 0

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
            return float("inf")
        troubled_s = max(breaker.down_for_s(self._breaker, now_s), gate.refused_for_s(self._gate, now_s))
        return max(0.0, self._max_outage_s - troubled_s)

    def given_up(self, now_s: float) -> str | None:
        """Why the scope has to stop: its service has been down, or has refused everything, for too long."""
        if self.patience_s(now_s) > 0:
            return None
        down_s = breaker.down_for_s(self._breaker, now_s)
        if self._breaker.stage is not breaker.Stage.CLOSED and down_s >= self._max_outage_s:
            return f"the service has been down for {down_s:.0f} s"
        return f"every request has been refused for its rate for {gate.refused_for_s(self._gate, now_s):.0f} s"

    def standing(self, now_s: float) -> tuple[ScopeState, float | None]:
        """What keeps requests back, if anything does, and for how many seconds more, where that is known."""
        if self._breaker.stage is not breaker.Stage.CLOSED:
            return ScopeState.OUTAGE, _known(breaker.wait_s(self._breaker, now_s))
        if self._gate.refusals:
            return ScopeState.THROTTLED, _known(gate.wait_s(self._gate, now_s))
        return ScopeState.RUNNING, None

    async def _take(self, now_s: float, open_rows: int) -> Ticket:
        """Counts one request that leaves now, and says what it may be."""
        self.sent += 1
        await self._pacer.take(now_s)
        good_for, forgives = self._good_for(), self._forgives(open_rows)
        self._gate = gate.sent(self._gate)
        self._breaker = breaker.sent(self._breaker)
        return Ticket(sent_s=now_s, good_for=good_for, forgives=forgives)

    def suspect(self, since_s: float) -> None:
        """Takes the service for down where it has answered nothing since a moment: so the last attempt of a row is kept
        for when it is back, however few rows there are.
        """
        if self._answered_at_s < since_s and self._breaker.stage is breaker.Stage.CLOSED:
            self._breaker = breaker.suspect(self._breaker, self._clock.now_s(), rng=self._rng)

    def note(self, ticket: Ticket, answer: Answer, *, write: bool) -> None:
        """Learns from the answer to what left with a ticket, a change or not."""
        now_s = self._clock.now_s()
        kind = answer.kind if isinstance(answer, Fault) else None
        ours = ticket.good_for is not Pass.ROW
        if kind in _NO_SERVICE:
            self._breaker = breaker.failed(self._breaker, now_s, ours=ours, rng=self._rng)
            if kind in _OVERLOAD:
                self._concurrency = concurrency.failed(self._concurrency, now_s)
        else:
            self._answered_at_s = now_s
            self._breaker = breaker.answered(self._breaker, ours=ours, write=write)
            self._concurrency = concurrency.answered(
                self._concurrency, now_s, latency_s=now_s - ticket.sent_s, in_flight=self.in_flight
            )
        if isinstance(answer, Fault) and kind is FaultKind.THROTTLED:
            self._gate = gate.shut(
                self._gate, now_s, sent_s=ticket.sent_s, retry_after_s=answer.retry_after_s, rng=self._rng
            )
            self._pace(rate.throttled(self._rate, now_s, answer.quota, self._sustained_per_s(now_s)))
            self._flowing_since_s = float("inf")
            return
        self._gate = gate.answered(self._gate, sent_s=ticket.sent_s)
        if kind not in _NO_SERVICE:
            self._accepted_s.append(now_s)
            self._flowing_since_s = min(self._flowing_since_s, now_s)
            self._pace(rate.answered(self._rate, now_s, self._accepted_per_s(now_s)))

    @property
    def _silent(self) -> bool:
        """Whether nothing has been heard of the service yet, or nothing but failures lately."""
        return self._breaker.stage is not breaker.Stage.CLOSED or math.isinf(self._answered_at_s)

    def _wait_s(self, now_s: float) -> float:
        """Seconds until a request may leave; infinite where only an answer can open the way."""
        return max(gate.wait_s(self._gate, now_s), breaker.wait_s(self._breaker, now_s), self._pacer.wait_s(now_s))

    def _good_for(self) -> Pass:
        if self._breaker.stage is breaker.Stage.READ or gate.read_first(self._gate):
            return Pass.READ
        alone = self._breaker.stage is breaker.Stage.TRIAL or self._gate.refusals
        return Pass.TRIAL if alone else Pass.ROW

    def _forgives(self, open_rows: int) -> frozenset[FaultKind]:
        """What a trial may meet at the expense of nobody: each such failure keeps the clock of `given_up` running."""
        down = _NO_SERVICE if breaker.forgives(self._breaker, open_rows) else frozenset()
        refused = frozenset({FaultKind.THROTTLED}) if self._gate.read else frozenset()
        return down | refused

    def _accepted_per_s(self, now_s: float) -> float:
        """What the service took in the last second."""
        accepted = self._accepted_s
        while accepted and accepted[0] <= now_s - 1.0:
            accepted.popleft()
        return float(len(accepted))

    def _sustained_per_s(self, now_s: float) -> float | None:
        """The same, once requests have been going out for a second since the gate last opened."""
        accepted_per_s = self._accepted_per_s(now_s)
        return accepted_per_s if now_s - self._flowing_since_s >= 1.0 else None

    def _pace(self, rate: rate.RateState) -> None:
        if rate.per_s != self._rate.per_s:
            self._pacer = pacer_for(rate.per_s, self._burst, after=self._pacer)
        self._rate = rate


def _nap_s(wait_s: float) -> float:
    """Where only an answer can open the way, for ever; and never less than a timer can tell apart: pacing makes up for
    what that is too long.
    """
    return max(wait_s, _SHORTEST_NAP_S) if wait_s > 0 else math.inf


def _known(seconds: float) -> float | None:
    return None if math.isinf(seconds) else seconds
