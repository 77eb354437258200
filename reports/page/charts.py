"""Draws charts as SVG that takes its colours and fonts from the style sheet of the page it stands in."""

import math
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring  # nosec B405 - it only writes

import msgspec
from pygal.config import Config  # type: ignore[import-untyped]  # pygal has no types
from pygal.graph.horizontalstackedbar import HorizontalStackedBar  # type: ignore[import-untyped]  # see above
from pygal.graph.xy import XY  # type: ignore[import-untyped]  # see above
from pygal.style import Style  # type: ignore[import-untyped]  # see above

# pygal leaves a finder for its maps behind, of a kind that Python 3.11 warns of at every import and 3.12 never asks.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

_TIME_WIDTH, _TIME_HEIGHT = 560, 230
_BARS_WIDTH, _BAR_HEIGHT = 400, 30
_NO_AXIS = 32  # the room below for an axis that is left out
_LABEL_CHARS = 20
_HEADROOM = 1.25
_MOST_STEPS = 4
_NOTHING = 1e-6
_DECIMALS = re.compile(r"(\.\d)\d+")
_NUMERIC = ("d", "x", "y", "width", "height", "transform")
# What pygal adds for its own script and style sheet; a page under a strict policy has neither.
_DROPPED_TAGS = frozenset({"defs", "desc", "title"})
_DROPPED_CLASSES = frozenset(
    {
        "background",
        "titles",
        "plot overlay",
        "plot text-overlay",
        "plot tooltip-overlay",
        "axis x always_show",  # below bars, whose numbers are written beside them
    }
)
_DROPPED_ATTRIBUTES = ("id", "style", "rx", "ry")


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


def time_chart(title: str, description: str, *, lines: Sequence[Line], ticks: Sequence[Tick]) -> str:
    """Lines over intervals, from zero up, with at least one value. The texts are for those who do not see it."""
    marks = round_marks(max((value for line in lines for value in line.values if value is not None), default=0.0))
    last = max((len(line.values) for line in lines), default=0) - 1
    chart = XY(
        _config(_TIME_WIDTH, _TIME_HEIGHT, margin_left=24),
        show_dots=False,
        range=(0, marks[-1]),
        xrange=(0, max(1, last)),
        y_labels=[{"value": mark, "label": mark_text(mark)} for mark in marks],
        x_labels=[{"value": tick.place, "label": tick.label} for tick in ticks],
    )
    kinds = []
    for line in lines:
        for stretch in _stretches(line.values):
            chart.add(line.kind, stretch, fill=line.filled)
            kinds.append(line.kind)
    return _finished(chart.render_tree(), title, description, kinds)


def bar_chart(title: str, description: str, *, bars: Sequence[Bar]) -> str:
    """Bars from top to bottom; every bar has its parts in the same order of kinds."""
    kinds = [kind for kind, _ in bars[0].parts] if bars else []
    sums = [sum(rows for _, rows in bar.parts) for bar in bars]
    height = 8 + _BAR_HEIGHT * len(bars)
    chart = HorizontalStackedBar(
        _config(_BARS_WIDTH, height + _NO_AXIS, margin_left=8),
        range=(0, max(1, *sums, 1) * _HEADROOM),
    )
    # pygal draws the first one at the bottom.
    chart.x_labels = [_cut(bar.label) for bar in reversed(bars)]
    for place, kind in enumerate(kinds):
        chart.add(kind, [bar.parts[place][1] for bar in reversed(bars)])
    root = chart.render_tree()
    _write_sums(root, list(reversed(sums)))
    root.set("viewBox", f"0 0 {_BARS_WIDTH} {height}")
    return _finished(root, title, description, kinds)


def round_marks(top: float) -> tuple[float, ...]:
    """At most five even marks from zero to `top`, or to the next round number above it."""
    if top < _NOTHING:
        return (0.0, 1.0)
    magnitude = 10.0 ** (math.floor(math.log10(top)) - 1)
    step = next(factor * magnitude for factor in (1, 2, 5, 10, 20, 25, 50) if top <= factor * magnitude * _MOST_STEPS)
    return tuple(round(step * place, 9) for place in range(math.ceil(round(top / step, 9)) + 1))


def mark_text(value: float) -> str:
    """A mark as it is written: 0.5, 20, 1,500."""
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def _config(width: int, height: int, *, margin_left: int) -> Config:
    return Config(
        js=[],
        style=Style(label_font_size=12, major_label_font_size=12),  # only to measure how much room labels need
        no_prefix=True,
        width=width,
        height=height,
        show_legend=False,
        margin=8,
        margin_left=margin_left,
        spacing=6,
        truncate_label=-1,
    )


def _stretches(values: Sequence[float | None]) -> Iterator[list[tuple[float, float]]]:
    """Yields the points between gaps; a lone one becomes a short line, or it would not be seen."""
    for known, found in groupby(enumerate(values), key=lambda pair: pair[1] is not None):
        if known:
            points = [(float(place), value) for place, value in found if value is not None]
            yield points if len(points) > 1 else [(points[0][0] + side, points[0][1]) for side in (-0.3, 0.3)]


def _cut(label: str) -> str:
    return label if len(label) <= _LABEL_CHARS else label[: _LABEL_CHARS - 3] + "..."


def _write_sums(root: Element, sums: Sequence[int]) -> None:
    """Writes each bar's sum after its last part."""
    plot = next(node for node in root.iter("g") if node.get("class") == "plot")
    ends: dict[str, float] = {}
    for rect in plot.iter("rect"):
        if "rect" in rect.get("class", ""):
            middle = f"{float(rect.get('y', 0)) + float(rect.get('height', 0)) / 2 + 4:.1f}"
            ends[middle] = max(ends.get(middle, 0.0), float(rect.get("x", 0)) + float(rect.get("width", 0)))
    # From bottom to top, as they were added.
    for (middle, end), total in zip(sorted(ends.items(), key=lambda item: -float(item[0])), sums, strict=True):
        SubElement(plot, "text", {"class": "sum", "x": f"{end + 6:.1f}", "y": middle}).text = f"{total:,}"


def _finished(root: Element, title: str, description: str, kinds: Sequence[str]) -> str:
    _clean(root, kinds)
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        node = Element(tag)
        node.text = text
        root.insert(place, node)
    root.attrib |= {"class": "chart", "role": "img"}
    return tostring(root, encoding="unicode")


def _clean(node: Element, kinds: Sequence[str]) -> None:
    for child in list(node):
        if _is_dropped(child):
            node.remove(child)
        else:
            _clean(child, kinds)
    for name in _DROPPED_ATTRIBUTES:
        node.attrib.pop(name, None)
    for name in _NUMERIC:
        if name in node.attrib:
            node.set(name, _DECIMALS.sub(r"\1", node.attrib[name]))
    names = node.get("class", "").split()
    if names[:1] == ["series"]:
        node.set("class", f"series {kinds[int(names[1].removeprefix('serie-'))]}")


def _is_dropped(node: Element) -> bool:
    tag: Any = node.tag  # a function, where the node is a comment
    return callable(tag) or tag in _DROPPED_TAGS or node.get("class", "") in _DROPPED_CLASSES
