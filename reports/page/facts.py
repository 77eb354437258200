"""What a page says of a summary besides its drawings, in the order in which a reviewer asks."""

from pathlib import Path

import msgspec

from jobs.model import Group, Status
from jobs.rules import KEY_PATTERN, PROJECT_PATTERN
from reports.page.figures import Figure, bar_figures
from reports.page.over_time import time_figures
from reports.page.sessions import MOST_SESSIONS, Fact, SessionLine, request_facts, session_lines
from reports.screen.request_words import slowed_words
from reports.screen.wording import GROUP_WORDS, Step, file_notes, next_steps, verdict
from reports.summary.open_rows import ListedRow
from reports.summary.schema import ErrorSummary, JobFacts, Sample, ScopeSummary, Summary

_MOST_REASONS = 20
_MOST_SCOPES = 100
_MOST_KEYS = 20
_WHOLE = 1000.0
_MINUTE_S, _HOUR_S = 60, 3600
_DEFAULT_PATTERNS = {"key_pattern": KEY_PATTERN, "project_pattern": PROJECT_PATTERN}


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """One of the counts on the first screen; `kind` is its class in the style sheet."""

    kind: str
    name: str
    rows: str
    detail: str


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the bar of all rows, which is a thousand wide."""

    kind: str
    x: float
    width: float


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that are not done for the same reason, the first of them, and some more."""

    kind: str
    rows: str
    status: str
    code: str
    first: Sample | None
    more: tuple[Sample, ...]


