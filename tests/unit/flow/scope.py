"""A door on the running loop, and who sends through it."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, TypeVar

from batch.csms.client import Answer, SecretView
from batch.csms.faults import Fault, FaultKind, Quota
from batch.flow.admission import Admission
from batch.flow.slots import Slots
from batch.flow.switch import Switch
from batch.flow.ticket import Exchange, Pass, Ticket
from batch.process.clock import Clock
from jobs.rate import Rate
from jobs.run_view import ScopeState
from jobs.spec import Limits
from tests.unit.flow.keys import Key
from tests.virtual import run_virtual

T = TypeVar("T")
OK = SecretView(name="a", kms_key_id="k")


def fault(
    kind: FaultKind = FaultKind.UNAVAILABLE, *, retry_after_s: float | None = None, quota: Quota | None = None
) -> Fault:
    return Fault(kind=kind, code="c", message="m", maybe_applied=True, retry_after_s=retry_after_s, quota=quota)


THROTTLED = fault(FaultKind.THROTTLED)
NAMED = fault(FaultKind.THROTTLED, quota=Quota(requests=20, period_s=1.0))


class Scope:
    """One scope: each time it sends another row, whose answer comes at once."""

    def __init__(
        self, rate: str = "unlimited", *, slots: Slots | None = None, key: Key | None = None, **limits: Any
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self.switch = Switch()
        self.door = Admission(
            Limits(rate=Rate.parse(rate), **limits),
            slots=(key or Key()).scope(slots or Slots(1_000)),
            switch=self.switch,
            clock=Clock(self._loop, utc_s=0.0),
            rng=Random(1),
        )
        self.rows_left = 100
        self._row = 0

    @property
    def now_s(self) -> float:
        """Seconds since the test began."""
        return self._loop.time() - self._began_s

    @property
    def loop_s(self) -> float:
        """The loop's own time, as the door wants it."""
        return self._loop.time()

    def at(self, ticket: Ticket) -> float:
        """When a ticket's request left, in seconds since the test began."""
        return ticket.sent_s - self._began_s

    async def enter(self, *, elsewhere: bool = False) -> Ticket:
        ticket = await self.door.enter(lambda: True, rows_left=lambda: self.rows_left, elsewhere=elsewhere)
        assert ticket is not None
        return ticket

    async def refused_entry(self, wanted: Callable[[], bool] = lambda: True) -> None:
        assert await self.door.enter(wanted, rows_left=lambda: self.rows_left) is None

    def hear(
        self, ticket: Ticket, answer: Answer, *, write: bool | None = None, row: int | None = None, own: bool = False
    ) -> None:
        self._row += 1
        self.door.note(
            ticket,
            Exchange(
                sent_s=ticket.sent_s,
                answer=answer,
                write=ticket.good_for is not Pass.READ if write is None else write,
                row=self._row if row is None else row,
                own=own,
            ),
        )
        self.door.leave()

    async def send(self, answer: Answer, count: int = 1, **how: Any) -> list[Ticket]:
        """So many requests, one after another, with the same answer."""
        tickets = []
        for _ in range(count):
            tickets.append(await self.enter(elsewhere=self.door.wants is Pass.ELSEWHERE))
            self.hear(tickets[-1], answer, **how)
        return tickets

    def standing(self) -> tuple[ScopeState, float | None]:
        return self.door.standing(self.loop_s)


def run(scenario: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return run_virtual(scenario())
