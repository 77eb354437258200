"""Decides when a scope's next request may leave, from what its answers have said so far."""

from random import Random

from batch import gate, rate_control
from batch.csms.faults import Fault, FaultKind
from batch.pacing import Pacer, pacer_for
from batch.retry import Answer
from jobs.spec import Limits


class Valve:
    """The one place that lets a scope's requests out."""

    def __init__(self, limits: Limits, *, rng: Random) -> None:
        self._burst = limits.burst
        self._rng = rng
        self._gate = gate.GateState()
        self._rate = rate_control.start(limits.rate.per_s)
        self._pacer: Pacer = pacer_for(self._rate.per_s, self._burst)
        self._sent = 0
        self._counting_since_s: float | None = None

    @property
    def rate_per_s(self) -> float:
        """The rate now, in requests per second."""
        return self._rate.per_s

    def wait_s(self, now_s: float) -> float:
        """Seconds until a request may leave; infinite where only an answer can open the way."""
        return max(gate.wait_s(self._gate, now_s), self._pacer.wait_s(now_s))

    async def take(self, now_s: float) -> None:
        """Counts one request that leaves now."""
        await self._pacer.take(now_s)
        self._gate = gate.sent(self._gate)
        if self._counting_since_s is None:
            self._counting_since_s = now_s
        self._sent += 1

    def note(self, answer: Answer, *, sent_s: float, now_s: float) -> None:
        """Learns from an answer to a request that left at `sent_s`."""
        if isinstance(answer, Fault) and answer.kind is FaultKind.THROTTLED:
            self._gate = gate.shut(self._gate, now_s, sent_s=sent_s, retry_after_s=answer.retry_after_s, rng=self._rng)
            self._pace(rate_control.throttled(self._rate, now_s, answer.quota, self._measured_per_s(now_s)))
            return
        self._gate = gate.answered(self._gate, sent_s=sent_s)
        self._pace(rate_control.answered(self._rate, now_s))

    def _measured_per_s(self, now_s: float) -> float:
        since_s = now_s if self._counting_since_s is None else self._counting_since_s
        return self._sent / max(1.0, now_s - since_s)

    def _pace(self, rate: rate_control.RateState) -> None:
        if rate.per_s != self._rate.per_s:
            self._pacer = pacer_for(rate.per_s, self._burst, after=self._pacer)
        self._rate = rate
