"""Decides when a scope's next request may leave, and which kind, from what its answers have said so far."""

import math
from collections import deque
from enum import Enum
from random import Random

import msgspec

from batch.csms.faults import Fault, FaultKind
from batch.engine.retry import Answer
from batch.flow import breaker, concurrency, gate, rate
from batch.flow.pacer import Pacer, pacer_for
from jobs.run_view import ScopeState
from jobs.spec import Limits

# No service of ours was met: nobody there, no answer, no sense in the answer.
_NO_SERVICE = frozenset(
    {FaultKind.UNREACHABLE, FaultKind.LOST, FaultKind.UNAVAILABLE, FaultKind.FOREIGN, FaultKind.MISMATCH}
)
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


class Valve:
    """The one place that lets a scope's requests out."""

    def __init__(self, limits: Limits, *, rng: Random) -> None:
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
    def concurrency(self) -> int:
        """How many requests may be open now."""
        return concurrency.allowed(self._concurrency)

    @property
    def silent(self) -> bool:
        """Whether nothing has been heard of the service yet, or nothing but failures lately."""
        return self._breaker.stage is not breaker.Stage.CLOSED or math.isinf(self._answered_at_s)

    def wait_s(self, now_s: float) -> float:
        """Seconds until a request may leave; infinite where only an answer can open the way."""
        return max(gate.wait_s(self._gate, now_s), breaker.wait_s(self._breaker, now_s), self._pacer.wait_s(now_s))

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

    async def take(self, now_s: float, open_rows: int) -> Ticket:
        """Counts one request that leaves now, and says what it may be; `open_rows` of the scope have not ended."""
        self.sent += 1
        await self._pacer.take(now_s)
        good_for, forgives = self._good_for(), self._forgives(open_rows)
        self._gate = gate.sent(self._gate)
        self._breaker = breaker.sent(self._breaker)
        return Ticket(sent_s=now_s, good_for=good_for, forgives=forgives)

    def suspect(self, since_s: float, now_s: float) -> None:
        """Takes the service for down where it has answered nothing since a moment: so the last attempt of a row is kept
        for when it is back, however few rows there are.
        """
        if self._answered_at_s < since_s and self._breaker.stage is breaker.Stage.CLOSED:
            self._breaker = breaker.suspect(self._breaker, now_s, rng=self._rng)

    def note(self, ticket: Ticket, answer: Answer | None, now_s: float, *, write: bool, in_flight: int) -> None:
        """Learns from the answer to what left with a ticket, a change or not; None stands for a good one that is no
        single secret.
        """
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
                self._concurrency, now_s, latency_s=now_s - ticket.sent_s, in_flight=in_flight
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


def _known(seconds: float) -> float | None:
    return None if math.isinf(seconds) else seconds
