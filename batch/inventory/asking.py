"""Asks the service for one thing at a time, each through the one door of its scope and up to three times.

What is asked here says how fast requests may leave, as a refusal for the rate does, and nothing else: neither a breaker
nor a streak learns from it.
"""

from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from batch.csms.auth import Credential
from batch.csms.calls import HELD_BACK
from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import Departure
from batch.flow.admission import Admission
from batch.flow.switch import Switch

T = TypeVar("T")
TRIES = 3
_LONGEST_WAIT_S = 1.0
"""Before the second try; twice that before the third."""
_MANY = 1_000_000


class Asking:
    """Questions to one place with one credential; `heard` receives each answer, also that of a mere try."""

    def __init__(
        self,
        admission: Admission,
        *,
        credential: Credential,
        switch: Switch,
        rng: Random,
        heard: Callable[[object], None] = lambda _: None,
    ) -> None:
        self._admission = admission
        self._credential = credential
        self._switch = switch
        self._rng = rng
        self._heard = heard

    async def ask(self, send: Callable[[Departure], Awaitable[T | Fault]]) -> T | Fault | None:
        """The answer, or what the last try met; None where nothing may be sent any more. Waits while that is paused."""
        tries = 0
        while True:
            generation = self._credential.generation
            answer = await self._once(send)
            if answer is None or not isinstance(answer, Fault):
                return answer
            if answer is HELD_BACK:
                continue
            tries += 1
            lost = answer.kind is FaultKind.CREDENTIAL and not await self._credential.renew(generation)
            if lost or tries >= TRIES:
                return answer
            wait_s = self._rng.uniform(0.0, tries * _LONGEST_WAIT_S)
            await self._switch.sleep(max(wait_s, answer.retry_after_s or 0.0))

    async def _once(self, send: Callable[[Departure], Awaitable[T | Fault]]) -> T | Fault | None:
        ticket = await self._admission.enter(lambda: True, rows_left=lambda: _MANY)
        if ticket is None:
            return None
        try:
            answer = await send(self._switch)
            if answer is HELD_BACK:
                self._admission.withdraw(ticket)
            elif isinstance(answer, Fault) and self._switch.stopped and answer.withheld:
                return None
            else:
                self._admission.hear(ticket, answer if isinstance(answer, Fault) else None)
                self._heard(answer)
            return answer
        finally:
            self._admission.leave()
