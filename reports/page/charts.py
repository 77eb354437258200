"""Draws charts as SVG text that takes its colours and fonts from the style sheet of the page it stands in."""

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import groupby

import msgspec

_WIDTH, _HEIGHT = 560, 230
_TOP, _BOTTOM, _RIGHT = 10, 198, 552
_INSET = 8  # between the ends of the guides and the first and last point
_DIGIT = 10  # the room for a digit of a mark, also in the larger type of a narrow window
_LONE = 3  # half the length of the line that stands for a single point
_BARS_WIDTH, _BARS_TOP, _BAR_HEIGHT, _BAR_PITCH = 400, 6, 20, 27
_LABEL_CHARS = 20
_LABEL_DIGIT, _SUM_DIGIT = 7.2, 8.6
_GAP = 6  # between a text and what it belongs to
_MOST_STEPS = 4
_NOTHING = 1e-6


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One value for each interval; None makes a gap. `kind` is its class in the style sheet."""

    kind: str
    values: tuple[float | None, ...]
    filled: bool = False


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """An interval, and what is written below it."""

    place: int
    label: str


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """Parts laid end to end, each with the class it has in the style sheet; their sum is written at the end."""

    label: str
    parts: tuple[tuple[str, int], ...]

    @property
    def rows(self) -> int:
        """The sum of all parts."""
        return sum(rows for _, rows in self.parts)


def time_chart(title: str, description: str, *, lines: Sequence[Line], ticks: Sequence[Tick]) -> str:
    """Lines over intervals, from zero up. The title and the description are for those who do not see it."""
    marks = round_marks(max((value for line in lines for value in line.values if value is not None), default=0.0))
    last = max([1, *(len(line.values) - 1 for line in lines)])
    left = 2 * _GAP + _DIGIT * max(len(mark_text(mark)) for mark in marks)

    def x(place: float) -> float:
        return left + _INSET + (_RIGHT - left - 2 * _INSET) * place / last

    def y(value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * value / marks[-1]

    guides = "".join(f"M{left} {y(mark):.1f}H{_RIGHT}" for mark in marks)
    beside = "".join(_text(mark_text(mark), left - _GAP, y(mark) + 4) for mark in marks)
    below = "".join(_text(tick.label, x(tick.place), _BOTTOM + 19) for tick in ticks)
    paths = "".join(path for line in lines for path in _paths(line, x, y))
    axes = f'<path class="guides" d="{guides}"/><g class="axis y">{beside}</g><g class="axis x">{below}</g>'
    return _svg(_WIDTH, _HEIGHT, title, description, axes + paths)


def bar_chart(title: str, description: str, *, bars: Sequence[Bar]) -> str:
    """Bars from top to bottom, all to one scale. A bar's parts name it and their rows when pointed at."""
    left = 2 * _GAP + _LABEL_DIGIT * max((len(_cut(bar.label)) for bar in bars), default=0)
    most = max((bar.rows for bar in bars), default=0)
    scale = (_BARS_WIDTH - left - 2 * _GAP - _SUM_DIGIT * len(f"{most:,}")) / max(1, most)
    tops = [_BARS_TOP + _BAR_PITCH * place for place in range(len(bars) + 1)]
    drawn = "".join(part for bar, top in zip(bars, tops, strict=False) for part in _parts(bar, left, top, scale))
    return _svg(_BARS_WIDTH, tops[-1], title, description, drawn)


def round_marks(top: float) -> tuple[float, ...]:
    """At most five even marks from zero to `top`, or to the next round number above it."""
    if top < _NOTHING:
        return (0.0, 1.0)
    magnitude = 10.0 ** (math.floor(math.log10(top)) - 1)
    step = next(factor * magnitude for factor in (1, 2, 5, 10, 20, 25, 50) if top <= factor * magnitude * _MOST_STEPS)
    return tuple(round(step * place, 9) for place in range(math.ceil(round(top / step, 9)) + 1))


def mark_text(value: float) -> str:
    """The text of a mark: 0.5, 20, 1,500."""
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def _paths(line: Line, x: Callable[[float], float], y: Callable[[float], float]) -> Iterator[str]:
    """A path for each stretch between gaps; a single point becomes a short line, or it could not be seen."""
    for known, found in groupby(enumerate(line.values), key=lambda pair: pair[1] is not None):
        if not known:
            continue
        points = [(x(place), y(value)) for place, value in found if value is not None]
        if len(points) == 1:
            points = [(points[0][0] + side, points[0][1]) for side in (-_LONE, _LONE)]
        path = "M" + "L".join(f"{at:.1f} {height:.1f}" for at, height in points)
        if line.filled:
            yield f'<path class="area {line.kind}" d="{path}V{_BOTTOM}H{points[0][0]:.1f}Z"/>'
        yield f'<path class="series {line.kind}" d="{path}"/>'


def _parts(bar: Bar, left: float, top: int, scale: float) -> Iterator[str]:
    middle, end = top + _BAR_HEIGHT / 2 + 4, left
    yield _text(_cut(bar.label), left - _GAP, middle, kind="name")
    for kind, rows in bar.parts:
        if rows:
            box = f'x="{end:.1f}" y="{top}" width="{rows * scale:.1f}" height="{_BAR_HEIGHT}"'
            yield f'<rect class="{kind}" {box}><title>{escape(bar.label)}: {rows:,}</title></rect>'
            end += rows * scale
    yield _text(f"{bar.rows:,}", end + _GAP, middle, kind="sum")


def _cut(label: str) -> str:
    return label if len(label) <= _LABEL_CHARS else label[: _LABEL_CHARS - 3] + "..."


def _text(text: str, x: float, y: float, *, kind: str = "tick") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _svg(width: int, height: int, title: str, description: str, inside: str) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width} {height}" role="img">'
    return f"{head}<title>{escape(title)}</title><desc>{escape(description)}</desc>{inside}</svg>"
