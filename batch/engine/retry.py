"""Decides what becomes of a row after each answer: pure functions of what happened, the policy and a random number.

A change that may have been applied puts its row in doubt. A row in doubt never ends as rejected or failed on a later
answer alone: it ends with a read.
"""

from enum import StrEnum
from random import Random
from typing import Self, assert_never

import msgspec

from batch.csms.client import SecretView, same_key
from batch.csms.faults import PERMANENT, STOPS_SCOPE, Fault, FaultKind
from jobs.model import SecretUpdate, Status


class Phase(StrEnum):
    """What a row needs next."""

    CHECK = "check"
    """Read it: it is written only if it shows the key the row expects."""
    WRITE = "write"
    """Send the PUT."""
    SETTLE = "settle"
    """Read it: attempts have ended in doubt."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how soon something is tried again; AWS's full jitter, capped before the jitter."""

    max_attempts: int = 5
    read_tries: int = 5
    """A read changes nothing, so there is no reason to be sparing with it."""
    timeout_s: float = 60.0
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 30.0


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A row on its way. `attempts` counts its PUTs over all sessions, `spent` those of them that cost it nothing, and
    `budget` is how many it may have at the most; `tries` counts the failed reads of this phase; `write_fault` is what
    the last PUT met; `doubt_fault` what the last one met that may have been applied, and until `lands_until_s` it, or
    one before it, may still be.
    """

    update: SecretUpdate
    phase: Phase
    attempts: int = 0
    spent: int = 0
    budget: int = 5
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


Step = Finish | Again | Leave
Answer = SecretView | Fault


def backoff_s(policy: Policy, tries: int, rng: Random) -> float:
    """A wait before the next try: anywhere up to a ceiling that doubles with every try already made (1, 2, ...)."""
    ceiling = min(policy.backoff_cap_s, policy.backoff_base_s * 2.0 ** max(0, tries - 1))
    return rng.uniform(0.0, ceiling)


def after_answer(
    progress: Progress, answer: Answer, policy: Policy, *, sent_s: float, now_s: float, rng: Random
) -> Step:
    """What becomes of a row after the answer, at `now_s`, to what its phase sent at `sent_s`."""
    match progress.phase:
        case Phase.CHECK:
            return _after_check(progress, answer, policy, rng)
        case Phase.WRITE:
            return _after_write(progress, answer, policy, sent_s, rng)
        case Phase.SETTLE:
            return _after_settle(progress, answer, policy, sent_s, now_s, rng)
        case _:
            assert_never(progress.phase)


def _after_check(progress: Progress, answer: Answer, policy: Policy, rng: Random) -> Step:
    if isinstance(answer, Fault):
        if answer.kind in PERMANENT and (not progress.doubt or answer.kind is FaultKind.ABSENT):
            return Finish(status=Status.REJECTED, fault=answer)
        unread = Status.UNKNOWN if progress.doubt else Status.FAILED
        return _read_again(progress, answer, policy, rng, otherwise=unread)
    if same_key(answer.kms_key_id, progress.update.kms_key_id):
        return Finish(status=Status.VERIFIED if progress.doubt else Status.UNCHANGED, view=answer)
    if same_key(answer.kms_key_id, progress.update.expected_kms_key_id or ""):
        return Again(progress=_replace(progress, phase=Phase.WRITE, tries=0), after_s=0.0)
    if progress.doubt:
        # A PUT of an earlier, killed run may have left: "nothing was sent" would be untrue, and it may still land.
        return Again(progress=progress.settling(), after_s=0.0)
    return Finish(status=Status.DRIFTED, view=answer)


def _after_write(progress: Progress, answer: Answer, policy: Policy, sent_s: float, rng: Random) -> Step:
    if isinstance(answer, SecretView):
        return Finish(status=Status.UPDATED, view=answer)
    after = progress.answered(answer, sent_s + policy.timeout_s)
    match answer.kind:
        case FaultKind.CREDENTIAL | FaultKind.SIGNATURE | FaultKind.MISCONFIGURED | FaultKind.INTERNAL:
            return Leave(progress=after if answer.withheld else after.forgiven(), fault=answer)
        case FaultKind.FORBIDDEN | FaultKind.KEY | FaultKind.ABSENT | FaultKind.REJECTED:
            return _settled(after, Status.REJECTED)
        case FaultKind.MISMATCH:
            return _settled(after, Status.FAILED)
        case FaultKind.THROTTLED | FaultKind.UNREACHABLE | FaultKind.UNAVAILABLE | FaultKind.FOREIGN | FaultKind.LOST:
            if after.attempts >= after.budget:
                return _settled(after, Status.FAILED)
            return Again(progress=after, after_s=_pause_s(policy, after.attempts, answer, rng), fault=answer)
        case _:
            assert_never(answer.kind)


def _settled(after: Progress, status: Status) -> Step:
    """Ends a row whose writing has ended, or has it read first where its fate is in doubt."""
    if not after.doubt:
        return Finish(status=status, fault=after.write_fault)
    return Again(progress=after.settling(), after_s=0.0, fault=after.write_fault)


def _after_settle(  # noqa: PLR0917 - the moments have names at every call
    progress: Progress, answer: Answer, policy: Policy, sent_s: float, now_s: float, rng: Random
) -> Step:
    refused = progress.write_fault is not None and progress.write_fault.kind in PERMANENT
    not_applied = Status.REJECTED if refused else Status.FAILED
    if isinstance(answer, Fault):
        if answer.kind is FaultKind.ABSENT:
            return Finish(status=Status.REJECTED, fault=progress.write_fault if refused else answer)
        return _read_again(progress, answer, policy, rng, otherwise=Status.UNKNOWN)
    if same_key(answer.kms_key_id, progress.update.kms_key_id):
        return Finish(status=Status.VERIFIED, view=answer)
    # A gateway that gave up may have a backend that has not: another key counts only once no attempt can still land.
    # The service has looked at the earliest when the read left.
    if sent_s < progress.lands_until_s:
        after_s = max(0.0, progress.lands_until_s - now_s)
        return Again(progress=_replace(progress, tries=0), after_s=after_s, fault=progress.write_fault)
    return Finish(status=not_applied, fault=progress.write_fault, view=answer)


def _read_again(progress: Progress, fault: Fault, policy: Policy, rng: Random, *, otherwise: Status) -> Step:
    if fault.kind in STOPS_SCOPE:
        return Leave(progress=progress, fault=fault)
    tries = progress.tries + 1
    if fault.kind in PERMANENT or tries >= policy.read_tries:
        return Finish(status=otherwise, fault=fault)
    return Again(progress=_replace(progress, tries=tries), after_s=_pause_s(policy, tries, fault, rng), fault=fault)


def _pause_s(policy: Policy, tries: int, fault: Fault, rng: Random) -> float:
    """The backoff, or longer where the answer says so by Retry-After (RFC 9110 10.2.3)."""
    return max(backoff_s(policy, tries, rng), fault.retry_after_s or 0.0)


def _replace(progress: Progress, **changes: object) -> Progress:
    return msgspec.structs.replace(progress, **changes)
