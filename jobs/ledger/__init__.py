"""The durable table of a run's rows and how each ended: SQLite, one file, one user at a time."""

from jobs.ledger.journal import Elsewhere, Intent, Ledger, OpenRow, OpenScope, Parked
from jobs.ledger.loader import Conflict, Loader
from jobs.ledger.schema import LedgerError
from jobs.ledger.told import Backlog, ErrorCount, ScopeCount, SessionRecord, Told, ToldRow

__all__ = [
    "Backlog",
    "Conflict",
    "Elsewhere",
    "ErrorCount",
    "Intent",
    "Ledger",
    "LedgerError",
    "Loader",
    "OpenRow",
    "OpenScope",
    "Parked",
    "ScopeCount",
    "SessionRecord",
    "Told",
    "ToldRow",
]
