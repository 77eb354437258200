"""Holds what a run claims against what the service itself recorded: the rules of "nothing lost" as pure functions."""

from tests.oracle.case import Asked, Bounds, Case, Change, Claim, Commit, Reopened, Violation, claims_of
from tests.oracle.rules import RULES, violations

__all__ = [
    "RULES",
    "Asked",
    "Bounds",
    "Case",
    "Change",
    "Claim",
    "Commit",
    "Reopened",
    "Violation",
    "claims_of",
    "violations",
]
