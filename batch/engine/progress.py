"""A row on its way: what it needs next, how often it may be tried, and how long it waits between."""

from enum import StrEnum
from random import Random
from typing import Self

import msgspec

from batch.csms.faults import Fault
from batch.flow.backoff import jittered_s
from jobs.ledger.sessions import LATE_UPDATE_S
from jobs.model import SecretUpdate

# A row that may have fewer attempts than this has used them up before they say anything about its service.
_TELLING_BUDGET = 3


class Phase(StrEnum):
    """What a row needs next."""

    LOOK = "look"
    """Read it, as its key before is not known: whatever that shows but its new key, it is written."""
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
    look_tries: int = 3
    """One that the row can do without."""
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
    `budget` is how many it may have at most; `tries` counts the failed reads of this phase; `write_fault` is what
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

    def looking(self) -> Self:
        """The same row once its key before is to be read."""
        return msgspec.structs.replace(self, phase=Phase.LOOK, tries=0)

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
        """The same row once the answer to its last PUT will not be read."""
        return msgspec.structs.replace(self, doubt=True)


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
    return jittered_s(tries, rng, base_s=base_s, cap_s=cap_s)
