"""The tables of a ledger, and what is read of them together."""

VERSION = 6
"""Any change of what follows raises it and adds a step to `upgrade`."""
RELEASE = "release"
"""Under this name `meta` says which release gave the ledger its format."""

# A row is written once, when it is loaded; what is recorded most while a run is going is added to separate tables,
# which costs a third of a change in place.
#
# `row.leader` is an earlier row that asks for the very same: that one is sent, this one shares its outcome.
# `row.attempts` counts every PUT that may have left, over all sessions; `row.spent` those of them that cost it nothing:
# a `--failed` resume forgave them, or the login was refused, or they tried whether an outage was over. `row.doubt` is 1
# where one of them may have been applied. `row.refused` is 1 from a refusal on that may be true of the moment only; a
# second one ends the row. `row.tried` is 1 where an earlier session has sent the row: such rows come last.
# `row.left_out` is 1 for a row that the job does not select, 2 for one beyond its limit, 3 for one that its plan could
# not do, as `row.error_message` says: it is not sent. `row.before_kms_key_id` is what the service showed before our
# first PUT, `row.before_how` says by what, NULL until it is known. `row.wave` is what the row has in the column that
# waves go by. `row.status` is 'invalid' where the row could not be used when it was loaded, and else NULL.
#
# A row in `intent` is in doubt from the commit before its PUT leaves until it is put aside or has an `outcome`: the
# last word on it. What a session leaves in `intent` goes into `row` when the next one begins.
#
# `scope.unlisted` says why the list of its secrets failed. `session.controls` is a JSON list of what was changed while
# it ran. `pace` says in a few hundred rows how the requests of a session were answered.
TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE scope (
    id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, project_id TEXT NOT NULL, region TEXT,
    stopped TEXT, unlisted TEXT, UNIQUE (endpoint, project_id)
) STRICT;
CREATE TABLE held_key (scope INTEGER NOT NULL, kms_key_id TEXT NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (scope, kms_key_id)) STRICT;
CREATE TABLE row (
    row INTEGER PRIMARY KEY, scope INTEGER, secret_name TEXT NOT NULL, kms_key_id TEXT NOT NULL,
    description TEXT, expected_kms_key_id TEXT, region TEXT, project_id TEXT, leader INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0, spent INTEGER NOT NULL DEFAULT 0, doubt INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0, tried INTEGER NOT NULL DEFAULT 0, left_out INTEGER NOT NULL DEFAULT 0,
    before_kms_key_id TEXT, before_how TEXT, wave TEXT,
    status TEXT, http_status INTEGER, error_code TEXT, error_message TEXT, request_id TEXT
) STRICT;
CREATE TABLE intent (row INTEGER PRIMARY KEY, attempts INTEGER NOT NULL, spent INTEGER NOT NULL) STRICT;
CREATE TABLE outcome (
    row INTEGER PRIMARY KEY, status TEXT NOT NULL, attempts INTEGER NOT NULL, http_status INTEGER, error_code TEXT,
    error_message TEXT, request_id TEXT, started_at REAL, finished_at REAL, elapsed_ms REAL
) STRICT;
CREATE TABLE session (
    id INTEGER PRIMARY KEY, started_at REAL NOT NULL, timeout_s REAL NOT NULL,
    ended_at REAL, exit_code INTEGER, stopped TEXT,
    command TEXT, release TEXT, login TEXT, os_user TEXT, host TEXT, changed TEXT, controls TEXT, rows_done INTEGER
) STRICT;
CREATE TABLE pace (
    session INTEGER NOT NULL, at_s REAL NOT NULL, width_s REAL NOT NULL,
    sent INTEGER NOT NULL, refused INTEGER NOT NULL, unanswered INTEGER NOT NULL, code TEXT, allowed_per_s REAL,
    PRIMARY KEY (session, at_s)
) STRICT, WITHOUT ROWID;
"""

# `told`: what is reported of each row. One that is still open was never sent, or sent without an answer on record.
# One that was left out is reported as such whatever else is known of it; a repeat shares that with its leader too.
TOLD_STATUS = """CASE WHEN l.left_out THEN 'not_attempted' ELSE
        COALESCE(l.status, CASE WHEN l.doubt THEN 'unknown' ELSE 'not_attempted' END)
    END"""
TOLD_CODE = "CASE WHEN NOT l.left_out THEN l.error_code END"
TOLD_MESSAGE = """CASE WHEN l.left_out = 3 THEN l.error_message WHEN l.left_out THEN 'not selected'
         WHEN l.status IS NOT NULL OR l.error_message IS NOT NULL THEN l.error_message
         WHEN l.doubt THEN 'sent, and no answer is on record'
         ELSE COALESCE(k.reason, s.stopped, (SELECT stopped FROM session ORDER BY id DESC LIMIT 1))
    END"""
TOLD_FROM = """FROM row r
JOIN stand l ON l.row = COALESCE(r.leader, r.row)
LEFT JOIN scope s ON s.id = r.scope
LEFT JOIN held_key k ON k.scope = r.scope AND k.kms_key_id = l.kms_key_id"""

# `stand`: how each row stands now, whichever table says so; `status` is NULL until it has ended.
VIEWS = f"""
CREATE VIEW stand AS
SELECT r.row AS row, r.scope AS scope, r.secret_name AS secret_name, r.kms_key_id AS kms_key_id,
    r.description AS description, r.expected_kms_key_id AS expected_kms_key_id, r.leader AS leader,
    COALESCE(o.attempts, i.attempts, r.attempts) AS attempts, COALESCE(i.spent, r.spent) AS spent,
    CASE WHEN o.row IS NULL THEN r.doubt OR i.row IS NOT NULL ELSE o.status = 'unknown' END AS doubt,
    r.refused AS refused, r.tried AS tried, r.left_out AS left_out,
    r.before_kms_key_id AS before_kms_key_id, r.before_how AS before_how, r.wave AS wave,
    COALESCE(o.status, r.status) AS status,
    CASE WHEN o.row IS NULL THEN r.http_status ELSE o.http_status END AS http_status,
    CASE WHEN o.row IS NULL THEN r.error_code ELSE o.error_code END AS error_code,
    CASE WHEN o.row IS NULL THEN r.error_message ELSE o.error_message END AS error_message,
    CASE WHEN o.row IS NULL THEN r.request_id ELSE o.request_id END AS request_id,
    o.started_at AS started_at, o.finished_at AS finished_at, o.elapsed_ms AS elapsed_ms
FROM row r LEFT JOIN outcome o ON o.row = r.row LEFT JOIN intent i ON i.row = r.row;

CREATE VIEW told AS
SELECT r.row AS row, r.secret_name AS secret_name, r.kms_key_id AS kms_key_id,
    COALESCE(s.region, r.region, '') AS region, COALESCE(s.project_id, r.project_id, '') AS project_id,
    {TOLD_STATUS} AS status,
    l.http_status AS http_status, {TOLD_CODE} AS error_code,
    {TOLD_MESSAGE} AS error_message,
    l.attempts AS attempts, l.request_id AS request_id,
    l.started_at AS started_at, l.finished_at AS finished_at, l.elapsed_ms AS elapsed_ms,
    l.left_out AS left_out, r.scope AS scope, r.expected_kms_key_id AS expected_kms_key_id,
    l.before_kms_key_id AS before_kms_key_id, r.wave AS wave
{TOLD_FROM};
"""  # noqa: S608 - its own text
