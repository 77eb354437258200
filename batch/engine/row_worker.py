"""Sends what a row needs next, and does with the row what `after_answer` decides."""

import structlog

from batch.csms.calls import HELD_BACK
from batch.csms.client import Answer, CsmsClient
from batch.csms.faults import NO_SERVICE, Fault, FaultKind
from batch.engine.fail_fast import FailFast
from batch.engine.progress import Phase, nearly_used_up
from batch.engine.retry import Again, Finish, Leave, LogIn, Park, Sent, Step, after_answer
from batch.engine.row_queue import RowQueue
from batch.engine.scope import ScopeRun
from batch.engine.work import Departing, Work, outcome_of, parked_of, seen_of
from batch.flow.admission import Admission
from batch.flow.ticket import Exchange, Pass, Ticket

_log = structlog.get_logger()
# A comparison with the expected key is never older than this, or than two intervals of a slow rate, when its PUT
# leaves.
_FRESH_S = 5.0


class RowWorker:
    """Handles the rows of one scope; whatever happens to a row, it is recorded or still in the queue afterwards."""

    def __init__(
        self, scope: ScopeRun, client: CsmsClient, *, admission: Admission, queue: RowQueue, fail_fast: FailFast
    ) -> None:
        self._scope = scope
        self._client = client
        self._admission = admission
        self._queue = queue
        self._fail_fast = fail_fast

    def may_leave(self, work: Work, ticket: Ticket) -> bool:
        """Whether what is intended for a row is on record, by now at the latest; where it is not, its ticket ends."""
        if self._scope.recorder.on_record(work.row):
            return True
        self._admission.withdraw(ticket)
        self._admission.leave()
        return False

    async def handle(self, work: Work, ticket: Ticket) -> None:
        """Uses a ticket for the next request of a row, and for the PUT that a read of it allows."""
        if ticket.good_for is Pass.READ:
            await self._probe(work, ticket)
            return
        work.started_s = ticket.sent_s if work.started_s is None else work.started_s
        sent_s: float | None = ticket.sent_s
        while sent_s is not None:
            sent_s = await self._exchange(work, ticket, sent_s)

    def park(self, work: Work) -> None:
        """Puts on record how a row stands that is not in flight and stays open: that replaces its intent."""
        self._scope.recorder.park(parked_of(work))
        work.intended = False

    def leave(self, work: Work) -> None:
        """Puts on record that the answers to what is in flight will not be read."""
        if work.sending:
            work.progress = work.progress.doubted()
        self.park(work)

    async def _probe(self, work: Work, ticket: Ticket) -> None:
        """Reads a row's secret only to see whether there is an answer; the row stays unchanged."""
        generation = self._client.credential.generation
        answer = await self._client.show_secret(work.progress.update.secret_name, self._scope.switch)
        if answer is HELD_BACK:
            self._hold_back(work, ticket)
            return
        self._note(ticket, Exchange(sent_s=ticket.sent_s, answer=answer, write=False, row=work.row))
        self._see(work, answer)
        self._queue.give_back(work)
        if isinstance(answer, Fault) and not await self._log_in_again(answer, generation):
            self._scope.stop_over(answer)

    async def _exchange(self, work: Work, ticket: Ticket, sent_s: float) -> float | None:
        """One request and what it means for its row; when the row's PUT may leave, if that is to follow at once."""
        generation, phase = self._client.credential.generation, work.progress.phase
        answer = await self._ask(work)
        if answer is HELD_BACK:
            self._hold_back(work, ticket)
            return None
        # A PUT may have waited for a login or a connection first; a read that did has looked no earlier for it.
        at_s = max(sent_s, work.sent_s) if phase is Phase.WRITE else sent_s
        self._learn(work, ticket, answer, at_s)
        self._see(work, answer)
        if isinstance(answer, Fault):
            _log_fault(work, answer)
        now_s = self._scope.clock.now_s()
        sent = Sent(at_s=at_s, forgives=ticket.forgives, silent=self._admission.silent)
        step = after_answer(work.progress, answer, self._scope.policy, sent, now_s=now_s, rng=self._scope.rng)
        if isinstance(step, Again) and phase is Phase.CHECK and step.progress.phase is Phase.WRITE:
            return await self._followed(work, ticket, step, sent_s)
        if isinstance(step, Again) and phase is Phase.LOOK and (work.chosen or step.progress.phase is Phase.WRITE):
            return await self._looked(work, ticket, unread=isinstance(answer, Fault))
        self._unchoose(work)
        await self._conclude(work, step, at_s, now_s, generation)
        self._watch(work, waits=isinstance(step, Again))
        return None

    def _hold_back(self, work: Work, ticket: Ticket) -> None:
        """A pause began before the request left: the row is first when it is over, and is compared again."""
        self._admission.withdraw(ticket)
        if work.progress.phase is Phase.WRITE:
            work.progress = work.progress.again()
        self._queue.give_back(work)

    def _watch(self, work: Work, *, waits: bool) -> None:
        if work.doubtful and waits:
            self._queue.doubtful.add(work.row)
        else:
            self._queue.doubtful.discard(work.row)

    async def _followed(self, work: Work, ticket: Ticket, step: Again, read_s: float) -> float | None:
        """The read shows the key that the row expects: its PUT leaves next, or the row is read again later."""
        work.leave_by_s = read_s + max(_FRESH_S, 2.0 / self._admission.rate_per_s)
        sent_s = await self._admission.follow(ticket, work.leave_by_s)
        if sent_s is None:
            self._queue.delay(work, self._scope.clock.now_s())
        else:
            work.progress = step.progress
        return sent_s

    async def _looked(self, work: Work, ticket: Ticket, *, unread: bool) -> float | None:
        """What can be known of its key before is known: its PUT leaves next, or as soon as it may."""
        work.progress = work.progress.again()
        sent_s = None if unread else await self._admission.follow(ticket, self._scope.clock.now_s() + _FRESH_S)
        if sent_s is None:
            self._queue.give_back(work)
        return sent_s

    def _see(self, work: Work, answer: Answer) -> None:
        """Puts on record what a read has shown of a row's key before."""
        if (seen := seen_of(work, answer)) is not None:
            self._scope.recorder.see(seen)
            work.unseen = False

    async def _ask(self, work: Work) -> Answer:
        """Sends what the row needs next."""
        update = work.progress.update
        if work.progress.phase is not Phase.WRITE:
            return await self._client.show_secret(update.secret_name, self._scope.switch)
        answer = await self._client.update_secret(update, Departing(work, self._scope.switch, self._scope.clock))
        work.sending = False
        return answer

    def _learn(self, work: Work, ticket: Ticket, answer: Answer, at_s: float) -> None:
        """What an answer says about the service, the scope and the key; a read that the row can do without says only
        the first.
        """
        if work.progress.phase is Phase.LOOK:
            self._note(ticket, Exchange(sent_s=at_s, answer=answer, write=False, row=work.row))
            if isinstance(answer, Fault) and answer.withheld:
                self._admission.withheld(ticket.sent_s)
            return
        write, key = work.progress.phase is Phase.WRITE, work.progress.update.kms_key_id
        since_s = ticket.sent_s if work.started_s is None else work.started_s
        since_s = since_s if work.failed_s is None else work.failed_s
        if isinstance(answer, Fault) and answer.kind in NO_SERVICE and not answer.withheld:
            others = work.failed_s is not None and self._admission.answered_since(work.failed_s, write=write)
            work.unmet(self._scope.clock.now_s(), others_answered=others)
        # Where nothing is left to write, a read that is answered is all there is to say that the service is back.
        telling = write or (ticket.good_for is Pass.TRIAL and self._queue.nothing_to_write)
        self._note(ticket, Exchange(sent_s=at_s, answer=answer, write=telling, row=work.row, own=work.at_fault))
        if isinstance(answer, Fault) and answer.withheld:
            self._admission.withheld(ticket.sent_s)
        elif isinstance(answer, Fault):
            self._suspect(work, answer, since_s, write=write)
        self._unchoose(work)
        if self._fail_fast.note(work.row, key, answer, write=write):
            self._scope.events.key_released(self._scope.opened, key)
            self._queue.release(key)
        if write and not isinstance(answer, Fault):
            self._queue.accept(key, at_s)

    @staticmethod
    def _unchoose(work: Work) -> None:
        """Its answer is there, if anybody waited for it."""
        if work.streak is not None:
            work.streak.heard += 1
            work.streak = None
        work.tries_key = False

    def _note(self, ticket: Ticket, exchange: Exchange) -> None:
        self._scope.events.answered(exchange.answer)
        self._admission.note(ticket, exchange)

    def _suspect(self, work: Work, fault: Fault, since_s: float, *, write: bool) -> None:
        """Before a row is used up, or waits as long as an answer asked: were others answered since it last failed, or
        is the service down?
        """
        waits = write and work.progress.attempts < work.progress.budget
        asked_to_wait = waits and fault.kind is FaultKind.UNAVAILABLE and fault.retry_after_s
        if not work.at_fault and (asked_to_wait or nearly_used_up(work.progress, self._scope.policy)):
            self._admission.suspect(since_s, write=write, rows_left=self._queue.left_to_write())

    async def _conclude(self, work: Work, step: Step, at_s: float, now_s: float, generation: int) -> None:
        match step:
            case Finish() as finish:
                self._scope.end(outcome_of(work, finish, now_s=now_s, clock=self._scope.clock))
            case Again(progress=progress, after_s=after_s, fault=fault):
                work.progress = progress
                work.last_fault = fault or work.last_fault
                self._queue.delay(work, now_s + after_s)
            case Park(progress=progress, fault=fault):
                work.progress, work.last_fault = progress, fault
                # On record as it arrives: a second refusal counts, whichever session meets it.
                self.park(work)
                self._queue.refuse(work, at_s, of_key=fault.kind is FaultKind.KEY)
            case LogIn(progress=progress, fault=fault):
                work.progress, work.last_fault = progress, fault
                if await self._log_in_again(fault, generation):
                    self._queue.delay(work, self._scope.clock.now_s())
                else:
                    self._leave(work, fault)
            case Leave(progress=progress, fault=fault):
                work.progress, work.last_fault = progress, fault
                self._leave(work, fault)

    def _leave(self, work: Work, fault: Fault) -> None:
        self._queue.delay(work, float("inf"))
        self._scope.stop_over(fault)

    async def _log_in_again(self, fault: Fault, generation: int) -> bool:
        """After a refusal of a credential: whether there is another to try with."""
        return fault.kind is FaultKind.CREDENTIAL and await self._client.credential.renew(generation)


def _log_fault(work: Work, fault: Fault) -> None:
    _log.info(
        "row.fault",
        row=work.row,
        phase=work.progress.phase,
        kind=fault.kind,
        code=fault.code,
        http_status=fault.http_status,
        request_id=fault.request_id,
        attempts=work.progress.attempts,
    )
