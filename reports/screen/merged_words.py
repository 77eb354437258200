"""How the sessions of a merged run went, all of them at once, and which shards differ from the others, in words."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from jobs.printable import counted
from reports.moment import clock_text
from reports.screen.session_words import end_words, option_words
from reports.summary.schema import Summary
from reports.summary.sessions import SessionSummary

_SHOWN = 3


class Aspect(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is said of all sessions."""

    name: str
    words: str


def merged_words(summary: Summary) -> tuple[Aspect, ...]:
    """What is true of all sessions, and who differs; nothing for a run that was not merged."""
    if not (summary.shards and summary.sessions):
        return ()
    sessions, shards = summary.sessions, len(summary.shards)

    def spread(words_of: Callable[[SessionSummary], str | None]) -> str:
        return "; ".join(_values(sessions, words_of, shards))

    aspects = (
        Aspect(name="Sessions", words=_extent(sessions)),
        Aspect(name="Run by", words=spread(_by)),
        Aspect(name="Hosts", words=_names(one.host for one in sessions)),
        Aspect(name="Login", words=spread(lambda one: one.login)),
        Aspect(name="Release", words=spread(lambda one: one.release)),
        Aspect(name="Options", words=spread(lambda one: option_words(one, summary.job))),
        Aspect(name="Ends", words=spread(end_words)),
    )
    return tuple(one for one in aspects if one.words)


def merged_line(aspects: tuple[Aspect, ...]) -> str:
    """The same on one line, without the name of the first."""
    first, *others = aspects
    return ". ".join([first.words, *(f"{one.name}: {one.words}" for one in others)])


def _extent(sessions: tuple[SessionSummary, ...]) -> str:
    began = clock_text(min(one.started_at for one in sessions))
    ended = max((one.ended_at for one in sessions if one.ended_at is not None), default=None)
    until = "no end recorded" if ended is None else f"the last ended {clock_text(ended)} UTC"
    rows = counted(sum(one.rows_done or 0 for one in sessions), "row")
    return f"{len(sessions):,}; the first began {began}, {until}; {rows} ended"


def _by(session: SessionSummary) -> str | None:
    return None if session.os_user is None else f"{session.command or 'run'} by {session.os_user}"


def _names(found: Iterable[str | None]) -> str:
    names = [name for name in dict.fromkeys(found) if name is not None]
    more = len(names) - _SHOWN
    return ", ".join([*names[:_SHOWN], *((f"{more} more",) if more > 0 else ())])


def _values(
    sessions: tuple[SessionSummary, ...], words_of: Callable[[SessionSummary], str | None], shards: int
) -> Iterator[str]:
    """Yields what most of them have, then what others have, and who these are."""
    groups: dict[str, list[SessionSummary]] = {}
    for one in sessions:
        groups.setdefault(words_of(one) or "not recorded", []).append(one)
    if len(groups) == 1:
        yield from (words for words in groups if words != "not recorded")
        return
    usual, *others = sorted(groups.items(), key=lambda group: -len(group[1]))
    yield f"{usual[0]} ({counted(len(usual[1]), 'session')})"
    for words, having in others[:_SHOWN]:
        yield f"{words} ({_whose(having, shards)})"
    if (more := len(others) - _SHOWN) > 0:
        yield f"{counted(more, 'other')} in summary.json"


def _whose(sessions: list[SessionSummary], shards: int) -> str:
    found = sorted({one.shard for one in sessions if one.shard is not None})
    if not found:
        return counted(len(sessions), "session")
    named = ", ".join(f"{index}/{shards}" for index in found[:_SHOWN])
    more = len(found) - _SHOWN
    return f"shard{'s' if len(found) > 1 else ''} {named}{f' and {more} more' if more > 0 else ''}"
