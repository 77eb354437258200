"""What is known of all shards of a campaign while it runs, and shown of them."""

import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from batch.fleet import campaign
from batch.fleet.campaign import GivenUp
from batch.fleet.standing import Folder, ShardStanding, ShardState
from batch.fleet.storage import StorageError
from batch.fleet.view import FleetView


class Screen(Protocol):
    """Shows how a campaign stands."""

    def say(self, line: str) -> None:
        """Something happened."""

    def show(self, view: FleetView) -> None:
        """How all of it stands at the moment."""


class Board:
    """Each shard as it was seen last, all of them waiting until then, and those that were `given_up` here."""

    def __init__(self, folder: Folder, screen: Screen, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._screen = screen
        self._clock = clock
        self._began_s = clock()
        self._workers: int | None = None
        every = range(folder.job.shards)
        self._shards = {index: ShardStanding(index=index, state=ShardState.WAITING) for index in every}
        self.given_up: list[int] = []

    @property
    def open_shards(self) -> tuple[int, ...]:
        """Those that running them again could change."""
        return tuple(index for index, one in self._shards.items() if one.left)

    def look(self, shards: Iterable[int]) -> tuple[ShardStanding, ...]:
        """How some of them stand now.

        Raises:
            StorageError: the folder cannot be read.
        """
        looked = self._folder.some(shards)
        self._shards |= {one.index: one for one in looked}
        return looked

    def has_stopped(self, shard: int) -> bool:
        """Whether one had ended when it was seen last."""
        return self._shards[shard].state in {ShardState.STOPPED, ShardState.OVER}

    def show(self, *, workers: int | None = None, trouble: str | None = None) -> None:
        """Shows them all; workers that are not counted now are as many as before."""
        self._workers = self._workers if workers is None else workers
        self._screen.show(
            FleetView(
                shards=tuple(self._shards.values()),
                rows=self._folder.job.rows,
                workers=self._workers,
                elapsed_s=self._clock() - self._began_s,
                trouble=trouble,
            )
        )

    def show_last(self) -> None:
        """Looks at them all once more, as what is shown now stays on the screen."""
        with contextlib.suppress(StorageError):
            self.look(self._shards)
            self.show()

    def give_up(self, shard: int, tries: int, reason: str) -> None:
        """Says to everybody that one is not tried again.

        Raises:
            StorageError: the folder cannot be written.
        """
        why = GivenUp(tries=tries, reason=reason, at=time.time())
        self._folder.storage.put(campaign.given_up(shard), campaign.to_json(why))
        self.given_up.append(shard)
        self._shards[shard] = msgspec.structs.replace(self._shards[shard], state=ShardState.GIVEN_UP, reason=reason)
        self._screen.say(f"shard {shard}/{self._folder.job.shards}: given up: {reason}")
