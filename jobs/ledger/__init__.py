"""The durable table of a run's rows and how each ended: SQLite, one file, one user at a time."""

from jobs.ledger.before import KeysBefore, Seen, SeenBy
from jobs.ledger.entries import Elsewhere, Intent, ListedKey, OpenRow, OpenScope, PaceCell, Parked
from jobs.ledger.journal import Ledger
from jobs.ledger.keys import HELD, HeldKey, KeyCount, KeyCounts, held_words, same_key
from jobs.ledger.loader import Carried, Conflict, Loader
from jobs.ledger.schema import LedgerError
from jobs.ledger.scope_counts import ScopeCount
from jobs.ledger.sessions import Control, SessionRecord, SessionStart
from jobs.ledger.told import ErrorCount, Told
from jobs.ledger.told_row import RowEnd, RowKind, ToldBlock, ToldRow
from jobs.ledger.waves import WaveCount

__all__ = [
    "HELD",
    "Carried",
    "Conflict",
    "Control",
    "Elsewhere",
    "ErrorCount",
    "HeldKey",
    "Intent",
    "KeyCount",
    "KeyCounts",
    "KeysBefore",
    "Ledger",
    "LedgerError",
    "ListedKey",
    "Loader",
    "OpenRow",
    "OpenScope",
    "PaceCell",
    "Parked",
    "RowEnd",
    "RowKind",
    "ScopeCount",
    "Seen",
    "SeenBy",
    "SessionRecord",
    "SessionStart",
    "Told",
    "ToldBlock",
    "ToldRow",
    "WaveCount",
    "held_words",
    "same_key",
]
