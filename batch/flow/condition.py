"""How one scope stands: everything that its answers have said about when the next request may leave, and which.

Breaker, gate, rate and concurrency are pure states; here they learn together, each from every answer.
"""

import math
from collections.abc import Callable
from random import Random

import msgspec

from batch.csms.faults import NO_SERVICE, Fault, FaultKind
from batch.flow import breaker, concurrency, gate, rate
from batch.flow.meter import Meter, Reading
from batch.flow.ticket import Exchange, Pass, Ticket
from batch.process.clock import Clock
from jobs.rate import Rate
from jobs.run_view import ScopeState
from jobs.spec import Limits

_ALONE = 0.03
_LATELY_S = 10.0
_LASTS_S = 5.0
_NOTHING: frozenset[FaultKind] = frozenset()
_CLOSED = breaker.Stage.CLOSED


class Condition:
    """Learns from the answers of one scope, and decides from what it has learned."""

    def __init__(self, limits: Limits, *, clock: Clock, rng: Random) -> None:
        self._limits = limits
        self._clock = clock
        self._rng = rng
        self._gate = gate.GateState()
        self._breaker = breaker.BreakerState()
        self._rate = rate.seek() if limits.rate.auto else rate.start(limits.rate.per_s)
        self._concurrency = concurrency.start(limits.concurrency)
        self._meter = Meter()
        self._at_fault = False
        """Rows of the scope were found to be at fault themselves."""
        self._answered_s = {True: -math.inf, False: -math.inf}
        """When a write (True) or a read (False) was last answered."""
        self._paused_at_s: float | None = None
        """Since when nothing is sent to the service."""

    @property
    def rate_per_s(self) -> float:
        """The rate now, in requests per second."""
        return rate.per_s(self._rate, self._clock.now_s())

    @property
    def asked_per_s(self) -> float:
        """The rate that the user allows, infinite where there is no limit."""
        return self._limits.rate.per_s

    @property
    def named_per_s(self) -> float | None:
        """The same, lowered to a limit that the service has named; None where it has named none."""
        return self._rate.ceiling_per_s if self._rate.named else None

    @property
    def reading(self) -> Reading:
        """How the last requests were answered."""
        return self._meter.read(self._clock.now_s())

    @property
    def well(self) -> bool:
        """Whether the service answers, and refuses nothing for its rate."""
        return self._breaker.stage is _CLOSED and not self._gate.refusals

    @property
    def wants(self) -> Pass:
        """What the next request should be for."""
        if self._breaker.stage is not _CLOSED:
            return Pass.TRIAL
        return Pass.ELSEWHERE if self._breaker.unanswered and breaker.asks_elsewhere(self._breaker) else Pass.ROW

    @property
    def silent(self) -> bool:
        """Whether it is in doubt that the service answers writes, and no row is known to be at fault itself."""
        return breaker.silent(self._breaker) and not (self._at_fault and self._breaker.stage is breaker.Stage.CLOSED)

    def answered_since(self, since_s: float, *, write: bool) -> bool:
        """Whether a write, or a read, was answered after a moment."""
        return self._answered_s[write] >= since_s

    def patience_s(self, now_s: float) -> float:
        """Seconds until the scope has to stop if nothing changes; infinite while all is well, and in a pause."""
        if self.well or self._paused_at_s is not None:
            return math.inf
        troubled_s = max(breaker.down_for_s(self._breaker, now_s), gate.refused_for_s(self._gate, now_s))
        return max(0.0, self._limits.max_outage_s - troubled_s)

    def gives_up_in_s(self, now_s: float) -> float | None:
        """The same where it is worth a word: None while all is well, and while a refusal has only just come."""
        patience_s = self.patience_s(now_s)
        just_refused = self._breaker.stage is _CLOSED and gate.refused_for_s(self._gate, now_s) < _LASTS_S
        return None if just_refused or math.isinf(patience_s) else patience_s

    def given_up(self, now_s: float) -> str | None:
        """Why the scope has to stop: its service has been down, or has refused everything, for too long."""
        if self.well or self.patience_s(now_s) > 0:
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

    def allow(self, asked: Rate) -> None:
        """The user allows another rate from now on."""
        self._limits = msgspec.structs.replace(self._limits, rate=asked)
        self._rate = rate.asked(self._rate, self._clock.now_s(), asked)

    def pause(self) -> None:
        """Nothing is sent to the service from now on."""
        if self._paused_at_s is None:
            self._paused_at_s = self._clock.now_s()

    def proceed(self) -> None:
        """The pause is over; it says nothing about the service."""
        if self._paused_at_s is None:
            return
        since_s, now_s, self._paused_at_s = self._paused_at_s, self._clock.now_s(), None
        self._breaker = breaker.excused(self._breaker, since_s, now_s)
        self._gate = gate.excused(self._gate, since_s, now_s)
        self._rate = rate.held(self._rate, now_s - since_s)

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
            self._unmet(ticket, exchange, fault, now_s)
        else:
            ours = ticket.alone
            self._answered_s[exchange.write] = now_s
            self._breaker = breaker.answered(self._breaker, ours=ours, write=exchange.write)
            if fault is not None and fault.kind is FaultKind.THROTTLED:
                self._refused(exchange.sent_s, fault, now_s)
            else:
                self._accepted(exchange.sent_s, now_s)

    def hear(self, ticket: Ticket, fault: Fault | None) -> None:
        """Learns from the answer to a question that is about no row: how fast requests may leave, and nothing else."""
        now_s = self._clock.now_s()
        if ticket.alone:
            self._breaker = breaker.withdrawn(self._breaker)
        if fault is None:
            self._accepted(ticket.sent_s, now_s)
        elif fault.kind is FaultKind.THROTTLED:
            self._refused(ticket.sent_s, fault, now_s)

    def _unmet(self, ticket: Ticket, exchange: Exchange, fault: Fault, now_s: float) -> None:
        self._meter.unanswered(fault.brief)
        # Not refused for its rate, whatever else.
        self._gate = gate.answered(self._gate, sent_s=exchange.sent_s)
        self._concurrency = concurrency.unanswered(self._concurrency, now_s, self._meter.read(now_s).unanswered)
        self._at_fault = self._at_fault or exchange.own
        failure = breaker.Failure(
            row=exchange.row if exchange.write and not exchange.own else None,
            ours=ticket.alone,
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
    def unheard(self) -> bool:
        """Whether nothing has been heard of the service yet, or nothing but failures lately."""
        never = math.isinf(self._answered_s[True]) and math.isinf(self._answered_s[False])
        return never or self._breaker.stage is not breaker.Stage.CLOSED

    def good_for(self, *, elsewhere: bool) -> Pass:
        """What the request that leaves now is for; `elsewhere` says that its row was chosen for where it stands."""
        match self._breaker.stage:
            case breaker.Stage.READ:
                return Pass.READ
            case breaker.Stage.TRIAL:
                return Pass.TRIAL
            case _:
                return Pass.ELSEWHERE if elsewhere else Pass.ROW

    def forgives(self, rows_left: Callable[[], int]) -> frozenset[FaultKind]:
        """What a request may meet at no cost to any row: each such failure keeps the clock of `given_up` running."""
        if self.well:
            return _NOTHING
        trial = self._breaker.stage is not _CLOSED
        free = trial and breaker.forgives(self._breaker, rows_left(), at_fault=self._at_fault)
        down = NO_SERVICE if free else _NOTHING
        refused = frozenset({FaultKind.THROTTLED}) if self._gate.refusals else _NOTHING
        return down | refused


def _known(seconds: float) -> float | None:
    return None if math.isinf(seconds) else seconds
