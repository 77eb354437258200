"""The statements of sightings, and how a value becomes a row of a table and comes back."""

import json
from typing import Any

from jobs.ledger import SeenBy
from jobs.model import Scope
from jobs.sightings.values import SeenKey, SeenSecret, SeenVersion, Wanted

PUT_PROJECT = "INSERT OR IGNORE INTO project (endpoint, project_id, region) VALUES (?, ?, ?)"
FIND_PROJECT = "SELECT id FROM project WHERE endpoint = ? AND project_id = ?"
PUT_OWNER = "INSERT OR IGNORE INTO owner VALUES (?, ?, ?)"
PUT_WANTED = "INSERT INTO wanted VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

_COLUMNS = """project, name, kms_key_id, state, pending_deletion, frozen, description, enterprise_project_id,
    auto_rotation, created_s, updated_s, how, missing, trouble, kind, listed, versions, versions_trouble"""
_PUT = f"INSERT INTO secret ({_COLUMNS}) VALUES ({', '.join('?' * 18)})"  # noqa: S608 - its own text
_SHOWN = (
    "kms_key_id state pending_deletion frozen description enterprise_project_id auto_rotation created_s updated_s how"
    " missing trouble kind"
)
_AGAIN = f"""ON CONFLICT DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _SHOWN.split())},
    listed = MAX(listed, excluded.listed),
    versions = versions AND kms_key_id = excluded.kms_key_id AND updated_s IS excluded.updated_s"""
PUT_READ = f"{_PUT} {_AGAIN}"
# What a list shows twice counts as it was shown first.
PUT_LISTED = f"{PUT_READ} WHERE excluded.listed > listed"
PUT_LIST = """INSERT INTO list (project, number, marker, pages, asked, whole) VALUES (?1, ?2, ?3, ?4, 1, ?5)
    ON CONFLICT DO UPDATE SET marker = ?3, pages = ?4, asked = asked + 1, whole = ?5, trouble = NULL"""
FAIL_LIST = """INSERT INTO list (project, number, asked, trouble) VALUES (?1, ?2, 1, ?3)
    ON CONFLICT DO UPDATE SET marker = NULL, pages = 0, asked = asked + 1, whole = 0, trouble = ?3"""
NEXT_LIST = """INSERT INTO list (project, number) SELECT ?1, 1 + COALESCE(MAX(number), 0) FROM list WHERE project = ?1
    RETURNING number"""
PUT_VERSION = "INSERT OR REPLACE INTO version VALUES (?, ?, ?, ?, ?, ?)"
VERSIONS_WHOLE = "UPDATE secret SET versions = 1, versions_trouble = NULL WHERE project = ? AND name = ?"
VERSIONS_TROUBLE = "UPDATE secret SET versions = 0, versions_trouble = ? WHERE project = ? AND name = ?"
PUT_KEY = "INSERT OR REPLACE INTO key VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

FORGET_TROUBLE = (
    "DELETE FROM secret WHERE trouble IS NOT NULL",
    "UPDATE secret SET versions_trouble = NULL WHERE versions_trouble IS NOT NULL",
    "UPDATE list SET trouble = NULL WHERE trouble IS NOT NULL",
    "DELETE FROM key WHERE trouble IS NOT NULL",
    "UPDATE project SET stopped = NULL, reads_trouble = NULL, versions_trouble = NULL",
)

UNREAD = """SELECT DISTINCT w.name FROM wanted w LEFT JOIN secret s ON s.project = w.project AND s.name = w.name
    WHERE w.project = ? AND w.name > ? AND s.name IS NULL ORDER BY w.name LIMIT ?"""
UNVERSIONED = """SELECT name FROM secret WHERE project = ? AND name > ? AND versions = 0 AND versions_trouble IS NULL
    AND missing = 0 AND trouble IS NULL ORDER BY name LIMIT ?"""
VANISHED = """SELECT name FROM secret WHERE project = ? AND how = 'list' AND listed < ? AND name > ?
    ORDER BY name LIMIT ?"""

PROJECTS = """SELECT p.endpoint, p.project_id, p.region, p.account, COALESCE(f.whole, 0),
    (SELECT COALESCE(SUM(asked), 0) FROM list l WHERE l.project = p.id),
    (SELECT trouble FROM list l WHERE l.project = p.id AND trouble IS NOT NULL ORDER BY number LIMIT 1),
    p.reads_trouble, p.versions_trouble, p.stopped
    FROM project p LEFT JOIN list f ON f.project = p.id AND f.number = 1 ORDER BY p.endpoint, p.project_id"""
