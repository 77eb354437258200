"""What a page says of each run and resume, and of the requests of all of them."""

from collections.abc import Iterator, Sequence

import msgspec

from reports.screen.request_words import part_words
from reports.summary.sessions import SessionSummary

MOST_SESSIONS = 50


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A name and what there is to say about it."""

    name: str
    value: str


class SessionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One run or resume."""

    started: str
    ended: str
    exit_code: str
    requests: str
    failed: str
    refused: str
    stopped: str


def session_lines(sessions: Sequence[SessionSummary]) -> tuple[SessionLine, ...]:
    """The last of them; nothing where there was only one, which the page tells of anyway."""
    return tuple(map(_line, sessions[-MOST_SESSIONS:])) if len(sessions) > 1 else ()


def request_facts(sessions: Sequence[SessionSummary]) -> Iterator[Fact]:
    """Yields nothing of a run whose release did not count requests."""
    sent, failed, refused = (
        sum(getattr(session, name) for session in sessions) for name in ("requests", "unanswered", "refused")
    )
    if sent:
        yield Fact(name="Requests", value=f"{sent:,}")
        yield Fact(name="Failed", value=part_words(failed, sent))
        yield Fact(name="Refused, rate", value=part_words(refused, sent))


def _line(session: SessionSummary) -> SessionLine:
    return SessionLine(
        started=session.started_at[:19].replace("T", " "),
        ended=(session.ended_at or "not on record")[:19].replace("T", " "),
        exit_code="" if session.exit_code is None else str(session.exit_code),
        requests=f"{session.requests:,}",
        failed=part_words(session.unanswered, session.requests),
        refused=part_words(session.refused, session.requests),
        stopped=session.stopped or "",
    )
