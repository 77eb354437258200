"""Draws how a run went over time: what its requests came to, and how long answers took."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from reports.moment import clock_text, utc_seconds
from reports.page.charts import Line, Tick, time_chart
from reports.page.figures import Figure, Key
from reports.screen.request_words import part_words, requests_of
from reports.summary.schema import Summary
from reports.summary.sketch import Percentiles
from reports.summary.timeline import Interval

_DRAWN_UP_TO = 5.0
"""An allowed rate that is further above what was reached would press everything else flat."""
_WHOLE = 0.5
_TICKS = 4
_DAY_S = 86_400.0


class _Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One place on the axis of time: an interval and how much of it the run lasted, or None for a pause."""

    interval: Interval | None
    lasted_s: float = 0.0


class _Series(msgspec.Struct, frozen=True, kw_only=True):
    """Values a second, one for each slot; `kind` is their class in the style sheet."""

    kind: str
    name: str
    values: tuple[float | None, ...]

    @property
    def top(self) -> float:
        """The highest."""
        return max((value for value in self.values if value is not None), default=0.0)


def time_figures(summary: Summary) -> Iterator[Figure]:
    """Requests and answer times; nothing of a run that was over within one interval."""
    slots = tuple(_slots(summary))
    if sum(slot.interval is not None for slot in slots) > 1:
        counted = requests_of(summary).sent
        yield _requests(summary, slots) if counted else _rows(summary, slots)
        if any(slot.interval and slot.interval.p50_ms is not None for slot in slots):
            yield _answers(summary, slots)


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


def _requests(summary: Summary, slots: Sequence[_Slot]) -> Figure:
    """Where failures and refusals are counted as they came: what part of the requests they are at each moment."""
    length_s = summary.over_time.interval_s
    series = [
        _Series(kind="requests", name="requests sent", values=_per_s(slots, length_s, lambda i: i.requests)),
        _Series(kind="done", name="rows finished", values=_per_s(slots, length_s, lambda i: i.done + i.not_done)),
        _Series(kind="run_again", name="failed requests", values=_per_s(slots, length_s, lambda i: i.unanswered)),
        _Series(
            kind="fix_first", name="refused for their rate (429)", values=_per_s(slots, length_s, lambda i: i.refused)
        ),
    ]
    series = [one for one in series if one.top or one.kind in {"requests", "done"}]
    allowed = _Series(
        kind="allowed",
        name="allowed",
        values=tuple(slot.interval.allowed_per_s if slot.interval else None for slot in slots),
    )
    drawn = 0 < allowed.top <= max(series[0].top, 1.0) * _DRAWN_UP_TO
    return _figure_of(
        "Requests per second",
        f"Averages over {length_s:g} s. {_allowed_words(allowed, drawn=drawn)}",
        series=[*series, allowed] if drawn else series,
        slots=slots,
        columns=("From", "Rows done", "Rows not done", "Requests", "Failed", "Refused"),
        cells=_counted,
    )


def _rows(summary: Summary, slots: Sequence[_Slot]) -> Figure:
    """Of a run whose release did not count requests."""
    length_s = summary.over_time.interval_s
    series = [
        _Series(kind="done", name="rows finished", values=_per_s(slots, length_s, lambda i: i.done + i.not_done)),
        _Series(kind="run_again", name="repeated PUTs", values=_per_s(slots, length_s, lambda i: i.repeats)),
    ]
    return _figure_of(
        "Rows and repeated PUTs per second",
        f"Averages over {length_s:g} s. A row and its repeats count when it ended: this ledger does not know when each"
        " PUT was refused.",
        series=series,
        slots=slots,
        columns=("From", "Done", "Not done", "Repeated PUTs"),
        cells=lambda i: (i.done, i.not_done, i.repeats),
    )


def _figure_of(
    title: str,
    note: str,
    *,
    series: Sequence[_Series],
    slots: Sequence[_Slot],
    columns: tuple[str, ...],
    cells: Callable[[Interval], tuple[str | int, ...]],
) -> Figure:
    words = f"{note} Highest: {', '.join(f'{one.top:g} {one.name}' for one in series)}."
    lines = [Line(kind=one.kind, values=one.values, filled=one.kind == "done") for one in series]
    return Figure(
        title=title,
        note=note,
        keys=tuple(Key(kind=one.kind, name=one.name) for one in series),
        svg=time_chart(title, words, lines=lines, ticks=_ticks(slots)),
        columns=columns,
        rows=tuple((clock_text(slot.interval.at), *cells(slot.interval)) for slot in slots if slot.interval),
    )


def _per_s(slots: Sequence[_Slot], length_s: float, count: Callable[[Interval], int]) -> tuple[float | None, ...]:
    """A part of an interval at the end of a run says little."""
    return tuple(
        round(count(slot.interval) / slot.lasted_s, 3) if slot.interval and slot.lasted_s >= length_s * _WHOLE else None
        for slot in slots
    )


def _counted(interval: Interval) -> tuple[str | int, ...]:
    parts = (part_words(count, interval.requests) for count in (interval.unanswered, interval.refused))
    return (interval.done, interval.not_done, interval.requests, *parts)


def _allowed_words(allowed: _Series, *, drawn: bool) -> str:
    if not allowed.top:
        return "The rate was not limited."
    if drawn:
        return "The dashed line is what all projects together were allowed to send."
    return f"Up to {allowed.top:g} were allowed: too far above to draw."


def _answers(summary: Summary, slots: Sequence[_Slot]) -> Figure:
    title = "Response times"
    lines = [
        Line(kind="middle", values=tuple(s.interval.p50_ms if s.interval else None for s in slots)),
        Line(kind="high", values=tuple(s.interval.p95_ms if s.interval else None for s in slots)),
        Line(kind="highest", values=tuple(s.interval.p99_ms if s.interval else None for s in slots)),
    ]
    one, every = summary.elapsed_ms.one_attempt, summary.elapsed_ms.all_rows
    note = (
        "Milliseconds from the first request of a row to its answer, for rows that needed one PUT (within 2 %)."
        f" Whole run: {_percentiles(one)}. With repeated rows and their waits: {_percentiles(every)}."
    )
    return Figure(
        title=title,
        note=note,
        keys=(
            Key(kind="middle", name="half of the rows (p50)"),
            Key(kind="high", name="95 % of the rows (p95)"),
            Key(kind="highest", name="99 % of the rows (p99)"),
        ),
        svg=time_chart(title, note, lines=lines, ticks=_ticks(slots)),
        columns=("From", "p50 ms", "p95 ms", "p99 ms"),
        rows=tuple((clock_text(i.at), i.p50_ms, i.p95_ms, i.p99_ms) for i in summary.over_time.intervals),
    )


def _percentiles(found: Percentiles | None) -> str:
    return "not known" if found is None else f"p50 {found.p50:,.0f}, p95 {found.p95:,.0f}, p99 {found.p99:,.0f}"


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
