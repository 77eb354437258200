"""The last resort for outcomes that a broken ledger did not take: one JSON line each on standard error."""

import sys
from collections.abc import Iterable

import msgspec

from jobs.model import Outcome


def print_unrecorded(outcomes: Iterable[Outcome]) -> None:
    """Prints them; anyone who reads these lines can still tell how the rows ended."""
    for outcome in outcomes:
        sys.stderr.write(msgspec.json.encode(outcome).decode() + "\n")
    sys.stderr.flush()
