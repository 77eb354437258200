"""Decides what becomes of a row after each answer: pure functions of what happened, the policy and a random number.

A change that may have been applied puts its row in doubt. A row in doubt never ends as rejected or failed on a later
answer alone: it ends with a read.
"""

from enum import StrEnum
from random import Random
from typing import Self, assert_never

import msgspec

from batch.csms.client import Answer, SecretView, same_key
from batch.csms.faults import OF_THE_MOMENT, PERMANENT, STOPS_SCOPE, Fault, FaultKind
from jobs.model import SecretUpdate, Status

# The wait before a request that never left is tried again: up to two seconds.
_WITHHELD_TRIES = 3
# A row that may have fewer attempts than this has used them up before they say anything about its service.
_TELLING_BUDGET = 3
# A backend may work on a request for a minute after its gateway gave up, whatever timeout the caller has.
LATE_UPDATE_S = 60.0


class Phase(StrEnum):
    """What a row needs next."""

    CHECK = "check"
    """Read it: it is written only if it shows the key the row expects."""
    WRITE = "write"
    """Send the PUT."""
    SETTLE = "settle"
    """Read it: attempts have ended in doubt."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how soon something is tried again; AWS's full jitter, capped before the jitter.

    While other requests are answered a row waits by the short backoff: its own luck is all there is to wait for then,
    and the last unlucky rows would double the time of a run.
    """

    max_attempts: int = 8
    read_tries: int = 5
    """A read changes nothing, so there is no reason to be sparing with it."""
    timeout_s: float = 60.0
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 30.0
    short_base_s: float = 0.25
    short_cap_s: float = 2.0

    @property
    def lands_within_s(self) -> float:
        """How long after its sending a PUT may still be applied."""
        return max(self.timeout_s, LATE_UPDATE_S)


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A row on its way. `attempts` counts its PUTs over all sessions, `spent` those of them that cost it nothing, and
    `budget` is how many it may have at the most; `tries` counts the failed reads of this phase; `write_fault` is what
    the last PUT met; `doubt_fault` what the last one met that may have been applied, and until `lands_until_s` it, or
    one before it, may still be. `refused` says that the service has refused it once.
    """

    update: SecretUpdate
    phase: Phase
    attempts: int = 0
    spent: int = 0
    budget: int = 8
    refused: bool = False
    tries: int = 0
    doubt: bool = False
    lands_until_s: float = 0.0
    doubt_fault: Fault | None = None
    write_fault: Fault | None = None

    def sent(self) -> Self:
        """The same row once its next PUT has left: whether that was applied is open until it is answered."""
        return msgspec.structs.replace(self, attempts=self.attempts + 1)

    def answered(self, fault: Fault, lands_until_s: float) -> Self:
        """The same row once a PUT that may be applied until `lands_until_s`, if at all, has met a fault."""
        after = msgspec.structs.replace(self, write_fault=fault)
        if not fault.maybe_applied:
            return after
        # A PUT of a session before this one may have had more time.
        lands_until_s = max(self.lands_until_s, lands_until_s)
        return msgspec.structs.replace(after, doubt=True, lands_until_s=lands_until_s, doubt_fault=fault)

    @property
    def sending(self) -> Phase:
        """The phase in which its next PUT is sent: one that expects a key is compared with it each time."""
        return Phase.WRITE if self.update.expected_kms_key_id is None else Phase.CHECK

    def again(self) -> Self:
        """The same row once it is to be sent again."""
        return msgspec.structs.replace(self, phase=self.sending, tries=0)

    def settling(self) -> Self:
        """The same row once it is not written any more, and its fate is to be read."""
        return msgspec.structs.replace(self, phase=Phase.SETTLE, tries=0)

    def forgiven(self) -> Self:
        """The same row after a failure that was not its fault: its last PUT counts, but costs it nothing; nor does a
        read that is about to be counted.
        """
        if self.phase is not Phase.WRITE:
            return msgspec.structs.replace(self, tries=self.tries - 1)
        return msgspec.structs.replace(self, spent=self.spent + 1, budget=self.budget + 1)

    def doubted(self) -> Self:
        """The same row once nobody will hear what became of its last PUT."""
        return msgspec.structs.replace(self, doubt=True)


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """The row has ended."""

    status: Status
    fault: Fault | None = None
    view: SecretView | None = None


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """The row goes on with `progress` after a while."""

    progress: Progress
    after_s: float
    fault: Fault | None = None


class Leave(msgspec.Struct, frozen=True, kw_only=True):
    """The row stays open: its scope cannot go on."""

    progress: Progress
    fault: Fault


class Park(msgspec.Struct, frozen=True, kw_only=True):
    """The row was refused for a reason that may be one of the moment: it is asked once more when others were accepted,
    or when nothing else is left.
    """

    progress: Progress
    fault: Fault


class LogIn(msgspec.Struct, frozen=True, kw_only=True):
    """The row goes on with `progress` as soon as there is another login; where there is none, it stays open."""

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


def nearly_used_up(progress: Progress, policy: Policy) -> bool:
    """Whether the next failure may be the row's last."""
    if progress.phase is not Phase.WRITE:
        return progress.tries + 2 >= policy.read_tries
    return progress.budget >= _TELLING_BUDGET and progress.attempts >= progress.budget - 1


def backoff_s(policy: Policy, tries: int, rng: Random, *, silent: bool) -> float:
    """A wait before the next try: anywhere up to a ceiling that doubles with every try already made (1, 2, ...)."""
    base_s, cap_s = (
        (policy.backoff_base_s, policy.backoff_cap_s) if silent else (policy.short_base_s, policy.short_cap_s)
    )
    return rng.uniform(0.0, min(cap_s, base_s * 2.0 ** max(0, tries - 1)))


def after_answer(progress: Progress, answer: Answer, policy: Policy, sent: Sent, *, now_s: float, rng: Random) -> Step:
    """What becomes of a row after the answer, at `now_s`, to what its phase sent."""
    if isinstance(answer, Fault):
        if answer.withheld and answer.kind not in STOPS_SCOPE:
            # It never left: the row is unchanged; whether to continue is for the breaker to decide.
            wait_s = backoff_s(policy, _WITHHELD_TRIES, rng, silent=True)
            return Again(progress=progress, after_s=wait_s, fault=answer)
        if answer.kind in sent.forgives:
            progress = progress.forgiven()
    match progress.phase:
        case Phase.CHECK:
            return _after_check(progress, answer, policy, sent, rng)
        case Phase.WRITE:
            return _after_write(progress, answer, policy, sent, rng)
        case Phase.SETTLE:
            return _after_settle(progress, answer, policy, sent, now_s=now_s, rng=rng)
        case _:
            assert_never(progress.phase)


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
