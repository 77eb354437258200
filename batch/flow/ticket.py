"""What lets one request leave, and what became of it."""

from enum import Enum

import msgspec

from batch.csms.faults import FaultKind


class Pass(Enum):
    """What a request is for."""

    ROW = "row"
    """Whatever the next row needs."""
    ELSEWHERE = "elsewhere"
    """The same for a row that stands elsewhere in the manifest: are the last ones at fault, or the service?"""
    TRIAL = "trial"
    """One row, alone: its answer decides whether the others may follow."""
    READ = "read"
    """A read of one row's secret, alone and only to see whether there is an answer."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Lets one request leave; a failure of one of the kinds in `forgives` costs its row nothing."""

    sent_s: float
    good_for: Pass
    forgives: frozenset[FaultKind] = frozenset()

    @property
    def alone(self) -> bool:
        """Whether it lets one out to see if there is an answer: that answer decides what follows."""
        return self.good_for is Pass.TRIAL or self.good_for is Pass.READ


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what became of it; an `answer` that is not a `Fault` is one of the service. With `own` its row
    has failed again and again while others were answered: that says nothing about the service.
    """

    sent_s: float
    answer: object
    write: bool
    row: int
    own: bool = False
