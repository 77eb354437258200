"""The durable table of a run's rows and how each ended: SQLite, one file, one user at a time."""

from jobs.ledger.journal import Elsewhere, Intent, Ledger, OpenRow, OpenScope, Parked
from jobs.ledger.loader import Conflict, Loader
from jobs.ledger.schema import FILE_NAME, LedgerError
from jobs.ledger.told import ErrorCount, ScopeCount, Session, Standing, StatusCount, Told, ToldRow

__all__ = [
    "FILE_NAME",
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
    "Session",
    "Standing",
    "StatusCount",
    "Told",
    "ToldRow",
]
