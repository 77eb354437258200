"""What a page says of a summary besides its drawings, in the order in which a reviewer asks."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from jobs.job_facts import JobFacts
from jobs.model import Group, Status
from jobs.options import spelled, word
from jobs.rules import KEY_PATTERN, PROJECT_PATTERN
from reports.moment import clock_text
from reports.page.figures import Figure, bar_figures
from reports.page.over_time import time_figures
from reports.screen.advice import cause_of
from reports.screen.amounts import span
from reports.screen.merged_words import Aspect, merged_words
from reports.screen.request_words import Requests, requests_of, slowed_words
from reports.screen.session_words import (
    before_words,
    end_words,
    held_words,
    old_key_words,
    option_words,
    planned_words,
    who_words,
)
from reports.screen.shard_words import shard_words
from reports.screen.verdict import cause, headline, left_out_words
from reports.screen.wave_words import wave_name
from reports.screen.wording import (
    GROUP_WORDS,
    FileNote,
    Step,
    file_notes,
    next_steps,
    worst_group,
)
from reports.summary.open_rows import ListedRow
from reports.summary.schema import ErrorSummary, FileFacts, ScopeSummary, Summary
from reports.summary.sessions import HeldKeySummary, KeySummary, SessionSummary, WaveSummary

_MOST_REASONS = 20
_MOST_SCOPES = 100
_MOST_KEYS = 20
_MOST_SESSIONS = 50
_MOST_WAVES = 100
_WHOLE = 1000.0
_MINUTE_S = 60
_DEFAULT_PATTERNS = {"key_pattern": KEY_PATTERN, "project_pattern": PROJECT_PATTERN}


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """One of the counts on the first screen; `kind` is its class in the style sheet."""

    kind: str
    name: str
    rows: int
    detail: str


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the bar of all rows, which is a thousand wide."""

    kind: str
    x: float
    width: float


class SessionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One run or resume, and what is said of it in words."""

    session: SessionSummary
    who: str
    options: str
    ended: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a page shows; its texts are printable but may be hostile, so a template has to escape them."""

    verdict: str
    cause: str | None
    tone: str
    when: str
    tiles: tuple[Tile, ...]
    shares: tuple[Share, ...]
    shares_text: str
    steps: tuple[Step, ...]
    errors: tuple[ErrorSummary, ...]
    time_charts: tuple[Figure, ...]
    bar_charts: tuple[Figure, ...]
    open_total: int
    open_note: str
    open_statuses: tuple[str, ...]
    open_codes: tuple[str, ...]
    open_rows: tuple[ListedRow, ...]
    requests: Requests
    stopped: str | None
    held_keys: tuple[tuple[HeldKeySummary, str], ...]
    keys: tuple[tuple[KeySummary, str], ...]
    keys_before: tuple[str, ...]
    shards: tuple[str, ...]
    merged: tuple[Aspect, ...]
    planned: str | None
    sessions: tuple[SessionLine, ...]
    waves: tuple[tuple[WaveSummary, str], ...]
    job: tuple[tuple[str, str], ...]
    scopes: tuple[ScopeSummary, ...]
    fix_without_project: int
    files: tuple[tuple[FileFacts, FileNote], ...]


def page_of(summary: Summary, open_rows: tuple[ListedRow, ...], folder: Path) -> Page:
    """The page of a run whose other files are written; `open_rows` are those of its rows that are not done to list."""
    open_total = summary.by_group.fix_first + summary.by_group.run_again
    return Page(
        verdict=headline(summary),
        cause=cause(summary),
        tone=worst_group(summary).value,
        when=_when(summary),
        tiles=_tiles(summary),
        shares=_shares(summary),
        shares_text=", ".join(f"{rows:,} {GROUP_WORDS[group]}" for group, rows in _groups(summary)),
        steps=next_steps(summary, folder),
        errors=summary.errors[:_MOST_REASONS],
        time_charts=tuple(time_figures(summary)),
        bar_charts=tuple(bar_figures(summary)),
        open_total=open_total,
        open_note=_open_note(open_total, len(open_rows)),
        open_statuses=tuple(sorted({row.status.value for row in open_rows})),
        open_codes=tuple(sorted({row.error_code for row in open_rows if row.error_code})),
        open_rows=open_rows,
        requests=requests_of(summary),
        stopped=summary.stopped and cause_of(summary.stopped),
        held_keys=tuple((key, held_words(key)) for key in summary.held_keys[:_MOST_KEYS]),
        keys=tuple((key, old_key_words(key)) for key in summary.keys[:_MOST_KEYS]),
        keys_before=before_words(summary),
        shards=shard_words(summary),
        merged=merged_words(summary),
        planned=None if summary.plan is None else planned_words(summary.plan),
        sessions=tuple(_session(session, summary.job) for session in summary.sessions[-_MOST_SESSIONS:]),
        waves=tuple((wave, wave_name(wave)) for wave in summary.waves[:_MOST_WAVES]),
        job=tuple(_job(summary.job)),
        scopes=summary.scopes[:_MOST_SCOPES],
        fix_without_project=summary.by_group.fix_first - sum(scope.fix_first for scope in summary.scopes),
        files=tuple(zip(summary.files, file_notes(summary), strict=False)),  # its own note is the last
    )


