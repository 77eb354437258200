"""How many requests a job will ask for, and how long they take at its rate: pure figures, before anything is sent."""

from collections.abc import Iterable

import msgspec

from jobs.rate import Rate


class PlaceCount(msgspec.Struct, frozen=True, kw_only=True):
    """One project and what will be sent there: `rows` that can be sent, one PUT for each secret among them, and one
    read for each secret whose old key is expected.
    """

    endpoint: str
    project_id: str
    region: str | None
    rows: int
    puts: int
    reads: int

    @property
    def requests(self) -> int:
        """All that take from the rate."""
        return self.puts + self.reads


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One row for example."""

    secret_name: str
    kms_key_id: str
    expected_kms_key_id: str | None


def expected_s(places: Iterable[PlaceCount], rate: Rate) -> float | None:
    """Seconds until the last request leaves if the service answers each: projects run side by side, so that the largest
    decides. None where no number says how fast requests may leave.
    """
    if rate.unlimited:
        return None
    return max((place.requests for place in places), default=0) / rate.per_s
