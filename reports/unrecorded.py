"""The last resort for outcomes that a broken ledger did not take: one JSON line each on standard error."""

import contextlib
import sys
from collections.abc import Iterable, Sequence

import msgspec

from jobs.ledger import Ledger, LedgerError
from jobs.model import Outcome, Status


def print_unrecorded(outcomes: Iterable[Outcome]) -> None:
    """Prints them; anyone who reads these lines can still tell how the rows ended."""
    for outcome in outcomes:
        sys.stderr.write(msgspec.json.encode(outcome).decode() + "\n")
    sys.stderr.flush()


def print_lost(ledger: Ledger, unrecorded: Sequence[Outcome]) -> None:
    """Prints what was on record in a ledger whose file is lost: it is open still, and can be read once more. Rows that
    are among the `unrecorded` are left to those.
    """
    known = {outcome.row for outcome in unrecorded}
    with contextlib.suppress(LedgerError):
        told = (row.outcome for row in ledger.told.rows() if row.outcome.row not in known)
        print_unrecorded(outcome for outcome in told if outcome.status is not Status.NOT_ATTEMPTED)