def _session(session: SessionSummary, job: JobFacts) -> SessionLine:
    return SessionLine(
        session=session, who=who_words(session), options=option_words(session, job), ended=end_words(session)
    )


def duration(seconds: float) -> str:
    """A time span, with tenths below a minute: 12.5 s, 3 min 05 s, 2 h 07 min."""
    return f"{seconds:.1f} s" if seconds < _MINUTE_S else span(round(seconds))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _groups(summary: Summary) -> tuple[tuple[Group, int], ...]:
    return tuple((group, summary.by_group.of(group)) for group in Group)


def _when(summary: Summary) -> str:
    timing = summary.timing
    started, ended = (clock_text(text) if text else "" for text in (timing.started_at, timing.ended_at))
    if started[:10] == ended[:10]:
        ended = ended[11:]
    span = f"{started} to {ended} UTC" if ended else f"Started {started} UTC; no end recorded"
    slowed = slowed_words(summary)
    trouble = f" {_sentence(slowed)}" if slowed else ""
    return f"{span}. {_work(summary)}.{trouble}"


def _work(summary: Summary) -> str:
    """How long all sessions took; that of one that was killed is not known."""
    timing = summary.timing
    again = f" in {timing.sessions} runs and resumes" if timing.sessions > 1 else ""
    known = f"{duration(timing.wall_s)} of work{again}"
    if all(session.ended_at is not None for session in summary.sessions):
        return known
    return f"At least {known}" if timing.wall_s else "How long it worked is not recorded"


def _tiles(summary: Summary) -> tuple[Tile, ...]:
    left_out = "".join(
        f", {count:,} of them {words}" for count, words in left_out_words(summary.left_out, summary.carried)
    )
    tiles = [Tile(kind="all", name="Rows", rows=summary.manifest.rows, detail=f"in the manifest{left_out}")]
    for group, rows in _groups(summary):
        counts = ((status, summary.by_status.of(status)) for status in Status if status.group is group)
        detail = ", ".join(f"{count:,} {status.value.replace('_', ' ')}" for status, count in counts if count) or "none"
        name = GROUP_WORDS[group].capitalize()
        tiles.append(Tile(kind=group.value if rows else "none", name=name, rows=rows, detail=detail))
    return tuple(tiles)


def _shares(summary: Summary) -> tuple[Share, ...]:
    rows = summary.manifest.rows - summary.left_out
    shares: list[Share] = []
    x = 0.0
    for group, count in _groups(summary):
        if count:
            width = round(_WHOLE * count / rows, 2)
            shares.append(Share(kind=group.value, x=round(x, 2), width=width))
            x += width
    return tuple(shares)


def _open_note(total: int, listed: int) -> str:
    if listed == total:
        return f"All {total:,} of them." if total > 1 else "The only one."
    return f"{listed:,} of {total:,}, those with a reason first; outcomes.csv has all of them. Search covers these."


def _job(job: JobFacts) -> Iterator[tuple[str, str]]:
    for field in JobFacts.__struct_fields__:
        value = getattr(job, field)
        if value is not None and value is not False and value != () and _DEFAULT_PATTERNS.get(field) != value:
            yield spelled(field), "yes" if value is True else word(field, value)
