"""What a ledger that was just loaded will ask of the service: what is shown before a run, and by `check`."""

from collections.abc import Mapping

import msgspec

from jobs.forecast import PlaceCount, Sample, expected_s, pages_before
from jobs.ledger.journal import Ledger
from jobs.ledger.keys import KeyCounts
from jobs.ledger.waves import WaveCount
from jobs.rate import Rate
from jobs.spec import Before, JobSpec

Place = tuple[str, str]
"""Endpoint and project."""


class Asks(msgspec.Struct, frozen=True, kw_only=True):
    """What the open rows of a ledger ask for: the projects in manifest order, once for each of their waves, the target
    keys, a few rows for example, and the waves in their order.
    """

    places: tuple[tuple[str | None, PlaceCount], ...]
    keys: KeyCounts
    samples: tuple[Sample, ...]
    waves: tuple[WaveCount, ...] = ()


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """The projects in manifest order, the target keys, a few rows for example, and the waves in their order."""

    places: tuple[PlaceCount, ...]
    keys: KeyCounts
    samples: tuple[Sample, ...]
    rate: Rate
    expected_s: float | None
    """How long it takes at the rate, with what is waited between waves."""
    waves: tuple[WaveCount, ...] = ()
    soak_s: float = 0.0

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
    def lists(self) -> int:
        """Pages of secrets in all."""
        return sum(place.lists for place in self.places)


def asks_of(ledger: Ledger) -> Asks:
    """Reads it from a ledger that was loaded.

    Raises:
        LedgerError: it cannot be read.
    """
    told = ledger.told
    return Asks(places=told.places(), keys=told.keys(), samples=told.samples(), waves=told.waves())


def forecast(asks: Asks, spec: JobSpec, pages: Mapping[Place, int] | None = None) -> Forecast:
    """What open rows come to; `pages` says how many the secrets of a project fill, where that is known."""
    places, waves = dict[Place, PlaceCount](), dict[str | None, list[PlaceCount]]()
    for _, part in asks.places:
        place = (part.endpoint, part.project_id)
        places[place] = _sum(places[place], part) if place in places else part
    if spec.before is Before.LIST:
        known = pages or {}
        places = {
            place: msgspec.structs.replace(one, lists=pages_before(one.puts, known.get(place)))
            for place, one in places.items()
        }
    listed = set[Place]()
    at = {wave.name: number for number, wave in enumerate(asks.waves)}
    for wave, part in sorted(asks.places, key=lambda one: at.get(one[0] or "", 0)):
        place = (part.endpoint, part.project_id)
        # A project is listed once, before its first PUT.
        lists = 0 if place in listed else places[place].lists
        listed.add(place)
        waves.setdefault(wave, []).append(msgspec.structs.replace(part, lists=lists))
    soak_s = spec.limits.soak_s
    return Forecast(
        places=tuple(places.values()),
        keys=asks.keys,
        samples=asks.samples,
        rate=spec.limits.rate,
        expected_s=expected_s(tuple(waves.values()), spec.limits.rate, soak_s),
        waves=asks.waves,
        soak_s=soak_s,
    )


def _sum(one: PlaceCount, other: PlaceCount) -> PlaceCount:
    return msgspec.structs.replace(
        one, rows=one.rows + other.rows, puts=one.puts + other.puts, reads=one.reads + other.reads
    )
