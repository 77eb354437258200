"""Sends what a row needs next, and does with the row what `after_answer` decides."""

import structlog

from batch.csms.client import Answer, CsmsClient
from batch.csms.faults import Fault, FaultKind
from batch.engine.fail_fast import KeyWatch, RightsWatch
from batch.engine.retry import Again, Finish, Leave, LogIn, Phase, Sent, after_answer, nearly_used_up
from batch.engine.row_queue import RowQueue
from batch.engine.scope import ScopeRun
from batch.engine.work import Departing, Work, outcome_of, parked_of
from batch.flow.admission import Admission, Pass, Ticket

_log = structlog.get_logger()


class RowWorker:
    """Handles the rows of one scope; whatever happens to a row, it is recorded or still in the queue afterwards."""

    def __init__(
        self,
        scope: ScopeRun,
        client: CsmsClient,
        *,
        admission: Admission,
        queue: RowQueue,
        keys: KeyWatch,
        rights: RightsWatch,
    ) -> None:
        self._scope = scope
        self._client = client
        self._admission = admission
        self._queue = queue
        self._keys = keys
        self._rights = rights
        self._renewed: int | None = None

    async def handle(self, work: Work, ticket: Ticket) -> None:
        """Uses a ticket for the next request of a row."""
        if ticket.good_for is Pass.READ:
            await self._probe(work, ticket)
            return
        if work.started_s is None:
            work.started_s = ticket.sent_s
        generation = self._client.credential.generation
        answer = await self._ask(work)
        # Where nothing is left to write, a read that is answered is all there is to say that the service is back.
        telling = work.progress.phase is Phase.WRITE or (ticket.good_for is Pass.TRIAL and self._queue.nothing_to_write)
        self._note(ticket, answer, write=telling)
        self._suspect(work, answer)
        await self._conclude(work, answer, ticket, generation)

    def park(self, work: Work) -> None:
        """Puts on record how a row stands that is not in flight and stays open."""
        self._scope.recorder.park(parked_of(work))

    def leave(self, work: Work) -> None:
        """Puts on record that nobody will hear what became of what is in flight."""
        if work.sending:
            work.progress = work.progress.doubted()
        self.park(work)

    async def _probe(self, work: Work, ticket: Ticket) -> None:
        """Reads a row's secret only to see whether there is an answer; the row stays unchanged."""
        generation = self._client.credential.generation
        answer = await self._client.show_secret(work.progress.update.secret_name, self._scope)
        self._note(ticket, answer, write=False)
        self._queue.give_back(work)
        if isinstance(answer, Fault) and not await self._log_in_again(answer, generation):
            self._scope.stop_over(answer)

    async def _ask(self, work: Work) -> Answer:
        """Sends what the row needs next."""
        update = work.progress.update
        if work.progress.phase is not Phase.WRITE:
            answer = await self._client.show_secret(update.secret_name, self._scope)
            if work.progress.phase is Phase.CHECK and isinstance(answer, Fault) and answer.kind is FaultKind.FORBIDDEN:
                self._stop_without_rights(answer)
            return answer
        answer = await self._client.update_secret(update, Departing(work, self._scope.switch, self._scope.clock))
        work.sending = False
        if not (isinstance(answer, Fault) and answer.withheld):
            self._note_key(update.kms_key_id, answer)
            self._stop_without_rights(answer)
        return answer

    def _note(self, ticket: Ticket, answer: Answer, *, write: bool) -> None:
        if isinstance(answer, Fault):
            self._scope.events.answered_otherwise(answer)
        self._admission.note(ticket, answer, write=write)

    def _suspect(self, work: Work, answer: Answer) -> None:
        """Before a row is used up, waits as long as an answer asked, or could not leave: were others answered since it
        last failed, or is the service down?
        """
        if not isinstance(answer, Fault):
            return
        since_s, work.failed_s = work.failed_s or work.started_s, self._scope.clock.now_s()
        waits = work.progress.phase is Phase.WRITE and work.progress.attempts < work.progress.budget
        asked_to_wait = waits and answer.kind is FaultKind.UNAVAILABLE and answer.retry_after_s
        if since_s is not None and (asked_to_wait or nearly_used_up(work.progress, self._scope.policy)):
            self._admission.suspect(since_s)

    def _note_key(self, kms_key_id: str, answer: Answer) -> None:
        was_held = self._keys.holds(kms_key_id)
        reason = self._keys.note(kms_key_id, answer)
        if reason is not None:
            self._scope.events.key_held(self._scope.opened, kms_key_id, reason)
        elif was_held and not self._keys.holds(kms_key_id):
            self._scope.events.key_released(self._scope.opened, kms_key_id)
            self._queue.release(kms_key_id)

    def _stop_without_rights(self, answer: Answer) -> None:
        reason = self._rights.note(answer)
        if reason is not None:
            self._scope.stop_for(reason)

    async def _conclude(self, work: Work, answer: Answer, ticket: Ticket, generation: int) -> None:
        scope, now_s = self._scope, self._scope.clock.now_s()
        if isinstance(answer, Fault):
            _log_fault(work, answer)
        # A PUT may have waited for a login or a connection first; a read that did has looked no earlier for it.
        at_s = max(ticket.sent_s, work.sent_s) if work.progress.phase is Phase.WRITE else ticket.sent_s
        sent = Sent(at_s=at_s, forgives=ticket.forgives)
        match after_answer(work.progress, answer, scope.policy, sent, now_s=now_s, rng=scope.rng):
            case Finish() as finish:
                scope.end(outcome_of(work, finish, now_s=now_s, clock=scope.clock))
            case Again(progress=progress, after_s=after_s, fault=fault):
                work.progress = progress
                work.last_fault = fault or work.last_fault
                if fault is not None and fault.withheld:
                    self._admission.suspect(ticket.sent_s)
                self._queue.delay(work, now_s + after_s)
            case LogIn(progress=progress, fault=fault):
                work.progress, work.last_fault = progress, fault
                if await self._log_in_again(fault, generation):
                    self._queue.delay(work, scope.clock.now_s())
                else:
                    self._leave(work, fault)
            case Leave(progress=progress, fault=fault):
                work.progress, work.last_fault = progress, fault
                self._leave(work, fault)

    def _leave(self, work: Work, fault: Fault) -> None:
        self._queue.delay(work, float("inf"))
        self._scope.stop_over(fault)

    async def _log_in_again(self, fault: Fault, generation: int) -> bool:
        """After a refusal of a credential: whether there is another to try with. One that is new and refused before
        anything was let in with it is the end.
        """
        credential = self._client.credential
        if fault.kind is not FaultKind.CREDENTIAL or (generation == self._renewed and not credential.proven):
            return False
        if not await credential.renew(generation):
            return False
        self._renewed = credential.generation
        return True


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
