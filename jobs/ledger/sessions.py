"""The runs and resumes of a ledger as values: how each began, what was changed while it ran, and how it ended."""

from typing import Annotated, Any

import msgspec

from jobs.model import Count, Moment

LATE_UPDATE_S = 60.0
"""A backend may work on a request for a minute after its gateway gave up, whatever timeout the caller has."""


class SessionStart(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a session when it begins: an attempt gets `timeout_s`, and rows that ended as failed or unknown
    are opened again with `also_failed`.

    `command` is the one that was typed, `login` one line of public facts about the credential, and `changed` the
    options in which this session differs from the job, in the words of the command line.
    """

    started_at: float
    timeout_s: float = 60.0
    also_failed: bool = False
    command: str | None = None
    release: str | None = None
    login: str | None = None
    os_user: str | None = None
    host: str | None = None
    changed: str | None = None


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was made while a session ran, in the words of the command line."""

    at: float
    words: str


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run or resume; UTC seconds since 1970. `ended_at` None: it was killed or is still going. What was not kept by
    the release that ran it is None.

    `rows_done` counts the outcomes that it recorded. Of the requests that are on record as `sent`, some were `refused`
    for their rate and some `unanswered`, most of these with `code`.
    """

    id: int
    started_at: Moment
    ended_at: Moment | None
    exit_code: Annotated[int, msgspec.Meta(ge=0, le=255)] | None
    stopped: str | None
    command: str | None = None
    release: str | None = None
    login: str | None = None
    os_user: str | None = None
    host: str | None = None
    changed: str | None = None
    controls: tuple[Control, ...] = ()
    rows_done: Count | None = None
    sent: Count = 0
    refused: Count = 0
    unanswered: Count = 0
    code: str | None = None


# The columns have the names of the fields; `also_failed` is an order, not a fact.
_KEPT = tuple(name for name in SessionStart.__struct_fields__ if name != "also_failed")
_FIELDS = SessionRecord.__struct_fields__
_OWN = _FIELDS[: _FIELDS.index("sent")]

BEGIN = f"INSERT INTO session ({', '.join(_KEPT)}, rows_done) VALUES ({', '.join('?' * len(_KEPT))}, 0)"  # noqa: S608 - our own fields
END = "UPDATE session SET ended_at = ?, exit_code = ?, stopped = ? WHERE id = (SELECT MAX(id) FROM session)"
COUNT = "UPDATE session SET rows_done = rows_done + ? WHERE id = (SELECT MAX(id) FROM session)"
CONTROL = """UPDATE session
    SET controls = json_insert(COALESCE(controls, '[]'), '$[#]', json_object('at', ?, 'words', ?))
    WHERE id = (SELECT MAX(id) FROM session)"""
SESSIONS = f"""SELECT {", ".join(f"s.{name}" for name in _OWN)}, COALESCE(SUM(p.sent), 0),
    COALESCE(SUM(p.refused), 0), COALESCE(SUM(p.unanswered), 0), (SELECT c.code FROM pace c
        WHERE c.session = s.id AND c.code IS NOT NULL GROUP BY c.code ORDER BY SUM(c.unanswered) DESC LIMIT 1)
    FROM session s LEFT JOIN pace p ON p.session = s.id GROUP BY s.id ORDER BY s.id"""  # noqa: S608 - our own fields


def begin_values(start: SessionStart) -> tuple[Any, ...]:
    """What `BEGIN` takes."""
    return tuple(getattr(start, name) for name in _KEPT)


def session_of(values: tuple[Any, ...]) -> SessionRecord:
    """A session as `SESSIONS` finds it.

    Raises:
        msgspec.MsgspecError: it is damaged.
    """
    fields = dict(zip(_FIELDS, values, strict=True))
    fields["controls"] = msgspec.json.decode(fields["controls"] or "[]")
    return msgspec.convert(fields, SessionRecord)
