"""How long a job takes at its rate."""

import pytest

from jobs.forecast import PlaceCount, expected_s
from jobs.rate import Rate


def place(puts: int, reads: int = 0) -> PlaceCount:
    return PlaceCount(endpoint="e", project_id="p", region=None, rows=puts, puts=puts, reads=reads)


@pytest.mark.parametrize(
    ("places", "rate", "seconds"),
    [
        ((), "10/s", 0.0),
        ((place(100),), "10/s", 10.0),
        ((place(100, 50),), "10/s", 15.0),
        ((place(100), place(300), place(20)), "10/s", 30.0),
        ((place(200),), "200/5m", 300.0),
        ((place(100),), "unlimited", None),
        ((place(100),), "auto", None),
    ],
)
def test_the_project_with_the_most_requests_decides(
    places: tuple[PlaceCount, ...], rate: str, seconds: float | None
) -> None:
    assert expected_s(places, Rate.parse(rate)) == seconds
