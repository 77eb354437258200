"""Decides what follows where a question was not answered: pure functions of what happened and a random number.

A question that the service itself refuses for good is over. One that met no service is asked again and again while
others are not answered either, which is for the breaker to end; where others were, the question itself is at fault.
"""

from random import Random

import msgspec

from batch.csms.faults import NO_SERVICE, STOPS_SCOPE, Fault, FaultKind
from batch.flow.backoff import jittered_s

MOST_TRIES = 5
_SUSPECTS_AFTER = 4
_SHORT = {"base_s": 0.25, "cap_s": 2.0}
_LONG = {"base_s": 0.5, "cap_s": 30.0}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question on its way: `tries` failed that were its own fault, and `unmet` ones that may have been anybody's.
    It was first asked, or last failed, at `since_s`.
    """

    number: int
    since_s: float
    tries: int = 0
    unmet: int = 0


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What is known besides the fault. The question was `free` where it tried, for the good of all, whether the service
    is back; others were `answered` since it last failed. `silent` says that the service answers no request.
    """

    free: bool = False
    answered: bool = False
    silent: bool = False


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """It is asked again after a while; with `suspect` the service may be down."""

    question: Question
    after_s: float
    suspect: bool = False


class Give(msgspec.Struct, frozen=True):
    """The fault is the answer."""


class LogIn(msgspec.Struct, frozen=True):
    """It is asked again as soon as there is another login."""


class Stop(msgspec.Struct, frozen=True):
    """Every further question to this project would be answered so."""


Verdict = Again | Give | LogIn | Stop


def after_fault(
    question: Question, fault: Fault, heard: Heard, rng: Random, *, bears: frozenset[FaultKind] = frozenset()
) -> Verdict:
    """What follows after a fault; those of a kind that it `bears` stop nothing but the question."""
    if fault.kind in bears:
        return Give()
    if fault.kind is FaultKind.CREDENTIAL:
        return LogIn()
    if fault.kind in STOPS_SCOPE:
        return Stop()
    if fault.withheld or heard.free or fault.kind is FaultKind.THROTTLED:
        # When the next may leave is for gate and breaker to say, and when to give up as well.
        return Again(question=question, after_s=_wait_s(1, fault, heard, rng))
    if fault.kind is FaultKind.MISMATCH or (fault.kind in NO_SERVICE and heard.answered):
        tried = msgspec.structs.replace(question, tries=question.tries + 1)
        if tried.tries >= MOST_TRIES:
            return Give()
        return Again(question=tried, after_s=_wait_s(tried.tries, fault, heard, rng))
    if fault.kind in NO_SERVICE:
        unmet = msgspec.structs.replace(question, unmet=question.unmet + 1)
        wait_s = _wait_s(unmet.unmet, fault, heard, rng)
        return Again(question=unmet, after_s=wait_s, suspect=unmet.unmet >= _SUSPECTS_AFTER)
    return Give()


def _wait_s(tries: int, fault: Fault, heard: Heard, rng: Random) -> float:
    backoff = _LONG if heard.silent else _SHORT
    return max(jittered_s(tries, rng, **backoff), fault.retry_after_s or 0.0)
