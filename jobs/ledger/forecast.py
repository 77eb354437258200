"""What a ledger that was just loaded will ask of the service: what is shown before a run, and by `check`."""

import msgspec

from jobs.forecast import PlaceCount, Sample, expected_s
from jobs.ledger.journal import Ledger
from jobs.ledger.keys import KeyCounts
from jobs.ledger.waves import WaveCount
from jobs.rate import Rate


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """The projects in manifest order, the target keys, a few rows for example, and the waves in their order."""

    places: tuple[PlaceCount, ...]
    keys: KeyCounts
    samples: tuple[Sample, ...]
    rate: Rate
    waves: tuple[WaveCount, ...] = ()

    @property
    def rows(self) -> int:
        """Rows that can be sent."""
        return sum(place.rows for place in self.places)

    @property
    def puts(self) -> int:
        """PUTs in all: rows that say the same share one."""
        return sum(place.puts for place in self.places)

    @property
    def reads(self) -> int:
        """Reads in all."""
        return sum(place.reads for place in self.places)

    @property
    def expected_s(self) -> float | None:
        """How long it takes at the rate."""
        return expected_s(self.places, self.rate)


def forecast(ledger: Ledger, rate: Rate) -> Forecast:
    """What the open rows of a ledger come to.

    Raises:
        LedgerError: it cannot be read.
    """
    told = ledger.told
    return Forecast(places=told.places(), keys=told.keys(), samples=told.samples(), rate=rate, waves=told.waves())
