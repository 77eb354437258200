from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reports.page.charts import Bar, Line, Tick, bar_chart, mark_text, round_marks, time_chart

HOSTILE = "</title><script>alert(1)</script>\"'&"


def everything(svg: str) -> list[ET.Element]:
    """All elements of a drawing; it is well-formed."""
    return list(ET.fromstring(svg).iter())  # noqa: S314 - our own drawing


def lines(*values: float | None) -> str:
    """A chart of one line."""
    return time_chart("T", "D", lines=[Line(kind="done", values=values)], ticks=[Tick(place=0, label="12:00")])


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
    """In the title, the description and a label."""
    svg = bar_chart(HOSTILE, HOSTILE, bars=[Bar(label=HOSTILE, parts=(("done", 3),))])
    assert "<script" not in svg
    texts = [node.text for node in everything(svg) if node.text]
    assert texts == [HOSTILE, HOSTILE, HOSTILE[:17] + "...", "3"]


def test_a_gap_in_the_values_is_a_gap_in_the_line() -> None:
    """Two paths, and a lone value is still seen."""
    drawn = [node for node in everything(lines(1.0, 2.0, None, 3.0)) if node.tag.endswith("path") and node.get("class")]
    assert sum("line" in (node.get("class") or "") and "nofill" in (node.get("class") or "") for node in drawn) == 2


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
    texts = [node.text for node in everything(bar_chart("T", "D", bars=bars)) if node.get("class") == "sum"]
    assert sorted(texts, key=str) == sorted((f"{done + again:,}" for _, done, again in rows), key=str)


@given(st.lists(st.none() | st.floats(0, 1e9), max_size=130), st.booleans())
def test_any_line_can_be_drawn(values: list[float | None], filled: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    """A single point, gaps everywhere, zeros."""
    assume(any(value is not None for value in values))
    line = Line(kind="done", values=tuple(values), filled=filled)
    svg = time_chart("T", "D", lines=[line], ticks=[Tick(place=0, label="12:00")])
    assert "nan" not in svg
    assert everything(svg)
