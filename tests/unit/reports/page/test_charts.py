import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reports.page.charts import Bar, Line, Tick, bar_chart, mark_text, round_marks, time_chart

HOSTILE = "</title><script>alert(1)</script>\"'&"


def everything(svg: str) -> list[ET.Element]:
    """All elements of a drawing; it is well-formed."""
    return list(ET.fromstring(svg).iter())  # noqa: S314 - our own drawing


def tick(label: str = "12:00") -> Tick:
    """What is written below the first interval."""
    return Tick(place=0, label=label)


def lines(*values: float | None, filled: bool = False) -> str:
    """A chart of one line."""
    return time_chart("T", "D", lines=[Line(kind="done", values=values, filled=filled)], ticks=[tick()])


def points(path: ET.Element) -> list[tuple[float, float]]:
    """The points of a line."""
    pairs = [pair.split() for pair in (path.get("d") or "").removeprefix("M").split("L")]
    return [(float(x), float(y)) for x, y in pairs]


def of_class(svg: str, kind: str) -> list[ET.Element]:
    """The elements of one class, in their order."""
    return [node for node in everything(svg) if node.get("class") == kind]


@pytest.mark.parametrize(
    "svg",
    [
        lines(1.0, 2.0, None, 3.0, 4.0),
        bar_chart("T", "D", bars=[Bar(label="a", parts=(("done", 3), ("run_again", 0)))]),
    ],
)
def test_a_drawing_needs_nothing_that_a_strict_page_forbids(svg: str) -> None:
    """No style or script, no attribute of either, no id to clash with another drawing's, nothing from elsewhere."""
    for node in everything(svg):
        assert node.tag.rpartition("}")[2] in {"svg", "title", "desc", "g", "path", "rect", "text"}
        assert not {"style", "id", "href", "onload"} & {name.rpartition("}")[2] for name in node.attrib}
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_a_drawing_is_told_to_those_who_do_not_see_it() -> None:
    """As an image with a title and a description."""
    root, title, description, *_ = everything(lines(1.0, 2.0))
    assert root.get("role") == "img"
    assert (title.text, description.text) == ("T", "D")


def test_hostile_text_is_text() -> None:
    """In the title, the description, a label whole and cut, and a tick."""
    svg = bar_chart(HOSTILE, HOSTILE, bars=[Bar(label=HOSTILE, parts=(("done", 3),))])
    assert "<script" not in svg
    texts = [node.text for node in everything(svg) if node.text]
    assert texts == [HOSTILE, HOSTILE, HOSTILE[:17] + "...", f"{HOSTILE}: 3", "3"]
    assert HOSTILE in [node.text for node in everything(time_chart("T", "D", lines=[], ticks=[tick(HOSTILE)]))]


def test_a_gap_in_the_values_is_a_gap_in_the_line() -> None:
    """Two paths, and a lone value is still seen: as a line of some length."""
    first, second = of_class(lines(1.0, 2.0, None, 3.0), "series done")
    assert (first.get("d") or "").count("L") == 1
    begin, end = points(second)
    assert (end[0] - begin[0], end[1] - begin[1]) == (6, 0)


def test_a_line_rises_with_its_values() -> None:
    """From the lowest guide for zero to the highest for the top mark, evenly spaced from left to right."""
    svg = lines(0.0, 20.0, 40.0, filled=True)
    [line], [area], [guides] = (of_class(svg, kind) for kind in ("series done", "area done", "guides"))
    (x0, y0), (x1, y1), (x2, y2) = points(line)
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert y0 - y1 == pytest.approx(y1 - y2)
    heights = [float(number) for number in re.findall(r" ([0-9.]+)H", guides.get("d") or "")]
    assert (y0, y2) == (max(heights), min(heights))
    assert (area.get("d") or "").startswith(line.get("d") or "-")


