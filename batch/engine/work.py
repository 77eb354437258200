"""One row on its way through the engine, and the outcome it ends with."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from batch.csms.client import Answer, SecretView
from batch.csms.faults import Fault, bounded
from batch.csms.messages import HeldBackError
from batch.engine.fail_fast import Streak
from batch.engine.progress import Phase, Policy, Progress
from batch.engine.retry import Finish
from batch.flow.switch import Switch
from batch.process.clock import Clock
from jobs.ledger import Intent, OpenRow, Parked, Seen
from jobs.model import Outcome, Status

LONGEST_KEY_ID = 64
# Twice chance, three failures with answers between them: from then on a row is at fault itself.
_OWN_FAILURES = 2


@dataclass(slots=True, kw_only=True)
class Work:
    """A row that is being worked on. `intended` says that its next PUT is on record but has not left yet, `sending`
    that it has left and is not answered.
    """

    row: int
    progress: Progress
    intended: bool = False
    sending: bool = False
    unseen: bool = False
    """Its key before is not known, and can be until its first PUT leaves."""
    streak: Streak | None = None
    """For which it was chosen, as it stands elsewhere in the manifest."""
    tries_key: bool = False
    """It is sent although its key is held, to see whether that is still right."""
    started_s: float | None = None
    sent_s: float = 0.0
    """When the first byte of its last PUT may have left."""
    leave_by_s: float = math.inf
    """When what was read of it will be too old to write it."""
    failed_s: float | None = None
    """When its request last met no service."""
    own: int = 0
    """How often it met none though others had been answered since the time before."""
    last_fault: Fault | None = None

    @property
    def needs_intent(self) -> bool:
        """Whether something must be on record before this row's next request leaves: a read that allows it is followed
        by its PUT at once.
        """
        return self.progress.phase is not Phase.SETTLE and not self.intended

    @property
    def unsent(self) -> bool:
        """Whether no session has sent anything for it, and it was not chosen for anything yet."""
        progress = self.progress
        return not (progress.attempts or progress.doubt or progress.refused or self.streak or self.tries_key)

    @property
    def chosen(self) -> bool:
        """Whether its answer is waited for, to see what is true of others."""
        return self.streak is not None or self.tries_key

    @property
    def doubtful(self) -> bool:
        """Whether its failures may be its own, and it is still to be written."""
        return self.own > 0 and self.progress.phase is not Phase.SETTLE

    @property
    def at_fault(self) -> bool:
        """Whether its failures say nothing about the service any more."""
        return self.own >= _OWN_FAILURES

    def unmet(self, now_s: float, *, others_answered: bool) -> None:
        """Its request met no service, while others were answered or not since the last time it did."""
        self.own += self.failed_s is not None and others_answered
        self.failed_s = now_s


def last_unsent(ready: deque[Work], fits: Callable[[str], bool]) -> Work | None:
    """Takes the last row out of `ready` for which nothing was sent yet and whose key fits; None where there is none."""
    for at in reversed(range(len(ready))):
        work = ready[at]
        if work.unsent and fits(work.progress.update.kms_key_id):
            del ready[at]
            return work
    return None


class Departing:
    """The departure of a row's PUT: an attempt once it is on its way to a connection, and in doubt from the moment it
    may have left until it is answered.
    """

    def __init__(self, work: Work, switch: Switch, clock: Clock) -> None:
        self._work = work
        self._before = work.progress
        self._switch = switch
        self._clock = clock

    def may_leave(self) -> bool:
        """As `Departure`."""
        if self._switch.holds_back():
            raise HeldBackError
        if self._switch.stopped or self._clock.now_s() > self._work.leave_by_s:
            return False
        self._work.progress = self._work.progress.sent()
        self._work.intended = False
        return True

    def leaving(self) -> None:
        """As `Departure`."""
        if self._switch.holds_back():
            self._work.progress, self._work.intended = self._before, True
            raise HeldBackError
        self._work.sending = True
        self._work.sent_s = self._clock.now_s()


def begin(open_row: OpenRow, policy: Policy, old_land_until_s: float, *, looks: bool = False) -> Work:
    """Takes a row up. Where an earlier session left it in doubt, that PUT may be applied until `old_land_until_s`. With
    `looks` it is read first where its key before is not known.
    """
    used = open_row.attempts - open_row.spent
    budget = open_row.attempts + max(1, policy.max_attempts - used)
    progress = Progress(
        update=open_row.update,
        phase=Phase.WRITE,
        attempts=open_row.attempts,
        spent=open_row.spent,
        budget=budget,
        doubt=open_row.doubt,
        refused=open_row.refused,
        lands_until_s=old_land_until_s if open_row.doubt else 0.0,
    )
    progress = progress.again()
    if looks and open_row.unseen and progress.phase is Phase.WRITE:
        progress = progress.looking()
    return Work(row=open_row.row, progress=progress, unseen=open_row.unseen)


def intent_of(work: Work) -> Intent:
    """What is put on record before the row's next PUT leaves."""
    return Intent(row=work.row, attempts=work.progress.attempts + 1, spent=work.progress.spent)


def seen_of(work: Work, answer: Answer) -> Seen | None:
    """What a read has shown of the row's key before; None where it is known, cannot be any more, or was not shown."""
    progress = work.progress
    if not work.unseen or progress.attempts or progress.doubt or isinstance(answer, Fault):
        return None
    return Seen(row=work.row, kms_key_id=bounded(answer.kms_key_id, LONGEST_KEY_ID), intended=work.intended)


def parked_of(work: Work) -> Parked:
    """What is put on record of a row that stays open: where it is in doubt, what the PUT met that put it there."""
    fault = (work.progress.doubt_fault if work.progress.doubt else None) or work.last_fault
    return Parked(
        row=work.row,
        attempts=work.progress.attempts,
        spent=work.progress.spent,
        doubt=work.progress.doubt,
        refused=work.progress.refused,
        http_status=None if fault is None else fault.http_status,
        error_code=None if fault is None else fault.code,
        error_message=None if fault is None else fault.message,
        request_id=None if fault is None else fault.request_id,
    )


def outcome_of(work: Work, finish: Finish, *, now_s: float, clock: Clock) -> Outcome:
    """The row's outcome, for good."""
    code, message = _said(work, finish)
    source = finish.fault or finish.view
    started_s = now_s if work.started_s is None else work.started_s
    return Outcome(
        row=work.row,
        status=finish.status,
        attempts=work.progress.attempts,
        http_status=None if source is None else source.http_status,
        error_code=code,
        error_message=message,
        request_id=None if source is None else source.request_id,
        started_at=clock.utc_s(started_s),
        finished_at=clock.utc_s(now_s),
        elapsed_ms=round((now_s - started_s) * 1000.0, 3),
    )


def _said(work: Work, finish: Finish) -> tuple[str | None, str | None]:
    fault, view = finish.fault, finish.view
    if finish.status is Status.DRIFTED and view is not None:
        expected = work.progress.update.expected_kms_key_id
        return "drifted", f"the service shows the key {_key(view)}, the row expects {expected}"
    if finish.status in {Status.UPDATED, Status.VERIFIED, Status.UNCHANGED}:
        return None, None
    if fault is None:
        return "not_applied", None if view is None else f"a read shows the key {_key(view)}"
    if view is None:
        return fault.code, fault.message
    return fault.code, f"{fault.message}; a read shows the key {_key(view)}"


def _key(view: SecretView) -> str:
    """The key id as it may be kept: from a server that is not what it seems it can be anything."""
    return bounded(view.kms_key_id, LONGEST_KEY_ID) or "(none)"
