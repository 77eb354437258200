"""Decides what becomes of a row after each answer: pure functions of what happened, the policy and a random number.

A change that may have been applied puts its row in doubt. A row in doubt never ends as rejected or failed on a later
answer alone: it ends with a read.
"""

from random import Random
from typing import assert_never

import msgspec

from batch.csms.client import Answer, SecretView, same_key
from batch.csms.faults import OF_THE_MOMENT, PASSING, PERMANENT, STOPS_SCOPE, Fault, FaultKind
from batch.engine.progress import Phase, Policy, Progress, backoff_s
from jobs.model import SecretUpdate, Status

# The wait before a request that never left is tried again: up to two seconds.
_WITHHELD_TRIES = 3


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """The row has ended."""

    status: Status
    fault: Fault | None = None
    view: SecretView | None = None


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """The row continues with `progress` after a while."""

    progress: Progress
    after_s: float
    fault: Fault | None = None


class Leave(msgspec.Struct, frozen=True, kw_only=True):
    """The row stays open: its scope cannot continue."""

    progress: Progress
    fault: Fault


class Park(msgspec.Struct, frozen=True, kw_only=True):
    """The row was refused for a reason that may be one of the moment: it is asked once more when others were accepted,
    or when nothing else is left.
    """

    progress: Progress
    fault: Fault


