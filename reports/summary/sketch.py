"""Percentiles of any number of measurements in bounded memory, from counts that can be added up."""

import math
from collections import Counter
from math import ceil, log

import msgspec

_ERROR = 0.02
"""A percentile is within 2 % of a measurement that was really made."""
_PER_LOG = 1.0 / math.log((1.0 + _ERROR) / (1.0 - _ERROR))
_LEAST = 1e-3


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Percentiles of `rows` measurements in milliseconds, each within 2 %; `max` is exact."""

    rows: int
    p50: float
    p90: float
    p95: float
    p99: float
    max: float


class Sketch:
    """Counts measurements in classes that grow by 4 %, so that a microsecond and a day are 650 classes apart.

    The way of DDSketch (Masson, Rim, Lee: PVLDB 12, 2019): the bound on the relative error holds whatever is measured,
    and merging two sketches loses nothing.
    """

    __slots__ = ("_classes", "_max", "rows")

    def __init__(self) -> None:
        self._classes = Counter[int]()
        self._max = 0.0
        self.rows = 0

    def add(self, *values: float) -> None:
        """Counts measurements; anything below a thousandth counts as a thousandth."""
        self.rows += len(values)
        self._max = max(self._max, *values)
        if min(values) < _LEAST:
            values = tuple(max(_LEAST, value) for value in values)
        self._classes.update([ceil(log(value) * _PER_LOG) for value in values])

    def merge(self, other: "Sketch") -> None:
        """Counts everything another sketch has counted."""
        self.rows += other.rows
        self._max = max(self._max, other._max)  # noqa: SLF001 - of the same class
        self._classes.update(other._classes)  # noqa: SLF001 - see above

    def percentiles(self) -> Percentiles | None:
        """What was measured, in figures; None where nothing was."""
        if not self.rows:
            return None
        p50, p90, p95, p99 = (self._quantile(share) for share in (0.5, 0.9, 0.95, 0.99))
        return Percentiles(rows=self.rows, p50=p50, p90=p90, p95=p95, p99=p99, max=round(self._max, 1))

    def _quantile(self, share: float) -> float:
        due = share * (self.rows - 1)
        seen = 0
        for place in sorted(self._classes):
            seen += self._classes[place]
            if seen > due:
                # The middle of a class: as far from its lower end as from its upper one, in proportion.
                middle = 2.0 * math.exp(place / _PER_LOG) / (1.0 + (1.0 + _ERROR) / (1.0 - _ERROR))
                return round(min(middle, self._max), 1)
        return round(self._max, 1)
