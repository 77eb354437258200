"""What follows where a question was not answered, as a table."""

from random import Random

import pytest

from batch.csms.faults import Fault, FaultKind
from batch.inventory.patience import MOST_TRIES, Again, Give, Heard, LogIn, Question, Stop, Verdict, after_fault

SILENCE = Heard()
OTHERS_ANSWERED = Heard(answered=True)
TRIAL = Heard(free=True, answered=True)


def fault(kind: FaultKind, *, withheld: bool = False) -> Fault:
    return Fault(kind=kind, code="x", message="y", maybe_applied=False, withheld=withheld)


def question(*, tries: int = 0, unmet: int = 0) -> Question:
    return Question(number=1, since_s=0.0, tries=tries, unmet=unmet)


def told(verdict: Verdict) -> str:
    """In a word: what follows, and for an `Again` whether it was the question's own fault."""
    match verdict:
        case Again(question=Question(tries=tries, unmet=unmet), suspect=suspect):
            return f"again {tries} {unmet}{' suspect' if suspect else ''}"
        case _:
            return type(verdict).__name__


@pytest.mark.parametrize(
    ("kind", "heard", "before", "expected"),
    [
        (FaultKind.FORBIDDEN, SILENCE, question(), "Give"),
        (FaultKind.ABSENT, SILENCE, question(), "Give"),
        (FaultKind.KEY, SILENCE, question(), "Give"),
        (FaultKind.REJECTED, SILENCE, question(), "Give"),
        (FaultKind.CREDENTIAL, SILENCE, question(), "LogIn"),
        (FaultKind.SIGNATURE, SILENCE, question(), "Stop"),
        (FaultKind.MISCONFIGURED, SILENCE, question(), "Stop"),
        (FaultKind.INTERNAL, SILENCE, question(), "Stop"),
        # A refusal for the rate is no fault of a secret, however often it comes.
        (FaultKind.THROTTLED, OTHERS_ANSWERED, question(tries=MOST_TRIES - 1), f"again {MOST_TRIES - 1} 0"),
        # While nothing is answered, it may be the service's: the breaker ends that.
        (FaultKind.UNREACHABLE, SILENCE, question(), "again 0 1"),
        (FaultKind.LOST, SILENCE, question(unmet=2), "again 0 3"),
        (FaultKind.UNAVAILABLE, SILENCE, question(unmet=3), "again 0 4 suspect"),
        (FaultKind.FOREIGN, SILENCE, question(unmet=100), "again 0 101 suspect"),
        # Where others are answered, it is the question's own.
        (FaultKind.UNAVAILABLE, OTHERS_ANSWERED, question(), "again 1 0"),
        (FaultKind.UNAVAILABLE, OTHERS_ANSWERED, question(tries=MOST_TRIES - 1), "Give"),
        (FaultKind.LOST, OTHERS_ANSWERED, question(tries=MOST_TRIES - 1), "Give"),
        (FaultKind.MISMATCH, SILENCE, question(), "again 1 0"),
        (FaultKind.MISMATCH, SILENCE, question(tries=MOST_TRIES - 1), "Give"),
        # A question that tries whether the service is back loses nothing by it.
        (FaultKind.UNAVAILABLE, TRIAL, question(tries=MOST_TRIES - 1), f"again {MOST_TRIES - 1} 0"),
    ],
)
def test_what_follows_depends_on_the_fault_and_on_what_else_was_answered(
    kind: FaultKind, heard: Heard, before: Question, expected: str
) -> None:
    assert told(after_fault(before, fault(kind), heard, Random(1))) == expected


def test_what_never_left_costs_nothing() -> None:
    lost = fault(FaultKind.UNAVAILABLE, withheld=True)
    assert told(after_fault(question(tries=4), lost, OTHERS_ANSWERED, Random(1))) == "again 4 0"


def test_a_question_can_bear_a_refusal_that_stops_others() -> None:
    nowhere = fault(FaultKind.MISCONFIGURED)
    bears = frozenset({FaultKind.MISCONFIGURED})
    assert isinstance(after_fault(question(), nowhere, SILENCE, Random(1), bears=bears), Give)
    assert isinstance(after_fault(question(), nowhere, SILENCE, Random(1)), Stop)
    assert isinstance(after_fault(question(), fault(FaultKind.CREDENTIAL), SILENCE, Random(1), bears=bears), LogIn)
