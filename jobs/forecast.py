"""How many requests a job will ask for, and how long they take at its rate: pure figures, before anything is sent."""

from collections.abc import Iterable, Sequence

import msgspec

from jobs.rate import Rate

LEAST_ON_A_PAGE = 50
"""A service that shows fewer secrets on a page of a list than were asked for shows as many as this."""


class PlaceCount(msgspec.Struct, frozen=True, kw_only=True):
    """One project and what will be sent there: `rows` that can be sent, one PUT for each secret among them, and one
    read for each secret whose old key is expected. `lists` are the pages of secrets that are asked for before.
    """

    endpoint: str
    project_id: str
    region: str | None
    rows: int
    puts: int
    reads: int
    lists: int = 0

    @property
    def requests(self) -> int:
        """All that take from the rate."""
        return self.puts + self.reads + self.lists


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One row for example."""

    secret_name: str
    kms_key_id: str
    expected_kms_key_id: str | None


def pages_before(puts: int, pages: int | None) -> int:
    """The pages that are listed before so many secrets are written, where a project is known to have so many or not:
    no more are asked for than they save reads.
    """
    return min(puts, -(-puts // LEAST_ON_A_PAGE) if pages is None else pages)


def expected_s(waves: Sequence[Iterable[PlaceCount]], rate: Rate, soak_s: float = 0.0) -> float | None:
    """Seconds until the last request leaves if the service answers each: waves one after another with `soak_s` between
    two of them, and in each all projects side by side, so that the largest decides. None where no number says how fast
    requests may leave.
    """
    if rate.unlimited:
        return None
    longest = [max((place.requests for place in places), default=0) for places in waves]
    return sum(longest) / rate.per_s + soak_s * max(0, len(longest) - 1)
