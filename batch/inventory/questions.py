"""Asks one project any number of questions at once, all through its one door, and learns from every answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from msgspec.structs import replace

from batch.csms.auth import Credential
from batch.csms.calls import HELD_BACK
from batch.csms.faults import NO_SERVICE, Fault, FaultKind
from batch.csms.messages import Departure
from batch.flow import breaker
from batch.flow.admission import Admission
from batch.flow.switch import Switch
from batch.flow.ticket import Exchange, Ticket
from batch.inventory.asking import Asking
from batch.inventory.patience import Again, Give, Heard, Question, Stop, after_fault
from batch.process.clock import Clock

T = TypeVar("T")
_MANY = 1_000_000
_MOST_FOREIGN = 6
"""Answers of something in between, with none of the service between them."""
_NOT_ITS_FAULT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the questions to one project share with their runner. A `witness` is a question that any answer shows
    the service by, and `stop` receives the reason why nothing more may be asked.
    """

    credential: Credential
    switch: Switch
    clock: Clock
    rng: Random
    witness: Callable[[Departure], Awaitable[object]]
    stop: Callable[[Fault | str], None]


class Questions(Asking):
    """As `Asking`, for what is asked for its own sake: a question is repeated until the service has answered it, or the
    project is given up. Where only reads are sent, they say whether the service is up.
    """

    def __init__(self, admission: Admission, around: Surroundings) -> None:
        super().__init__(admission, credential=around.credential, switch=around.switch, rng=around.rng)
        self._around = around
        self._door = asyncio.Lock()
        self._asked = 0
        self._foreign = 0
        self.singles = 0
        """Questions about one thing each that are on their way."""

    async def ask(
        self,
        send: Callable[[Departure], Awaitable[T | Fault]],
        *,
        single: bool = False,
        bears: frozenset[FaultKind] = frozenset(),
    ) -> T | Fault | None:
        """The answer, or the fault that is one; None where nothing may be asked any more. A `single` question is about
        one thing: where it is not answered, another one is asked before the service is taken for down.
        """
        self._asked += 1
        self.singles += single
        question = Question(number=self._asked, since_s=self._around.clock.now_s())
        try:
            return await self._until_answered(question, send, single=single, bears=bears)
        finally:
            self.singles -= single

    async def _until_answered(
        self,
        question: Question,
        send: Callable[[Departure], Awaitable[T | Fault]],
        *,
        single: bool,
        bears: frozenset[FaultKind],
    ) -> T | Fault | None:
        while True:
            generation = self._credential.generation
            sent = await self._sent(question, send)
            if sent is None:
                return None
            ticket, answer = sent
            if answer is HELD_BACK:
                continue
            if not isinstance(answer, Fault):
                return answer
            heard = await self._heard_besides(question, ticket, answer, single=single)
            verdict = after_fault(question, answer, heard, self._rng, bears=bears)
            if isinstance(verdict, Give):
                return answer
            if isinstance(verdict, Again):
                question = await self._wait(question, verdict)
            elif isinstance(verdict, Stop) or not await self._credential.renew(generation):
                self._around.stop(answer)
                return None

    async def _wait(self, failed: Question, verdict: Again) -> Question:
        if verdict.suspect:
            self._admission.suspect(failed.since_s, write=True, rows_left=_MANY)
        again = replace(verdict.question, since_s=self._around.clock.now_s())
        await self._switch.sleep(verdict.after_s)
        return again

    async def _heard_besides(self, question: Question, ticket: Ticket, fault: Fault, *, single: bool) -> Heard:
        free = ticket.alone
        alone = single and fault.kind in NO_SERVICE and breaker.few(self.singles, at_fault=False)
        if alone and not (free or fault.withheld or self._answered_since(question)):
            # Hardly any other is on its way that could tell whether it is at fault or the service is down.
            await self._sent(Question(number=0, since_s=question.since_s), self._around.witness)
        return Heard(free=free, answered=self._answered_since(question), silent=self._admission.silent)

    def _answered_since(self, question: Question) -> bool:
        return self._admission.answered_since(question.since_s, write=True)

    async def _sent(
        self, question: Question, send: Callable[[Departure], Awaitable[T | Fault]]
    ) -> tuple[Ticket, T | Fault] | None:
        async with self._door:
            ticket = await self._admission.enter(lambda: True, rows_left=lambda: _MANY)
        if ticket is None:
            if (reason := self._admission.given_up(self._around.clock.now_s())) is not None:
                self._around.stop(reason)
            return None
        try:
            answer = await send(self._switch)
            if answer is HELD_BACK:
                self._admission.withdraw(ticket)
            elif isinstance(answer, Fault) and answer.withheld and self._switch.stopped:
                return None
            else:
                self._learn(question, ticket, answer)
            return ticket, answer
        finally:
            self._admission.leave()

    def _learn(self, question: Question, ticket: Ticket, answer: object) -> None:
        """Where nothing is written, a read that is answered is all there is to say that the service is up."""
        own = question.tries >= _NOT_ITS_FAULT
        exchange = Exchange(sent_s=ticket.sent_s, answer=answer, write=True, row=question.number, own=own)
        self._admission.note(ticket, exchange)
        if isinstance(answer, Fault) and answer.withheld:
            self._admission.withheld(ticket.sent_s)
        elif isinstance(answer, Fault) and answer.kind is FaultKind.FOREIGN:
            self._foreign += 1
            if self._foreign >= _MOST_FOREIGN:
                said = f"{answer.code}: {answer.message}"
                self._around.stop(f"{self._foreign} requests in a row were refused by something in between; {said}")
        else:
            self._foreign = 0
