"""Copies the ledger of a shard into the shared folder, where the next owner finds it if this disk is lost.

The first copy is there before the first PUT of each scope, so that no key before is lost. Nothing of it holds up the
event loop: a copy is made in a thread, and uploaded in another one.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Protocol

import structlog

from batch.fleet import campaign
from batch.fleet.lease import LeaseTimes
from batch.fleet.pace import Pace
from jobs.ledger import Ledger, LedgerError
from jobs.run_dir.durable import PART

_log = structlog.get_logger()
_KEPT = 2
"""The last ones of an owner: one may be read while the next is written."""

Work = Callable[[], None]
Beside = Callable[[Work, float], Awaitable[None]]
"""Runs work that may hang, for so many seconds at most."""
Hold = Callable[[bool], None]
"""Has nothing sent for now, or all that may be sent."""


class Shelf(Protocol):
    """Where snapshots are kept; each may raise an OSError."""

    def upload(self, file: Path, name: str) -> None:
        """Writes a whole file."""

    def remove(self, name: str) -> None:
        """Takes one away, if it is there."""


class Snapshots:
    """Makes those of one session, whose ledger is open in the loop that runs."""

    def __init__(
        self,
        shelf: Shelf,
        place: tuple[int, int],
        folder: Path,
        *,
        times: LeaseTimes,
        may_write: Callable[[], bool],
        beside: Beside,
    ) -> None:
        """`place` is shard and epoch; files are made in `folder`, and handed over only where it `may_write`."""
        self._shelf = shelf
        self._shard, self._epoch = place
        self._folder = folder
        self._times = times
        self._may_write = may_write
        self._beside = beside
        self.number = 0
        """Of the last that was begun."""
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._wanted = asyncio.Event()

    async def kept(self) -> None:
        """Returns once a snapshot is kept that was begun after this was asked."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self.number + 1, done))
        self._wanted.set()
        await done

    async def make_for(self, ledger: Ledger, hold: Hold, on_late: Callable[[], None]) -> None:
        """Makes them until cancelled. What sends is held while the last one is too old; `on_late` is called where none
        could be kept for too long.
        """
        now_s = asyncio.get_running_loop().time
        pace = Pace(kept_s=now_s(), tried_s=now_s())
        while True:
            with _held_from(pace.holds_s(self._times), hold):
                await self._until_due(pace)
                began_s = now_s()
                if (within_s := pace.try_s(began_s, self._times)) <= 0:
                    break
                kept = await self._make(ledger, within_s)
            pace = pace.kept(began_s, now_s()) if kept else pace.not_kept(now_s())
            hold(now_s() >= pace.holds_s(self._times))
        on_late()

    async def _until_due(self, pace: Pace) -> None:
        """A store that has just failed is left alone for a while, also where somebody waits."""
        now_s = asyncio.get_running_loop().time
        while (left_s := pace.due_s(self._times, wanted=self._wanted.is_set()) - now_s()) > 0:
            if self._wanted.is_set():
                await asyncio.sleep(left_s)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._wanted.wait()

    async def _make(self, ledger: Ledger, within_s: float) -> bool:
        self._wanted.clear()
        try:
            with self.next_file() as (file, number):
                async with asyncio.timeout(within_s):
                    with ledger.copies.begun(file) as copy:
                        await self._beside(copy, within_s)
                    await self._beside(lambda: self.hand_over(file, number), within_s)
        except (OSError, LedgerError) as error:
            _log.warning("snapshot.failed", reason=str(error) or type(error).__name__)
            return False
        for needed, done in self._waiting:
            if needed <= number and not done.done():
                done.set_result(None)
        self._waiting = [(needed, done) for needed, done in self._waiting if needed > number and not done.done()]
        return True

    @contextlib.contextmanager
    def next_file(self) -> Iterator[tuple[Path, int]]:
        """Where the next snapshot is to be made, and its number; after the block nothing is left of it here.

        Raises:
            OSError: its folder cannot be made.
        """
        self.number += 1
        folder = Path(tempfile.mkdtemp(prefix=PART, dir=self._folder))
        try:
            yield folder / f"{self.number}.db", self.number
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def hand_over(self, file: Path, number: int) -> None:
        """Uploads a snapshot that was made, and takes away what it replaces.

        Raises:
            OSError: it could not be.
        """
        if not self._may_write():
            raise OSError("the lease is lost")
        self._shelf.upload(file, campaign.snapshot(self._shard, self._epoch, number))
        if number > _KEPT:
            # Of a store that allows no removal, all are kept; the newest counts.
            with contextlib.suppress(OSError):
                self._shelf.remove(campaign.snapshot(self._shard, self._epoch, number - _KEPT))


@contextlib.contextmanager
def _held_from(at_s: float, hold: Hold) -> Iterator[None]:
    """Holds from that moment, if the block is not over before."""
    timer = asyncio.get_running_loop().call_at(at_s, hold, True)  # noqa: FBT003 - as `Hold`
    try:
        yield
    finally:
        timer.cancel()
