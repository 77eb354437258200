"""How long a job takes at its rate."""

import pytest

from jobs.forecast import PlaceCount, expected_s, pages_before
from jobs.rate import Rate


def place(puts: int, reads: int = 0, lists: int = 0) -> PlaceCount:
    return PlaceCount(endpoint="e", project_id="p", region=None, rows=puts, puts=puts, reads=reads, lists=lists)


@pytest.mark.parametrize(
    ("places", "rate", "seconds"),
    [
        ((), "10/s", 0.0),
        ((place(100),), "10/s", 10.0),
        ((place(100, 50),), "10/s", 15.0),
        ((place(100, 50, 2),), "10/s", 15.2),
        ((place(100), place(300), place(20)), "10/s", 30.0),
        ((place(200),), "200/5m", 300.0),
        ((place(100),), "unlimited", None),
        ((place(100),), "auto", None),
    ],
)
def test_the_project_with_the_most_requests_decides(
    places: tuple[PlaceCount, ...], rate: str, seconds: float | None
) -> None:
    assert expected_s([places], Rate.parse(rate)) == seconds


def test_waves_run_one_after_another_with_a_soak_between_two_of_them() -> None:
    waves = [(place(10),), (place(20), place(50)), (place(5),)]
    assert expected_s(waves, Rate(10.0), soak_s=60.0) == 6.5 + 2 * 60.0
    assert expected_s(waves[:1], Rate(10.0), soak_s=60.0) == 1.0
    assert expected_s((), Rate(10.0), soak_s=60.0) == 0.0


@pytest.mark.parametrize(
    ("puts", "pages", "expected"),
    [(500, None, 10), (501, None, 11), (3, None, 1), (0, None, 0), (500, 1, 1), (500, 200, 200), (20, 200, 20)],
)
def test_no_more_pages_are_counted_than_they_save_reads(puts: int, pages: int | None, expected: int) -> None:
    assert pages_before(puts, pages) == expected
