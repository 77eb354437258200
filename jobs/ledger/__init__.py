"""The durable table of a run's rows and how each ended: SQLite, one file, one user at a time."""

from jobs.ledger.entries import Elsewhere, Intent, OpenRow, OpenScope, PaceCell, Parked
from jobs.ledger.journal import Ledger
from jobs.ledger.loader import Conflict, Loader
from jobs.ledger.schema import LedgerError
from jobs.ledger.told import ErrorCount, HeldKey, ScopeCount, SessionRecord, Told, ToldRow

__all__ = [
    "Conflict",
    "Elsewhere",
    "ErrorCount",
    "HeldKey",
    "Intent",
    "Ledger",
    "LedgerError",
    "Loader",
    "OpenRow",
    "OpenScope",
    "PaceCell",
    "Parked",
    "ScopeCount",
    "SessionRecord",
    "Told",
    "ToldRow",
]
