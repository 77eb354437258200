"""Sends what a row needs next, draws the conclusions from the answer, and passes the row on."""

import structlog

from batch.csms.faults import STOPS_SCOPE, Fault, FaultKind
from batch.engine.bulk_read import PAGE_LIMIT, Sweep
from batch.engine.retry import Again, Answer, Finish, Leave, Phase, Policy, Progress, after_answer, backoff_s
from batch.engine.scope import Desk
from batch.engine.work import Work, outcome_of, parked_of
from batch.flow.admission import Pass, Ticket

_log = structlog.get_logger()
# The wait before a request that never left is tried again: up to two seconds.
_WITHHELD_TRIES = 3
# A row that may have fewer attempts than this has used them up before they say anything about its service.
_TELLING_BUDGET = 3


class RowWorker:
    """Handles the rows of one scope; whatever happens to a row, it is recorded or still in the queue afterwards."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @property
    def alone(self) -> bool:
        """Whether no more than one request may be open: a credential that nobody has let in yet may be a wrong one."""
        return not self._desk.client.credential.proven

    async def handle(self, item: Work | Sweep, ticket: Ticket) -> None:
        """Uses a ticket for the next request of a row, or of a sweep over many."""
        if isinstance(item, Sweep):
            await self._list(item, ticket)
        elif ticket.good_for is Pass.READ:
            await self._probe(item, ticket)
        else:
            await self._exchange(item, ticket)

    def park(self, work: Work) -> None:
        """Puts on record how a row stands that is not in flight and stays open."""
        self._desk.recorder.park(parked_of(work))

    def leave(self, item: Work | Sweep) -> None:
        """Puts on record that nobody will hear what became of what is in flight."""
        for work in item.pending.values() if isinstance(item, Sweep) else (item,):
            if work.sending:
                work.progress = work.progress.doubted()
            self.park(work)

    async def _probe(self, work: Work, ticket: Ticket) -> None:
        """Reads a row's secret only to see whether there is an answer; the row stays as it is."""
        generation = self._desk.client.credential.generation
        answer = await self._desk.client.show_secret(work.progress.update.secret_name)
        self._note(ticket, answer)
        self._desk.queue.give_back(work)
        if isinstance(answer, Fault) and not await self._log_in_again(answer, generation):
            self._stop_for(answer)

    async def _list(self, sweep: Sweep, ticket: Ticket) -> None:
        generation = self._desk.client.credential.generation
        page = await self._desk.client.list_secrets(limit=PAGE_LIMIT, marker=sweep.marker)
        if isinstance(page, Fault):
            self._note(ticket, page)
            self._end_sweep(sweep, wait_s=backoff_s(self._desk.policy, 1, self._desk.rng))
            if not await self._log_in_again(page, generation):
                self._stop_for(page)
            return
        self._note(ticket, None)
        for work, view in sweep.take_page(page):
            work.listed = True
            self._conclude(work, view, ticket)
        if sweep.over:
            self._end_sweep(sweep, wait_s=0.0)
        else:
            self._desk.queue.sweeps.append(sweep)

    def _end_sweep(self, sweep: Sweep, *, wait_s: float) -> None:
        """What a list did not show is read one by one."""
        for work in sweep.pending.values():
            work.listed = True
            self._desk.queue.delay(work, self._desk.clock.now_s() + wait_s)

    async def _exchange(self, work: Work, ticket: Ticket) -> None:
        if work.started_s is None:
            work.started_s = ticket.sent_s
        generation = self._desk.client.credential.generation
        # Where nothing is left to write, a read that is answered is all there is to say that the service is back.
        telling = work.progress.phase is Phase.WRITE or (
            ticket.good_for is Pass.TRIAL and self._desk.queue.nothing_to_write
        )
        answer = await self._ask(work)
        self._note(ticket, answer, write=telling)
        self._suspect(work, answer)
        if isinstance(answer, Fault) and answer.kind is FaultKind.CREDENTIAL:
            await self._refused(work, answer, ticket, generation)
        elif isinstance(answer, Fault) and answer.withheld and answer.kind not in STOPS_SCOPE:
            # It never left: the row is where it was, and whether to go on is for the breaker to say, soon.
            self._desk.valve.suspect(ticket.sent_s, self._desk.clock.now_s())
            work.last_fault = answer
            wait_s = backoff_s(self._desk.policy, _WITHHELD_TRIES, self._desk.rng)
            self._desk.queue.delay(work, self._desk.clock.now_s() + wait_s)
        else:
            self._conclude(work, answer, ticket)

    def _suspect(self, work: Work, answer: Answer) -> None:
        """Before a row is used up, or waits for as long as it was told: were others answered since it last failed, or
        is the service down?
        """
        if not isinstance(answer, Fault):
            return
        since_s, work.failed_s = work.failed_s or work.started_s, self._desk.clock.now_s()
        waits = work.progress.phase is Phase.WRITE and work.progress.attempts < work.progress.budget
        told_to_wait = waits and answer.kind is FaultKind.UNAVAILABLE and answer.retry_after_s
        if since_s is not None and (told_to_wait or _nearly_used_up(work.progress, self._desk.policy)):
            self._desk.valve.suspect(since_s, work.failed_s)

    async def _refused(self, work: Work, fault: Fault, ticket: Ticket, generation: int) -> None:
        """A login that was refused costs its row no attempt, whatever comes of the next one."""
        _log_fault(work, fault)
        work.last_fault = fault
        if work.progress.phase is Phase.WRITE and not fault.withheld:
            lands_until_s = max(ticket.sent_s, work.sent_s) + self._desk.policy.timeout_s
            work.progress = work.progress.answered(fault, lands_until_s).forgiven()
        if await self._log_in_again(fault, generation):
            self._desk.queue.delay(work, self._desk.clock.now_s())
        else:
            self._desk.queue.delay(work, float("inf"))
            self._stop_for(fault)

    async def _ask(self, work: Work) -> Answer:
        """Sends what the row needs next. A PUT is an attempt once it is on its way to a connection, and in doubt from
        the moment it may have left until it is answered.
        """
        before, update = work.progress, work.progress.update
        if before.phase is not Phase.WRITE:
            answer = await self._desk.client.show_secret(update.secret_name)
            if before.phase is Phase.CHECK and isinstance(answer, Fault) and answer.kind is FaultKind.FORBIDDEN:
                self._stop_without_rights(answer)
            return answer

        def trying() -> None:
            work.progress, work.intended = before.sent(), False

        def leaving() -> None:
            work.sending, work.sent_s = True, self._desk.clock.now_s()

        answer = await self._desk.client.update_secret(update, trying=trying, leaving=leaving)
        work.sending = False
        if isinstance(answer, Fault) and answer.withheld:
            return answer
        self._note_key(update.kms_key_id, answer)
        self._stop_without_rights(answer)
        return answer

    def _note_key(self, kms_key_id: str, answer: Answer) -> None:
        keys, notices = self._desk.keys, self._desk.notices
        was_held = keys.holds(kms_key_id)
        reason = keys.note(kms_key_id, answer)
        if reason is not None:
            notices.key_held(kms_key_id, reason)
        elif was_held and not keys.holds(kms_key_id):
            notices.key_good(kms_key_id)
            self._desk.queue.release(kms_key_id)

    async def _log_in_again(self, fault: Fault, generation: int) -> bool:
        """After a refusal of a credential: whether there is another to try with."""
        return fault.kind is FaultKind.CREDENTIAL and await self._desk.client.credential.renew(generation)

    def _note(self, ticket: Ticket, answer: Answer | None, *, write: bool = False) -> None:
        if isinstance(answer, Fault):
            self._desk.notices.fault(answer)
        self._desk.valve.note(ticket, answer, self._desk.clock.now_s(), write=write, in_flight=self._desk.in_flight())

    def _stop_without_rights(self, answer: Answer) -> None:
        reason = self._desk.rights.note(answer)
        if reason is not None:
            self._desk.notices.stop(reason)

    def _conclude(self, work: Work, answer: Answer, ticket: Ticket) -> None:
        desk = self._desk
        if isinstance(answer, Fault):
            _log_fault(work, answer)
            if answer.kind in ticket.forgives:
                work.progress = work.progress.forgiven()
        now_s = desk.clock.now_s()
        # A PUT may have waited for a login or a connection first; a read that did has looked no earlier for it.
        sent_s = max(ticket.sent_s, work.sent_s) if work.progress.phase is Phase.WRITE else ticket.sent_s
        match after_answer(work.progress, answer, desk.policy, sent_s=sent_s, now_s=now_s, rng=desk.rng):
            case Finish() as finish:
                outcome = outcome_of(work, finish, now_s=now_s, clock=desk.clock)
                desk.recorder.settle(outcome)
                desk.notices.ended(outcome)
            case Again(progress=progress, after_s=after_s, fault=fault):
                work.progress = progress
                work.last_fault = fault or work.last_fault
                desk.queue.delay(work, now_s + after_s)
            case Leave(progress=progress, fault=fault):
                work.progress = progress
                work.last_fault = fault
                desk.queue.delay(work, float("inf"))
                self._stop_for(fault)

    def _stop_for(self, fault: Fault) -> None:
        if fault.kind is FaultKind.INTERNAL:
            self._desk.notices.defect(f"internal error: {fault.message}")
        elif fault.kind in STOPS_SCOPE:
            self._desk.notices.stop(f"{fault.code}: {fault.message}")


def _nearly_used_up(progress: Progress, policy: Policy) -> bool:
    if progress.phase is not Phase.WRITE:
        return progress.tries + 2 >= policy.read_tries
    return progress.budget >= _TELLING_BUDGET and progress.attempts >= progress.budget - 1


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
