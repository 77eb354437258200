"""How a run went over time: rows, repeats and answer times in intervals whose number is bounded."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from jobs.ledger import PaceCell, SessionRecord
from reports.moment import utc_text
from reports.summary.sketch import Sketch

MAX_INTERVALS = 120
_SHORTEST_S = 1.0
_MAX_KEPT = 4 * MAX_INTERVALS
# A run that ends on a border has no part in the interval after it.
_MOMENT_S = 0.001

End = tuple[float | None, float | None]
"""When a row ended, and how many milliseconds it took; None where that is not known."""


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """What ended from `at` on, for the length of an interval.

    A row counts where it ended. `repeats` are the PUTs those rows took beyond their first, whenever they were sent. The
    percentiles are of the rows that took one PUT, in milliseconds. `requests` counts those that got their answer here,
    of which some were `refused` for their rate and some `unanswered`: the service itself said nothing.
    `allowed_per_s` is what all projects together could send in a second, null where nothing limited it. None of this is
    known of runs of a release that did not count requests.
    """

    at: str
    done: int
    not_done: int
    repeats: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    requests: int = 0
    refused: int = 0
    unanswered: int = 0
    allowed_per_s: float | None = None


class OverTime(msgspec.Struct, frozen=True, kw_only=True):
    """The intervals in order, at most 120, each `interval_s` long; the time between two runs or resumes is left out."""

    interval_s: float
    intervals: tuple[Interval, ...]


class _Cell:
    __slots__ = ("allowed", "answers", "done", "looks", "not_done", "refused", "repeats", "requests", "unanswered")

    def __init__(self) -> None:
        self.done = self.not_done = self.repeats = 0
        self.answers = Sketch()
        self.requests = self.refused = self.unanswered = 0
        self.allowed = 0.0
        """The sum of so many `looks` at the rate that was allowed."""
        self.looks = 0

    def merge(self, other: "_Cell") -> None:
        self.done += other.done
        self.not_done += other.not_done
        self.repeats += other.repeats
        self.answers.merge(other.answers)
        self.requests += other.requests
        self.refused += other.refused
        self.unanswered += other.unanswered
        self.allowed += other.allowed
        self.looks += other.looks


class Timeline:
    """Takes rows in any order; intervals double in length when there are too many. `origin_s` is where one begins."""

    def __init__(self, origin_s: float = 0.0) -> None:
        self._origin_s = origin_s
        self._interval_s = _SHORTEST_S
        self._cells: dict[int, _Cell] = {}
        self._repeated = Sketch()
        self._widest_s = 0.0

    def add(self, ends: Sequence[End], *, puts: int, done: bool) -> None:
        """Counts rows that took so many PUTs each, those of which it is known when they ended."""
        for together in self._of_intervals([end for end in ends if end[0] is not None]):
            # Intervals may be longer by now, but these rows are in one still.
            cell = self._opened(together[0][0] or 0.0)
            if done:
                cell.done += len(together)
            else:
                cell.not_done += len(together)
            if puts > 1:
                cell.repeats += (puts - 1) * len(together)
            if puts and (elapsed_ms := [took_ms for _, took_ms in together if took_ms is not None]):
                (cell.answers if puts == 1 else self._repeated).add(*elapsed_ms)

    def _of_intervals(self, ends: Sequence[End]) -> Iterable[Sequence[End]]:
        if not ends:
            return ()
        moments = [ended_s or 0.0 for ended_s, _ in ends]
        # Rows that stand together in a manifest mostly end together.
        if self._place(min(moments)) == self._place(max(moments)):
            return (ends,)
        found = defaultdict[int, list[End]](list)
        for moment, end in zip(moments, ends, strict=True):
            found[self._place(moment)].append(end)
        return found.values()

    def add_pace(self, started_at: float, pace: PaceCell) -> None:
        """Counts requests of a session that began at `started_at`."""
        self._widest_s = max(self._widest_s, pace.width_s)
        cell = self._opened(started_at + pace.at_s + pace.width_s / 2)
        cell.requests += pace.sent
        cell.refused += pace.refused
        cell.unanswered += pace.unanswered
        cell.allowed += math.inf if pace.allowed_per_s is None else pace.allowed_per_s
        cell.looks += 1

    def one_put(self) -> Sketch:
        """First send to last answer of every row that took one PUT: the service's own time, and a read's before it."""
        merged = Sketch()
        for cell in self._cells.values():
            merged.merge(cell.answers)
        return merged

    def all_puts(self) -> Sketch:
        """The same of every row that was sent, waits between attempts included."""
        merged = self.one_put()
        merged.merge(self._repeated)
        return merged

    def over_time(self, sessions: Sequence[SessionRecord]) -> OverTime:
        """The intervals of these sessions, those in which nothing ended too: silence is news."""
        spans = [(session.started_at, session.ended_at) for session in sessions if session.ended_at is not None]
        worked_s = sum(max(0.0, ended_at - started_at) for started_at, ended_at in spans)
        while worked_s / self._interval_s > MAX_INTERVALS or self._interval_s < self._widest_s:
            self._double()
        while len(places := self._places(spans)) > MAX_INTERVALS:
            self._double()
        return OverTime(interval_s=self._interval_s, intervals=tuple(map(self._interval, sorted(places))))

    def _places(self, spans: Sequence[tuple[float, float]]) -> set[int]:
        places = set(self._cells)
        for started_at, ended_at in spans:
            last_s = max(started_at, ended_at - _MOMENT_S)
            places.update(range(self._place(started_at), self._place(last_s) + 1))
        return places

    def _place(self, moment_s: float) -> int:
        return int((moment_s - self._origin_s) // self._interval_s)

    def _interval(self, place: int) -> Interval:
        cell = self._cells.get(place) or _Cell()
        answers = cell.answers.percentiles()
        return Interval(
            at=utc_text(self._origin_s + place * self._interval_s),
            done=cell.done,
            not_done=cell.not_done,
            repeats=cell.repeats,
            p50_ms=answers.p50 if answers else None,
            p95_ms=answers.p95 if answers else None,
            p99_ms=answers.p99 if answers else None,
            requests=cell.requests,
            refused=cell.refused,
            unanswered=cell.unanswered,
            allowed_per_s=round(cell.allowed / cell.looks, 3) if cell.looks and math.isfinite(cell.allowed) else None,
        )

    def _opened(self, ended_s: float) -> _Cell:
        while len(self._cells) >= _MAX_KEPT and self._place(ended_s) not in self._cells:
            self._double()
        return self._cells.setdefault(self._place(ended_s), _Cell())

    def _double(self) -> None:
        self._interval_s *= 2
        merged: dict[int, _Cell] = {}
        for place, cell in self._cells.items():
            if place // 2 in merged:
                merged[place // 2].merge(cell)
            else:
                merged[place // 2] = cell
        self._cells = merged
