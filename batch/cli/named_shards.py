"""The shards that a merge is given: directories of runs or of looks, folders that hold them, and campaign folders."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from batch.cli.merge_screen import MergeScreen
from batch.fleet.campaign import CAMPAIGN
from jobs.run_dir.look_dir import LookDirectory
from jobs.run_dir.run_dir import RunDirectory
from jobs.spec import UsageError

Found = Callable[[Path, MergeScreen], Iterator[RunDirectory]]
"""The directories of shards, one after the other; what has to be fetched goes into a folder that it is given, and is
shown.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedShards:
    """`looks` are those of plans, verifications and retirements; `places` name everything else, in the order given."""

    places: tuple[str, ...]
    looks: tuple[LookDirectory, ...]

    @classmethod
    def at(cls, named: Sequence[str]) -> Self:
        """Sorts out what is named."""
        places: list[str] = []
        looks: list[LookDirectory] = []
        for place in named:
            found = () if _of_campaign(place) else _looks_at(Path(place))
            looks += found
            if not found or RunDirectory.within(Path(place)):
                places.append(place)
        return cls(places=tuple(places), looks=tuple(looks))

    def looks_alone(self) -> Sequence[LookDirectory]:
        """The looks.

        Raises:
            UsageError: there is also a run.
        """
        if self.places:
            one = self.places[0]
            if not _of_campaign(one):
                one = str((RunDirectory.within(Path(one)) or (RunDirectory.find(Path(one)),))[0].path)
            raise UsageError(f"{one}: a run, but {self.looks[0].path} is not; merge shards of one kind")
        return self.looks

    def runs(self, spool: Path, screen: MergeScreen) -> Iterator[RunDirectory]:
        """The run directories that are named, those in folders that are named, and those of campaign folders, which are
        fetched into `spool` and shown.

        Raises:
            UsageError: one is none of these, or cannot be read.
        """
        for place in self.places:
            if _of_campaign(place):
                from batch.cli.campaigns import require_campaign  # noqa: PLC0415 - an extra
                from batch.cli.fetching import fetched  # noqa: PLC0415 - the same

                screen.opening(place)
                yield from fetched(*require_campaign(place), spool, screen.fetching)
            else:
                yield from RunDirectory.within(Path(place)) or (RunDirectory.find(Path(place)),)


def _of_campaign(place: str) -> bool:
    # Unlike the method of a path, this knows no errors.
    return "://" in place or os.path.isfile(Path(place) / CAMPAIGN)  # noqa: PTH113 - see above


def _looks_at(path: Path) -> tuple[LookDirectory, ...]:
    """In a run directory there may be looks at that run: they are not meant."""
    if (look := LookDirectory.find(path)) is not None:
        return (look,)
    return () if RunDirectory.is_one(path) else tuple(LookDirectory.within(path))