class FileLine(msgspec.Struct, frozen=True, kw_only=True):
    """A file beside the page."""

    name: str
    purpose: str
    bytes: str
    sha256: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a page shows; its texts are printable but may be hostile, so whoever draws it has to escape them."""

    verdict: str
    tone: str
    when: str
    tiles: tuple[Tile, ...]
    shares: tuple[Share, ...]
    shares_text: str
    steps: tuple[Step, ...]
    errors: tuple[Reason, ...]
    hidden_errors: int
    time_charts: tuple[Figure, ...]
    bar_charts: tuple[Figure, ...]
    open_total: int
    open_note: str
    open_statuses: tuple[str, ...]
    open_codes: tuple[str, ...]
    open_rows: tuple[ListedRow, ...]
    facts: tuple[Fact, ...]
    sessions: tuple[SessionLine, ...]
    hidden_sessions: int
    job: tuple[Fact, ...]
    scopes: tuple[ScopeSummary, ...]
    hidden_scopes: int
    files: tuple[FileLine, ...]


def page_of(summary: Summary, open_rows: tuple[ListedRow, ...], folder: Path) -> Page:
    """The page of a run whose other files are written; `open_rows` are those of its rows that are not done to list."""
    open_total = summary.manifest.rows - summary.by_group.done
    return Page(
        verdict=_sentence(verdict(summary)),
        tone=_tone(summary),
        when=_when(summary),
        tiles=_tiles(summary),
        shares=_shares(summary),
        shares_text=", ".join(f"{rows:,} {GROUP_WORDS[group]}" for group, rows in _groups(summary)),
        steps=next_steps(summary, folder),
        errors=tuple(map(_reason, summary.errors[:_MOST_REASONS])),
        hidden_errors=max(0, len(summary.errors) - _MOST_REASONS),
        time_charts=tuple(time_figures(summary)),
        bar_charts=tuple(bar_figures(summary)),
        open_total=open_total,
        open_note=_open_note(open_total, len(open_rows)),
        open_statuses=tuple(sorted({row.status.value for row in open_rows})),
        open_codes=tuple(sorted({row.error_code for row in open_rows if row.error_code})),
        open_rows=open_rows,
        facts=_facts(summary),
        sessions=session_lines(summary.sessions),
        hidden_sessions=max(0, len(summary.sessions) - MOST_SESSIONS),
        job=_job(summary.job),
        scopes=summary.scopes[:_MOST_SCOPES],
        hidden_scopes=max(0, len(summary.scopes) - _MOST_SCOPES),
        files=_files(summary),
    )


def duration(seconds: float) -> str:
    """A time span for a person: 12.5 s, 3 min 05 s, 2 h 07 min."""
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02d} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _groups(summary: Summary) -> tuple[tuple[Group, int], ...]:
    groups = summary.by_group
    return ((Group.DONE, groups.done), (Group.FIX_FIRST, groups.fix_first), (Group.RUN_AGAIN, groups.run_again))


def _tone(summary: Summary) -> str:
    groups = summary.by_group
    if groups.run_again:
        return Group.RUN_AGAIN.value
    return Group.FIX_FIRST.value if groups.fix_first else Group.DONE.value


def _when(summary: Summary) -> str:
    timing = summary.timing
    started, ended = (text[:19].replace("T", " ") if text else "" for text in (timing.started_at, timing.ended_at))
    if started[:10] == ended[:10]:
        ended = ended[11:]
    span = f"{started} to {ended} UTC" if ended else f"Started {started} UTC, and its end is not on record"
    again = f" in {timing.sessions} runs and resumes" if timing.sessions > 1 else ""
    slowed = slowed_words(summary)
    trouble = f" {_sentence(slowed)}" if slowed else ""
    return f"{span}. {duration(timing.wall_s)} of work{again}.{trouble}"


def _tiles(summary: Summary) -> tuple[Tile, ...]:
    tiles = [Tile(kind="all", name="Rows", rows=f"{summary.manifest.rows:,}", detail="in the manifest")]
    for group, rows in _groups(summary):
        counts = ((status, summary.by_status.of(status)) for status in Status if status.group is group)
        detail = ", ".join(f"{count:,} {status.value}" for status, count in counts if count) or "none"
        name = GROUP_WORDS[group].capitalize()
        tiles.append(Tile(kind=group.value if rows else "none", name=name, rows=f"{rows:,}", detail=detail))
    return tuple(tiles)


def _shares(summary: Summary) -> tuple[Share, ...]:
    rows = summary.manifest.rows
    shares: list[Share] = []
    x = 0.0
    for group, count in _groups(summary):
        if count:
            width = round(_WHOLE * count / rows, 2)
            shares.append(Share(kind=group.value, x=round(x, 2), width=width))
            x += width
    return tuple(shares)


def _reason(error: ErrorSummary) -> Reason:
    return Reason(
        kind=error.status.group.value,
        rows=f"{error.rows:,}",
        status=error.status.value,
        code=error.error_code,
        first=error.samples[0] if error.samples else None,
        more=error.samples[1:],
    )


def _open_note(total: int, listed: int) -> str:
    if listed == total:
        return f"All {total:,} of them." if total > 1 else "The only one."
    return f"{listed:,} of {total:,}, those with a reason first; outcomes.csv has all of them. Search covers these."


def _facts(summary: Summary) -> tuple[Fact, ...]:
    timing, manifest = summary.timing, summary.manifest
    rate = timing.rows_attempted_per_s
    return (
        Fact(name="Manifest", value=manifest.name),
        Fact(name="SHA-256", value=manifest.sha256),
        Fact(name="Exit code", value=str(summary.exit_code)),
        Fact(name="Stopped", value=summary.stopped or "no"),
        Fact(name="Started", value=timing.started_at or "never"),
        Fact(name="Ended", value=timing.ended_at or "not on record"),
        Fact(name="Runs, resumes", value=str(timing.sessions)),
        Fact(name="Time at work", value=duration(timing.wall_s)),
        Fact(name="Rows sent", value=f"{timing.rows_attempted:,}"),
        *request_facts(summary.sessions),
        *(
            Fact(name="Key held back", value=f"{key.kms_key_id}: {key.reason}")
            for key in summary.held_keys[:_MOST_KEYS]
        ),
        Fact(name="Rows a second", value="not known" if rate is None else f"{rate:,.1f}"),
    )


def _job(job: JobFacts) -> tuple[Fact, ...]:
    facts = []
    for field in JobFacts.__struct_fields__:
        value = getattr(job, field)
        if value is None or value is False or _DEFAULT_PATTERNS.get(field) == value:
            continue
        unit = " s" if field.endswith("_s") else ""
        shown = "yes" if value is True else f"{value:g}" if isinstance(value, float) else str(value)
        facts.append(Fact(name=field.removesuffix("_s").replace("_", "-"), value=f"{shown}{unit}"))
    return tuple(facts)


def _files(summary: Summary) -> tuple[FileLine, ...]:
    purposes = {note.name: note.purpose for note in file_notes(summary)}
    return tuple(
        FileLine(name=facts.name, purpose=purposes[facts.name], bytes=f"{facts.bytes:,}", sha256=facts.sha256)
        for facts in summary.files
    )
