"""The names of the files in a run directory: whoever writes or reads one takes its name from here."""

MANIFEST = "manifest"
"""The copy of the manifest; this and the two that are cut from it end as its format says."""
RETRY = "retry"
REJECTED = "rejected"

LEDGER = "ledger.db"
RESERVE = "ledger.reserve"
LOCK = "run.lock"
LOG = "run.log"
STATE = "state.json"
OUTCOMES = "outcomes.csv"
PAGE = "report.html"
SUMMARY = "summary.json"
SUMS = "SHA256SUMS"
DONE, ABANDONED = "done", "abandoned"
"""How the folders begin into which the files of an earlier job are moved."""
KEPT_FOLDERS = (f"{DONE}-*", f"{ABANDONED}-*")