class LogIn(msgspec.Struct, frozen=True, kw_only=True):
    """The row continues with `progress` as soon as there is another login; where there is none, it stays open."""

    progress: Progress
    fault: Fault


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked: `at_s` is when its first byte may have left; a fault of one of the kinds in `forgives` costs the
    row nothing. `silent` says that the service has not answered others either.
    """

    at_s: float
    forgives: frozenset[FaultKind] = frozenset()
    silent: bool = False


_NOT_FOR_GOOD = frozenset(
    {FaultKind.THROTTLED, FaultKind.UNREACHABLE, FaultKind.UNAVAILABLE, FaultKind.LOST, FaultKind.FOREIGN}
)

Step = Finish | Again | Park | Leave | LogIn


def after_answer(progress: Progress, answer: Answer, policy: Policy, sent: Sent, *, now_s: float, rng: Random) -> Step:
    """What becomes of a row after the answer, at `now_s`, to what its phase sent."""
    if isinstance(answer, Fault):
        if answer.withheld and answer.kind not in STOPS_SCOPE:
            # It never left: the row is unchanged, but for a comparison that is too old by then; whether to continue is
            # for the breaker to decide.
            wait_s = backoff_s(policy, _WITHHELD_TRIES, rng, silent=True)
            unsent = progress.again() if progress.phase is Phase.WRITE else progress
            return Again(progress=unsent, after_s=wait_s, fault=answer)
        if answer.kind in sent.forgives:
            progress = progress.forgiven()
    match progress.phase:
        case Phase.LOOK:
            return _after_look(progress, answer, policy, sent, rng)
        case Phase.CHECK:
            return _after_check(progress, answer, policy, sent, rng)
        case Phase.WRITE:
            return _after_write(progress, answer, policy, sent, rng)
        case Phase.SETTLE:
            return _after_settle(progress, answer, policy, sent, now_s=now_s, rng=rng)
        case _:
            assert_never(progress.phase)


def shows_change(update: SecretUpdate, kms_key_id: str, description: str | None) -> bool:
    """Whether a secret that is shown so has all that its row asks for."""
    return same_key(kms_key_id, update.kms_key_id) and update.description in {None, description}


def _after_look(progress: Progress, answer: Answer, policy: Policy, sent: Sent, rng: Random) -> Step:
    """After a read that is made only to know the key before: where it fails, the row does without."""
    if isinstance(answer, SecretView):
        if shows_change(progress.update, answer.kms_key_id, answer.description):
            return Finish(status=Status.UNCHANGED, view=answer)
        return Again(progress=progress.again(), after_s=0.0)
    if answer.kind is FaultKind.CREDENTIAL:
        return LogIn(progress=progress, fault=answer)
    if answer.kind in STOPS_SCOPE:
        return Leave(progress=progress, fault=answer)
    tries = progress.tries + 1
    if answer.kind in PASSING and tries < policy.look_tries:
        wait_s = _pause_s(policy, tries, answer, rng, silent=sent.silent)
        return Again(progress=_replace(progress, tries=tries), after_s=wait_s, fault=answer)
    return Again(progress=progress.again(), after_s=0.0)


def _after_check(progress: Progress, answer: Answer, policy: Policy, sent: Sent, rng: Random) -> Step:
    if isinstance(answer, Fault):
        unread = Status.UNKNOWN if progress.doubt else Status.FAILED
        if answer.kind in PERMANENT and (not progress.doubt or answer.kind is FaultKind.ABSENT):
            unread = Status.REJECTED
        return _after_unread(progress, answer, policy, sent, rng, otherwise=unread)
    if same_key(answer.kms_key_id, progress.update.kms_key_id):
        return Finish(status=Status.VERIFIED if progress.doubt else Status.UNCHANGED, view=answer)
    if same_key(answer.kms_key_id, progress.update.expected_kms_key_id or ""):
        return Again(progress=_replace(progress, phase=Phase.WRITE, tries=0), after_s=0.0)
    if progress.doubt:
        # A PUT of ours may have been applied before somebody else's: "nothing was applied" may be untrue, or become so.
        return Again(progress=progress.settling(), after_s=0.0)
    return Finish(status=Status.DRIFTED, view=answer)


def _after_write(progress: Progress, answer: Answer, policy: Policy, sent: Sent, rng: Random) -> Step:
    if isinstance(answer, SecretView):
        return Finish(status=Status.UPDATED, view=answer)
    # The service has finished with what it answered itself; nothing of that is applied later.
    late_s = 0.0 if answer.kind is FaultKind.MISMATCH else policy.lands_within_s
    after = progress.answered(answer, sent.at_s + late_s)
    match answer.kind:
        case FaultKind.CREDENTIAL:
            # A login that was refused costs its row no attempt, whatever comes of the next one.
            return LogIn(progress=(progress if answer.withheld else after.forgiven()).again(), fault=answer)
        case FaultKind.SIGNATURE | FaultKind.MISCONFIGURED | FaultKind.INTERNAL:
            return Leave(progress=after if answer.withheld else after.forgiven(), fault=answer)
        case FaultKind.FORBIDDEN | FaultKind.KEY | FaultKind.ABSENT if not progress.refused:
            # Asked once more for nothing: the moment is to blame as long as the row is not.
            return Park(progress=_replace(after.forgiven().again(), refused=True), fault=answer)
        case FaultKind.FORBIDDEN | FaultKind.KEY | FaultKind.ABSENT | FaultKind.REJECTED:
            return _settled(after, Status.REJECTED)
        case FaultKind.MISMATCH:
            return _settled(after, Status.FAILED)
        case FaultKind.THROTTLED | FaultKind.UNREACHABLE | FaultKind.UNAVAILABLE | FaultKind.LOST | FaultKind.FOREIGN:
            if after.attempts >= after.budget:
                return _settled(after, Status.FAILED)
            wait_s = _pause_s(policy, after.attempts - after.spent, answer, rng, silent=sent.silent)
            return Again(progress=after.again(), after_s=wait_s, fault=answer)
        case _:
            assert_never(answer.kind)


def _settled(after: Progress, status: Status) -> Step:
    """Ends a row whose writing has ended, or has it read first where its fate is in doubt."""
    if not after.doubt:
        return Finish(status=status, fault=after.write_fault)
    return Again(progress=after.settling(), after_s=0.0, fault=after.write_fault)


def _after_settle(progress: Progress, answer: Answer, policy: Policy, sent: Sent, *, now_s: float, rng: Random) -> Step:
    fault = progress.write_fault
    refused = fault is not None and fault.kind in PERMANENT
    if isinstance(answer, Fault):
        if answer.kind is FaultKind.ABSENT and refused:
            return Finish(status=Status.REJECTED, fault=fault)
        unread = Status.REJECTED if answer.kind is FaultKind.ABSENT else Status.UNKNOWN
        return _after_unread(progress, answer, policy, sent, rng, otherwise=unread)
    if same_key(answer.kms_key_id, progress.update.kms_key_id):
        return Finish(status=Status.VERIFIED, view=answer)
    # A gateway that gave up may have a backend that has not: another key counts only once no attempt can still land.
    # The service has looked at the earliest when the read left.
    if sent.at_s < progress.lands_until_s:
        after_s = max(0.0, progress.lands_until_s - now_s)
        return Again(progress=_replace(progress, tries=0), after_s=after_s, fault=fault)
    if progress.attempts < progress.budget and (fault is None or fault.kind in _NOT_FOR_GOOD):
        # Certain by now that nothing was applied, and there are attempts left.
        return Again(progress=_replace(progress.again(), doubt=False), after_s=0.0, fault=fault)
    return Finish(status=Status.REJECTED if refused else Status.FAILED, fault=fault, view=answer)


def _after_unread(
    progress: Progress, fault: Fault, policy: Policy, sent: Sent, rng: Random, *, otherwise: Status
) -> Step:
    """After a read that showed nothing; `otherwise` is what the row ends as when it is not repeated any more."""
    if fault.kind is FaultKind.CREDENTIAL:
        return LogIn(progress=progress, fault=fault)
    if fault.kind in STOPS_SCOPE:
        return Leave(progress=progress, fault=fault)
    if fault.kind in OF_THE_MOMENT and not progress.refused:
        return Park(progress=_replace(progress, refused=True), fault=fault)
    tries = progress.tries + 1
    if fault.kind in PERMANENT or tries >= policy.read_tries:
        return Finish(status=otherwise, fault=fault)
    wait_s = _pause_s(policy, tries, fault, rng, silent=sent.silent)
    return Again(progress=_replace(progress, tries=tries), after_s=wait_s, fault=fault)


def _pause_s(policy: Policy, tries: int, fault: Fault, rng: Random, *, silent: bool) -> float:
    """The backoff, or longer where the answer says so by Retry-After (RFC 9110 10.2.3)."""
    return max(backoff_s(policy, tries, rng, silent=silent), fault.retry_after_s or 0.0)


def _replace(progress: Progress, **changes: object) -> Progress:
    return msgspec.structs.replace(progress, **changes)
