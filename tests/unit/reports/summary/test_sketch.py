import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.summary.sketch import Percentiles, Sketch

measured = st.lists(st.floats(min_value=0.001, max_value=1e9), min_size=1, max_size=200)


def sketch_of(values: list[float]) -> Sketch:
    """A sketch of these measurements."""
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


def test_nothing_measured_has_no_percentiles() -> None:
    """None rather than zero, which would look like a very fast service."""
    assert Sketch().percentiles() is None


def test_known_measurements_give_known_percentiles() -> None:
    """1 to 1000, each once: within 2 % of what sorting gives; the greatest is exact."""
    found = sketch_of([float(value) for value in range(1, 1001)]).percentiles()
    assert found is not None
    assert (found.rows, found.max) == (1000, 1000.0)
    for share, value in ((0.5, found.p50), (0.9, found.p90), (0.95, found.p95), (0.99, found.p99)):
        assert value == pytest.approx(share * 1000, rel=0.021)


def test_a_single_measurement_is_every_percentile() -> None:
    """And never more than the greatest."""
    found = sketch_of([123.0]).percentiles()
    assert found is not None
    assert found.p50 == found.p99 <= found.max == 123.0
    assert found.p50 == pytest.approx(123.0, rel=0.021)


@pytest.mark.parametrize("value", [0.0, -5.0])
def test_a_clock_that_went_back_counts_as_no_time(value: float) -> None:
    """It does not break the sketch."""
    assert sketch_of([value]).percentiles() == Percentiles(rows=1, p50=0.0, p90=0.0, p95=0.0, p99=0.0, max=0.0)


@given(measured, st.sampled_from(["p50", "p90", "p95", "p99"]))
def test_a_percentile_is_near_the_measurement_it_stands_for(values: list[float], name: str) -> None:
    """Whatever is measured: within 2 % of the one that sorting would find, and a rounding to a tenth."""
    found = sketch_of(values).percentiles()
    exact = sorted(values)[math.floor(int(name[1:]) / 100 * (len(values) - 1))]
    assert getattr(found, name) == pytest.approx(exact, rel=0.0, abs=0.0201 * exact + 0.051)


@given(measured, measured)
def test_merging_is_the_same_as_counting_all(some: list[float], more: list[float]) -> None:
    """In whichever order."""
    merged = sketch_of(some)
    merged.merge(sketch_of(more))
    assert merged.percentiles() == sketch_of([*more, *some]).percentiles()


def test_memory_is_bounded() -> None:
    """A million microseconds to a day are a few hundred classes."""
    rng = random.Random(7)
    sketch = sketch_of([10 ** rng.uniform(-3, 8) for _ in range(20_000)])
    assert len(sketch._classes) < 650
