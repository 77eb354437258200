"""Clients of one quota without a network: the real rate, gate and meter, and a heap of moments in place of a loop."""

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from batch.csms.faults import Quota
from batch.flow import gate, rate
from batch.flow.gate import GateState, Refusal
from batch.flow.meter import Meter
from batch.flow.rate import Mode, RateState

_THERE_S, _BACK_S = 0.01, 0.05
# The pacer's schedule: a little slower than the rate, and a late request is made up for.
_MARGIN, _LATENESS_S = 0.008, 0.007
_ALONE = 0.03


class Service(Protocol):
    """Whatever counts requests."""

    def take(self, now_s: float) -> bool:
        """Whether a request may pass now."""


class Chance:
    """Refuses a share of all requests, whatever their rate."""

    def __init__(self, share: float, rng: Random) -> None:
        self._share = share
        self._rng = rng

    def take(self, now_s: float) -> bool:  # noqa: ARG002 - the interface
        return self._rng.random() >= self._share


@dataclass(slots=True, kw_only=True)
class Client:
    """One scope: takes in answers as an admission does. `quota` is what a refusal names."""

    rate: RateState
    quota: Quota | None
    rng: Random
    rows: float = math.inf
    gate: GateState = field(default_factory=GateState)
    meter: Meter = field(default_factory=Meter)
    due_s: float = 0.0
    in_flight: int = 0
    sent_s: list[float] = field(default_factory=list)
    accepted_s: list[float] = field(default_factory=list)

    @property
    def wants(self) -> bool:
        return len(self.accepted_s) + self.in_flight < self.rows

    @property
    def next_s(self) -> float:
        return max(self.due_s, self.gate.open_at_s)

    @property
    def refused(self) -> float:
        """The share of its requests that were refused."""
        return 1.0 - (len(self.accepted_s) + self.in_flight) / len(self.sent_s)

    @property
    def took_s(self) -> float:
        return self.sent_s[-1] - self.sent_s[0]

    def send(self, now_s: float) -> None:
        self.sent_s.append(now_s)
        self.in_flight += 1
        self.due_s = max(self.due_s, now_s - _LATENESS_S) + 1.0 / (rate.per_s(self.rate, now_s) * (1.0 - _MARGIN))

    def hear(self, now_s: float, sent_s: float, *, passed: bool) -> None:
        self.in_flight -= 1
        if passed:
            self._accepted(now_s, sent_s)
        else:
            self._refused(now_s, sent_s)

    def _accepted(self, now_s: float, sent_s: float) -> None:
        self.accepted_s.append(now_s)
        self.meter.accepted(now_s)
        self.gate = gate.answered(self.gate, sent_s=sent_s)
        if self.rate.mode is Mode.SEEKING:
            self.rate = rate.answered(self.rate, now_s, self.meter.read(now_s))

    def _refused(self, now_s: float, sent_s: float) -> None:
        self.meter.refused()
        reading = self.meter.read(now_s)
        self.rate = rate.refused(self.rate, now_s, sent_s=sent_s, quota=self.quota, reading=reading)
        refusal = Refusal(
            sent_s=sent_s,
            window_s=self.quota.period_s if self.quota else None,
            alone=reading.refused <= _ALONE or now_s < self.rate.believed_until_s,
        )
        shut = gate.shut(self.gate, now_s, refusal, self.rng)
        self.rate = rate.held(self.rate, gate.wait_s(shut, now_s) - gate.wait_s(self.gate, now_s))
        self.gate = shut


def play(service: Service, clients: Sequence[Client], *, until_s: float = math.inf) -> None:
    """Lets all of them send until their rows are done or the time is over."""
    order = itertools.count()
    on_the_way: list[tuple[float, int, Client, float, bool]] = []
    while True:
        sender = min((one for one in clients if one.wants), key=lambda one: one.next_s, default=None)
        next_s = math.inf if sender is None else sender.next_s
        if on_the_way and on_the_way[0][0] <= next_s:
            now_s, _, client, sent_s, passed = heapq.heappop(on_the_way)
            client.hear(now_s, sent_s, passed=passed)
        elif sender is None or next_s > until_s:
            return
        else:
            sender.send(next_s)
            passed = service.take(next_s + _THERE_S)
            heard_s = next_s + _THERE_S + sender.rng.uniform(0.0, _BACK_S)
            heapq.heappush(on_the_way, (heard_s, next(order), sender, next_s, passed))
