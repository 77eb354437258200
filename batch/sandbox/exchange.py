"""One request from arrival to delivery: the service, what goes wrong on the way, and the journal of both."""

import heapq
import math
from typing import assert_never

import msgspec

from batch.sandbox.faults import Delivery, FaultScript, InjectedFault
from batch.sandbox.journal import Journal
from batch.sandbox.others import Others
from batch.sandbox.refusals import Refusal, refusal
from batch.sandbox.result import Result
from batch.sandbox.service import Service
from batch.sandbox.wire import Arrival, Reply, Request, Route, find_route


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be done about request `n`: `answer` is what to send, for a delivery that sends something.

    `delay_s` comes before the delivery; `lands_at_s` says when `settle` has something to do for it.
    """

    n: int
    delivery: Delivery
    answer: Reply | None
    delay_s: float = 0.0
    lands_at_s: float | None = None


class Exchange:
    """Everything of the sandbox but its sockets: a server or a simulation brings its requests here.

    The order of a request is `arrive`, delivery as the act says, `leave`. Times are seconds since the start that never
    go back. Whatever a request changes is changed on arrival, so the order of arrivals decides alone.
    """

    def __init__(
        self, service: Service, *, journal: Journal, faults: FaultScript | None = None, others: Others | None = None
    ) -> None:
        self.service = service
        self.journal = journal
        self.last_s = 0.0
        """When the latest request arrived or left, or the latest late update was due."""
        self._faults = faults
        self._others = others
        self._late: list[tuple[float, int, Request, Route]] = []

    def arrive(self, request: Request, now_s: float) -> Act:
        """Decides, carries out and records a request that has come in whole."""
        self.settle(now_s)
        self.last_s = now_s
        arrival = Arrival(
            n=self.journal.arrived_count + 1,
            now_s=now_s,
            request=request,
            route=find_route(request.method, request.target),
        )
        fault = None if self._faults is None else self._faults.decide(arrival)
        act, applied = self._plain(arrival) if fault is None else self._faulty(arrival, fault)
        self.journal.arrived(
            arrival,
            applied=applied,
            fault=None if fault is None else fault.name,
            lands_at_s=act.lands_at_s,
            request_id=None if act.answer is None else act.answer.request_id,
        )
        return act

    def leave(self, act: Act, now_s: float, *, whole: bool) -> None:
        """Records how the delivery ended; `whole` only if every byte of the answer was sent."""
        self.last_s = max(self.last_s, now_s)
        sent = act.delivery is Delivery.CUT or whole
        status = act.answer.status if act.answer is not None and sent else None
        self.journal.ended(act.n, now_s, status=status, whole=whole)

    def settle(self, now_s: float) -> None:
        """Carries out the late updates that are due by now, and what others do by then; `inf` brings all of the updates
        down, and others do nothing more.
        """
        while self._late and self._late[0][0] <= now_s:
            due_s, n, request, route = heapq.heappop(self._late)
            self._let_others(due_s)
            self.last_s = max(self.last_s, due_s)
            answer = self.service.perform(request, route, due_s)
            self.journal.landed(n, due_s, applied=answer.applied)
        if math.isfinite(now_s):
            self._let_others(now_s)

    def _let_others(self, now_s: float) -> None:
        if self._others is not None:
            for made in self._others.until(now_s):
                self.journal.version_made(made)

    def _plain(self, arrival: Arrival) -> tuple[Act, bool]:
        answer = self.service.answer(arrival.request, arrival.route, arrival.now_s)
        return Act(n=arrival.n, delivery=Delivery.WHOLE, answer=answer), answer.applied

    def _faulty(self, arrival: Arrival, fault: InjectedFault) -> tuple[Act, bool]:
        if fault.ends_tokens:
            self.service.directory.expire_tokens(arrival.now_s)
        if fault.delivery is Delivery.DROP:
            return Act(n=arrival.n, delivery=fault.delivery, answer=None, delay_s=fault.delay_s), False
        away = self.service.admit(arrival.request, arrival.route, arrival.now_s)
        if away is not None or arrival.route is None:
            return Act(n=arrival.n, delivery=fault.delivery, answer=away, delay_s=fault.delay_s), False
        carried = self.service.perform(arrival.request, arrival.route, arrival.now_s) if fault.applied else None
        act = Act(
            n=arrival.n,
            delivery=fault.delivery,
            answer=self._said(arrival.request, fault.instead, carried),
            delay_s=fault.delay_s,
            lands_at_s=self._postpone(arrival, arrival.route, fault.lands_after_s),
        )
        return act, carried is not None and carried.applied

    def _said(self, request: Request, instead: Refusal | Result | None, carried: Reply | None) -> Reply:
        match instead:
            case Refusal():
                return self.service.refuse(request, instead)
            case Result():
                return self.service.envelop(request, instead)
            case None:
                return carried or self.service.refuse(request, refusal("APIGW.0601"))
            case _:
                assert_never(instead)

    def _postpone(self, arrival: Arrival, route: Route, after_s: float | None) -> float | None:
        if after_s is None:
            return None
        due_s = arrival.now_s + after_s
        heapq.heappush(self._late, (due_s, arrival.n, arrival.request, route))
        return due_s
