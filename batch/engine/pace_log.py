"""Counts over time how the requests of a session are answered, in a bounded number of cells however long it takes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from batch.csms.faults import NO_SERVICE, Fault, FaultKind
from jobs.ledger import PaceCell

MOST_CELLS = 240
_SHORTEST_S = 1.0
_KEPT_EVERY_S = 10.0
_MOST_CODES = 20
"""In one cell; codes are the service's text, so there is no end to them."""


@dataclass(slots=True)
class _Cell:
    """`allowed` is the sum of `looks` at the rate that was allowed."""

    allowed: float
    looks: int = 1
    sent: int = 0
    refused: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def merge(self, other: "_Cell") -> None:
        self.allowed += other.allowed
        self.looks += other.looks
        self.sent += other.sent
        self.refused += other.refused
        for code, requests in other.codes.items():
            self.add(code, requests)

    def add(self, code: str, requests: int = 1) -> None:
        """Codes beyond the most there may be count as the commonest."""
        full = code not in self.codes and len(self.codes) >= _MOST_CODES
        self.codes[self.codes.most_common(1)[0][0] if full else code] += requests


class PaceLog:
    """Counts an answer when it arrives. Cells double in width when there are too many; `clean` takes credentials out
    of what the service says. Time is an argument, in seconds.
    """

    def __init__(self, begun_s: float, clean: Callable[[str], str]) -> None:
        self._begun_s = begun_s
        self._clean = clean
        self._width_s = _SHORTEST_S
        self._cells: dict[int, _Cell] = {}
        self._due_s = begun_s + _KEPT_EVERY_S

    def note(self, now_s: float, fault: Fault | None, allowed_per_s: Callable[[], float]) -> bool:
        """One more answer; whether it is time to put on record what there is."""
        if fault is None or not fault.withheld:
            cell = self._cell(now_s, allowed_per_s)
            cell.sent += 1
            cell.refused += fault is not None and fault.kind is FaultKind.THROTTLED
            if fault is not None and fault.kind in NO_SERVICE:
                cell.add(self._clean(fault.brief))
        due = now_s >= self._due_s
        if due:
            self._due_s = now_s + _KEPT_EVERY_S
        return due

    def cells(self) -> tuple[PaceCell, ...]:
        """All of it so far, in the order of time; without the cells in which nothing was answered."""
        return tuple(self._told(place, cell) for place, cell in sorted(self._cells.items()))

    def _cell(self, now_s: float, allowed_per_s: Callable[[], float]) -> _Cell:
        while (place := int((now_s - self._begun_s) / self._width_s)) >= MOST_CELLS:
            self._coarsen()
        cell = self._cells.get(place)
        return self._cells.setdefault(place, _Cell(allowed_per_s())) if cell is None else cell

    def _coarsen(self) -> None:
        self._width_s *= 2
        merged: dict[int, _Cell] = {}
        for place, cell in self._cells.items():
            if place // 2 in merged:
                merged[place // 2].merge(cell)
            else:
                merged[place // 2] = cell
        self._cells = merged

    def _told(self, place: int, cell: _Cell) -> PaceCell:
        allowed_per_s = cell.allowed / cell.looks
        return PaceCell(
            at_s=place * self._width_s,
            width_s=self._width_s,
            sent=cell.sent,
            refused=cell.refused,
            unanswered=cell.codes.total(),
            code=next((code for code, _ in cell.codes.most_common(1)), None),
            allowed_per_s=None if allowed_per_s == float("inf") else round(allowed_per_s, 3),
        )