_PLACE = "p.endpoint, p.project_id, p.region"
SHOWN_COLUMNS = """s.name, s.kms_key_id, s.state, s.pending_deletion, s.frozen, s.description,
    s.enterprise_project_id, s.auto_rotation, s.created_s, s.updated_s, s.how, s.missing, s.trouble, s.kind, s.listed,
    s.versions, s.versions_trouble"""
SECRETS = f"""SELECT {_PLACE}, {SHOWN_COLUMNS} FROM secret s JOIN project p ON p.id = s.project
    ORDER BY p.endpoint, p.project_id, s.name"""  # noqa: S608 - its own text
VERSIONS = f"""SELECT {_PLACE}, v.secret_name, v.version_id, v.kms_key_id, v.stages, v.created_s
    FROM version v JOIN project p ON p.id = v.project
    ORDER BY p.endpoint, p.project_id, v.secret_name, v.created_s, v.version_id"""  # noqa: S608 - the same
KEYS = f"""SELECT {_PLACE}, k.kms_key_id, k.state, k.spec, k.usage, k.alias, k."default", k.trouble, k.kind
    FROM key k JOIN project p ON p.id = k.project
    ORDER BY p.endpoint, p.project_id, k.kms_key_id"""  # noqa: S608 - the same
MATCHED = f"""SELECT w.row, p.endpoint, p.project_id, p.region, w.name, w.kms_key_id, w.expected_kms_key_id,
    w.project_id, w.region, w.note, {SHOWN_COLUMNS} FROM wanted w LEFT JOIN project p ON p.id = w.project
    LEFT JOIN secret s ON s.project = w.project AND s.name = w.name ORDER BY w.row"""  # noqa: S608 - the same
UNWANTED = f"""SELECT {_PLACE}, {SHOWN_COLUMNS} FROM secret s JOIN project p ON p.id = s.project
    WHERE NOT EXISTS (SELECT 1 FROM wanted w WHERE w.project = s.project AND w.name = s.name)
    ORDER BY p.endpoint, p.project_id, s.name"""  # noqa: S608 - the same


def wanted_values(one: Wanted, project: int | None) -> tuple[object, ...]:
    """As `PUT_WANTED` takes it."""
    return (
        one.row,
        project,
        one.name,
        one.kms_key_id,
        one.expected_kms_key_id,
        one.project_id,
        one.region,
        one.note,
    )


def secret_values(project: int | None, one: SeenSecret, *, listed: int) -> tuple[object, ...]:
    """As `PUT_LISTED` and `PUT_READ` take it."""
    return (
        project,
        one.name,
        one.kms_key_id,
        one.state,
        one.pending_deletion,
        one.frozen,
        one.description,
        one.enterprise_project_id,
        one.auto_rotation,
        one.created_s,
        one.updated_s,
        one.how.value,
        one.missing,
        one.trouble,
        one.kind,
        listed,
        0,
        None,
    )


def version_values(project: int | None, one: SeenVersion) -> tuple[object, ...]:
    """As `PUT_VERSION` takes it."""
    return (project, one.secret_name, one.version_id, one.kms_key_id, json.dumps(one.stages), one.created_s)


def key_values(project: int | None, one: SeenKey) -> tuple[object, ...]:
    """As `PUT_KEY` takes it."""
    return (
        project,
        one.kms_key_id,
        one.state,
        one.spec,
        one.usage,
        one.alias,
        one.default,
        one.trouble,
        one.kind,
    )


def place(endpoint: str, project_id: str, region: str | None) -> Scope:
    """A project in the form that is stored."""
    return Scope(endpoint=endpoint, project_id=project_id, region=region)


def secret_of(project: Scope, values: tuple[Any, ...]) -> SeenSecret:
    """A secret as `SHOWN_COLUMNS` have it."""
    fields = dict(zip(SeenSecret.__struct_fields__[1:], values, strict=True))
    rotation = fields["auto_rotation"]
    return SeenSecret(
        project=project,
        **fields
        | {
            "how": SeenBy(fields["how"]),
            "pending_deletion": bool(fields["pending_deletion"]),
            "frozen": bool(fields["frozen"]),
            "auto_rotation": None if rotation is None else bool(rotation),
            "missing": bool(fields["missing"]),
            "versions": bool(fields["versions"]),
        },
    )
