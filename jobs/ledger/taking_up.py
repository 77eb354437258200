"""What becomes of the rows when a session begins: what earlier ones left of them is where this one reads it."""

from sqlite3 import Connection

# What has to change is looked up row by row: of the rows that there are, few are concerned.
#
# A row that an earlier session was about to send, and that has not ended, is in doubt.
_KEEP_INTENTS = """UPDATE row SET doubt = 1,
    (attempts, spent) = (SELECT attempts, spent FROM intent i WHERE i.row = row.row)
    WHERE row IN (SELECT row FROM intent WHERE NOT EXISTS (SELECT 1 FROM outcome o WHERE o.row = intent.row))"""
_FAILED = """status IN ('failed', 'unknown')
    AND EXISTS (SELECT 1 FROM row r WHERE r.row = outcome.row AND r.left_out = 0)"""
_REOPEN = f"""UPDATE row SET http_status = NULL, error_code = NULL, error_message = NULL, request_id = NULL,
    (attempts, spent, doubt) = (SELECT attempts, attempts, status = 'unknown' FROM outcome o WHERE o.row = row.row)
    WHERE row IN (SELECT row FROM outcome WHERE {_FAILED})"""  # noqa: S608 - its own text
_REOPENED = f"DELETE FROM outcome WHERE {_FAILED}"  # noqa: S608 - the same
_TRIED = """UPDATE row SET tried = 1 WHERE status IS NULL AND (attempts > 0 OR refused)
    AND row NOT IN (SELECT row FROM outcome)"""


def take_up(write: Connection, *, also_failed: bool) -> None:
    """Gets the rows ready for a session; with `also_failed` those that ended as failed or unknown are open again."""
    write.execute(_KEEP_INTENTS)
    write.execute("DELETE FROM intent")
    if also_failed:
        write.execute(_REOPEN)
        write.execute(_REOPENED)
    write.execute(_TRIED)
