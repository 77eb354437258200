from hypothesis import given
from hypothesis import strategies as st

from reports.summary.row_numbers import RowNumbers


@given(st.sets(st.integers(1, 100_000)))
def test_numbers_come_back_in_order_and_each_once(numbers: set[int]) -> None:
    found = RowNumbers()
    for number in [*numbers, *numbers]:
        found.add(number)
    assert list(found) == sorted(numbers)
    assert bool(found) is bool(numbers)
