"""Chooses what a page draws of a summary, says in words what each drawing shows, and gives its figures as a table."""

from collections.abc import Iterator, Sequence

import msgspec

from jobs.model import Group
from jobs.rate import Rate
from reports.moment import utc_seconds
from reports.page.charts import Bar, Line, Tick, bar_chart, time_chart
from reports.screen.wording import GROUP_WORDS
from reports.summary.open_rows import place_name
from reports.summary.schema import ScopeSummary, Summary
from reports.summary.sketch import Percentiles
from reports.summary.tally import MOST_PUTS
from reports.summary.timeline import Interval

MOST_BARS = 8
_DRAWN_UP_TO = 5.0
"""An allowed rate that is further above what was reached would press everything else flat."""
_WHOLE = 0.5
_TICKS = 4
_DAY_S = 86_400.0
_OPEN_KINDS = {group.value: words for group, words in GROUP_WORDS.items() if group is not Group.DONE}


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What a colour stands for."""

    kind: str
    name: str


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A drawing with its legend, and the same as a table; texts may be hostile, `svg` is safe."""

    title: str
    note: str
    keys: tuple[Key, ...]
    svg: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]


class _Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One place on the axis of time: an interval and how much of it the run lasted, or None for a pause."""

    interval: Interval | None
    lasted_s: float = 0.0


def time_figures(summary: Summary) -> Iterator[Figure]:
    """Throughput and answer times; nothing of a run that was over within one interval."""
    slots = tuple(_slots(summary))
    if sum(slot.interval is not None for slot in slots) > 1:
        yield _throughput(summary, slots)
        if any(slot.interval and slot.interval.p50_ms is not None for slot in slots):
            yield _answers(summary, slots)


def bar_figures(summary: Summary) -> Iterator[Figure]:
    """Outcomes by scope, reasons, and PUTs per row, each where there is something to tell."""
    if summary.scopes:
        yield _scopes(summary.scopes)
    if summary.errors:
        yield _codes(summary)
    if summary.attempts:
        yield _puts(summary)


def _slots(summary: Summary) -> Iterator[_Slot]:
    length_s = summary.over_time.interval_s
    ended_s = utc_seconds(summary.timing.ended_at) if summary.timing.ended_at else float("inf")
    due_s = None
    for interval in summary.over_time.intervals:
        at_s = utc_seconds(interval.at)
        if due_s is not None and at_s > due_s + length_s / 2:
            yield _Slot(interval=None)
        due_s = at_s + length_s
        yield _Slot(interval=interval, lasted_s=min(length_s, max(0.0, ended_s - at_s)) or length_s)


def _throughput(summary: Summary, slots: Sequence[_Slot]) -> Figure:
    length_s = summary.over_time.interval_s

    def per_s(slot: _Slot, rows: int) -> float | None:
        whole = slot.lasted_s >= length_s * _WHOLE
        return round(rows / slot.lasted_s, 3) if whole else None

    ended = tuple(per_s(s, s.interval.done + s.interval.not_done) if s.interval else None for s in slots)
    repeats = tuple(per_s(s, s.interval.repeats) if s.interval else None for s in slots)
    lines = [
        Line(kind="done", values=ended, filled=True),
        Line(kind="run_again", values=repeats),
    ]
    keys = [Key(kind="done", name="rows ended"), Key(kind="run_again", name="repeated PUTs")]
    allowed, allowed_words = _allowed(summary, max((value or 0.0 for value in (*ended, *repeats)), default=0.0))
    if allowed is not None:
        lines.append(Line(kind="allowed", values=(allowed,) * len(slots)))
        keys.append(Key(kind="allowed", name="allowed PUTs"))
    note = (
        f"Per second, in steps of {length_s:g} s. A row counts where it ended, and so do its repeats: the ledger knows"
        f" how many PUTs a row took, not the moment at which one was refused. {allowed_words}"
    )
    title = "Rows and repeated PUTs over time"
    most = max((value for value in ended if value is not None), default=0.0)
    words = f"At most {most:g} rows a second ended; {sum(i.repeats for i in summary.over_time.intervals):,} repeats."
    return Figure(
        title=title,
        note=note,
        keys=tuple(keys),
        svg=time_chart(title, words, lines=lines, ticks=_ticks(slots)),
        columns=("From", "Done", "Not done", "Repeated PUTs"),
        rows=tuple((_clock(i.at), i.done, i.not_done, i.repeats) for i in summary.over_time.intervals),
    )


def _allowed(summary: Summary, reached: float) -> tuple[float | None, str]:
    rate = Rate.parse(summary.job.rate)
    if rate.unlimited:
        return None, "The rate was to be found on the way." if rate.auto else "The rate was not limited."
    scopes = max(1, len(summary.scopes))
    together = rate.per_s * scopes
    each = f"{summary.job.rate} in each of {scopes} scopes" if scopes > 1 else summary.job.rate
    drawn = together <= max(reached, 1.0) * _DRAWN_UP_TO
    words = f"Allowed was {each} when the job was loaded{'' if drawn else ', too far above to be drawn'}."
    return (together if drawn else None), words


def _answers(summary: Summary, slots: Sequence[_Slot]) -> Figure:
    title = "Answer times"
    lines = [
        Line(kind="middle", values=tuple(s.interval.p50_ms if s.interval else None for s in slots)),
        Line(kind="high", values=tuple(s.interval.p95_ms if s.interval else None for s in slots)),
        Line(kind="highest", values=tuple(s.interval.p99_ms if s.interval else None for s in slots)),
    ]
    one, every = summary.elapsed_ms.one_attempt, summary.elapsed_ms.all_rows
    note = (
        "Milliseconds from first send to answer of the rows that took one PUT, within 2 %."
        f" Over all of them {_percentiles(one)}; with those that were repeated, waits included, {_percentiles(every)}."
    )
    return Figure(
        title=title,
        note=note,
        keys=(
            Key(kind="middle", name="half are faster (p50)"),
            Key(kind="high", name="95 % (p95)"),
            Key(kind="highest", name="99 % (p99)"),
        ),
        svg=time_chart(title, note, lines=lines, ticks=_ticks(slots)),
        columns=("From", "p50 ms", "p95 ms", "p99 ms"),
        rows=tuple((_clock(i.at), i.p50_ms, i.p95_ms, i.p99_ms) for i in summary.over_time.intervals),
    )


def _scopes(scopes: Sequence[ScopeSummary]) -> Figure:
    title = "Outcomes by scope"
    ordered = sorted(scopes, key=lambda scope: -scope.rows)
    shown = [
        (place_name(scope.region, scope.project_id), (scope.done, scope.fix_first, scope.run_again))
        for scope in ordered[:MOST_BARS]
    ]
    if rest := ordered[MOST_BARS:]:
        sums = (sum(s.done for s in rest), sum(s.fix_first for s in rest), sum(s.run_again for s in rest))
        shown.append((f"{len(rest)} more", sums))
    kinds = tuple(group.value for group in GROUP_WORDS)
    bars = [Bar(label=name, parts=tuple(zip(kinds, rows, strict=True))) for name, rows in shown]
    words = "; ".join(f"{name}: {d:,} done, {f:,} to fix first, {r:,} to run again" for name, (d, f, r) in shown)
    return Figure(
        title=title,
        note="Rows of each region and project.",
        keys=tuple(Key(kind=group.value, name=words) for group, words in GROUP_WORDS.items()),
        svg=bar_chart(title, words, bars=bars),
        columns=("Scope", "Done", "Fix first", "Run again"),
        rows=tuple((name, *rows) for name, rows in shown),
    )


def _codes(summary: Summary) -> Figure:
    title = "Rows not done by code"
    by_code: dict[str, dict[str, int]] = {}
    for error in summary.errors:
        parts = by_code.setdefault(error.error_code or error.status.value, dict.fromkeys(_OPEN_KINDS, 0))
        parts[error.status.group.value] += error.rows
    ordered = sorted(by_code.items(), key=lambda item: -sum(item[1].values()))
    shown = ordered[:MOST_BARS]
    words = "; ".join(f"{code}: {sum(parts.values()):,} rows" for code, parts in shown)
    more = f", the first {len(shown)} of {len(ordered)}" if len(ordered) > len(shown) else ""
    return Figure(
        title=title,
        note=f"By the last error code of a row, or its status where it has none{more}.",
        keys=tuple(Key(kind=kind, name=name) for kind, name in _OPEN_KINDS.items()),
        svg=bar_chart(title, words, bars=[Bar(label=code, parts=tuple(parts.items())) for code, parts in shown]),
        columns=("Code", *(name.capitalize() for name in _OPEN_KINDS.values())),
        rows=tuple((code, *parts.values()) for code, parts in shown),
    )


def _puts(summary: Summary) -> Figure:
    title = "PUTs per row"
    shown = [(_puts_name(count.attempts), count.rows) for count in summary.attempts]
    return Figure(
        title=title,
        note="How many PUTs a row took, over all runs and resumes.",
        keys=(),
        svg=bar_chart(
            title,
            "; ".join(f"{name}: {rows:,} rows" for name, rows in shown),
            bars=[Bar(label=name, parts=(("plain", rows),)) for name, rows in shown],
        ),
        columns=("PUTs", "Rows"),
        rows=tuple(shown),
    )


def _puts_name(puts: int) -> str:
    return "1 PUT" if puts == 1 else f"{puts}{' or more' if puts == MOST_PUTS else ''} PUTs"


def _percentiles(found: Percentiles | None) -> str:
    return "nothing is known" if found is None else f"p50 {found.p50:,.0f}, p95 {found.p95:,.0f}, p99 {found.p99:,.0f}"


def _ticks(slots: Sequence[_Slot]) -> tuple[Tick, ...]:
    known = [place for place, slot in enumerate(slots) if slot.interval is not None]
    chosen = dict.fromkeys(known[round(part * (len(known) - 1) / (_TICKS - 1))] for part in range(_TICKS))
    first, last = slots[known[0]].interval, slots[known[-1]].interval
    long = first is not None and last is not None and utc_seconds(last.at) - utc_seconds(first.at) > _DAY_S
    labels = [(place, slots[place].interval) for place in chosen]
    return tuple(
        Tick(place=place, label=found.at[5:16].replace("T", " ") if long else found.at[11:19])
        for place, found in labels
        if found is not None
    )


def _clock(moment: str) -> str:
    return moment[:19].replace("T", " ")