def test_the_mark_beside_a_guide_is_at_its_height() -> None:
    svg = lines(40.0)
    heights = [float(number) for number in re.findall(r" ([0-9.]+)H", of_class(svg, "guides")[0].get("d") or "")]
    marks = [(node.text, float(node.get("y") or 0) - 4) for node in of_class(svg, "tick")[:-1]]
    assert marks == list(zip(["0", "10", "20", "30", "40"], heights, strict=True))


def test_bars_are_as_long_as_their_rows_and_stay_inside() -> None:
    """Parts lie end to end; each says its bar's whole name and its rows."""
    bars = [Bar(label="a" * 30, parts=(("x", 500), ("y", 1500))), Bar(label="b", parts=(("x", 1000), ("y", 0)))]
    svg = bar_chart("T", "D", bars=bars)
    first, second, third = (node for node in everything(svg) if node.tag.endswith("rect"))
    (x1, width1), (x2, width2), (x3, width3) = (
        (float(rect.get("x") or 0), float(rect.get("width") or 0)) for rect in (first, second, third)
    )
    assert [width2, width3] == pytest.approx([3 * width1, 2 * width1], abs=0.2)
    assert [x2, x3] == pytest.approx([x1 + width1, x1], abs=0.2)
    assert x2 + width2 < 360
    assert [rect[0].text for rect in (first, second, third)] == ["a" * 30 + ": 500", "a" * 30 + ": 1,500", "b: 1,000"]


def test_bars_stand_in_their_order_with_their_sums() -> None:
    """The first one on top; a part without rows takes no room."""
    bars = [Bar(label="a", parts=(("x", 5), ("y", 3))), Bar(label="b", parts=(("x", 0), ("y", 1)))]
    texts = [node for node in everything(bar_chart("T", "D", bars=bars)) if node.tag.endswith("text")]
    shown = {node.text: float(node.get("y", 0)) for node in texts}
    assert shown["a"] < shown["b"]
    assert shown["8"] < shown["1"]
    assert abs(shown["a"] - shown["8"]) < 4


def test_the_same_values_make_the_same_drawing() -> None:
    """Nothing of the moment or of chance is in it."""
    assert lines(1.0, 2.0) == lines(1.0, 2.0)


@pytest.mark.parametrize(
    ("top", "marks"),
    [
        (0, (0, 1)),
        (1, (0, 0.5, 1)),
        (9.5, (0, 2.5, 5, 7.5, 10)),
        (40, (0, 10, 20, 30, 40)),
        (41, (0, 20, 40, 60)),
        (999, (0, 250, 500, 750, 1000)),
    ],
)
def test_marks_are_round(top: float, marks: tuple[float, ...]) -> None:
    """And as few as one can read."""
    assert round_marks(top) == marks


@given(st.floats(min_value=1e-3, max_value=1e12))
def test_marks_reach_the_top_and_not_far_above(top: float) -> None:
    """Whatever the top is."""
    marks = round_marks(top)
    assert 2 <= len(marks) <= 5
    assert top <= marks[-1] * 1.000001
    assert marks[-1] < top * 2.01


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.5, "0.5"), (1500.0, "1,500"), (2.5, "2.5")])
def test_marks_are_written_short(value: float, text: str) -> None:
    """Without zeros that say nothing."""
    assert mark_text(value) == text


labels = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=40)


@given(st.lists(st.tuples(labels, st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=9))
def test_any_bars_can_be_drawn(rows: list[tuple[str, int, int]]) -> None:
    """Whatever their labels say, with nothing in some of them or in all; every sum is written."""
    bars = [Bar(label=label, parts=(("done", done), ("run_again", again))) for label, done, again in rows]
    texts = [node.text for node in of_class(bar_chart("T", "D", bars=bars), "sum")]
    assert sorted(texts, key=str) == sorted((f"{done + again:,}" for _, done, again in rows), key=str)


@given(st.lists(st.none() | st.floats(0, 1e9), max_size=130), st.booleans())
def test_any_line_can_be_drawn(values: list[float | None], filled: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """A single point, gaps everywhere, zeros."""
    assume(any(value is not None for value in values))
    svg = lines(*values, filled=filled)
    assert "nan" not in svg
    assert everything(svg)
