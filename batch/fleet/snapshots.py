"""Copies the ledger of a shard into the shared folder, where the next owner finds it if this disk is lost.

The first copy is there before the first PUT of each scope, so that no key before is lost; then there is one a minute.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from batch.fleet import campaign
from batch.fleet.lease import LeaseTimes
from jobs.ledger import Ledger, LedgerError
from jobs.run_dir.durable import PART

_log = structlog.get_logger()
_KEPT = 2
"""The last ones of an owner: one may be read while the next is written."""
_MISSED = 3
"""Intervals without a snapshot after which nothing more is sent: more than one would be sent again."""

Work = Callable[[], None]
Beside = Callable[[Work, float], Awaitable[None]]
"""Runs work that may hang, for a few seconds at most."""


class Shelf(Protocol):
    """Where snapshots are kept; each may raise an OSError."""

    def upload(self, file: Path, name: str) -> None:
        """Writes a whole file."""

    def remove(self, name: str) -> None:
        """Takes one away, if it is there."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """When snapshots were made: the last that was kept began at `kept_s`, the last try at `tried_s`."""

    kept_s: float
    tried_s: float
    failed: bool = False

    def due_s(self, times: LeaseTimes) -> float:
        """When the next is due; one that failed is tried again soon."""
        return self.tried_s + (times.look_s if self.failed else times.snapshot_s)

    def late_in_s(self, now_s: float, times: LeaseTimes) -> float:
        """Seconds until too much would be lost with the disk."""
        return self.kept_s + _MISSED * times.snapshot_s - now_s


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

    async def make_for(self, ledger: Ledger, on_late: Callable[[], None]) -> None:
        """Makes them until cancelled; `on_late` is called where none could be kept for too long."""
        now_s = asyncio.get_running_loop().time
        pace = Pace(kept_s=now_s(), tried_s=now_s())
        while pace.late_in_s(now_s(), self._times) > 0:
            await self._until(pace.due_s(self._times) - now_s(), failed=pace.failed)
            pace = msgspec.structs.replace(pace, tried_s=now_s())
            if await self._make(ledger, min(2 * self._times.snapshot_s, pace.late_in_s(now_s(), self._times))):
                pace = Pace(kept_s=pace.tried_s, tried_s=pace.tried_s)
            else:
                pace = msgspec.structs.replace(pace, failed=True)
        on_late()

    async def _until(self, seconds: float, *, failed: bool) -> None:
        """Sleeps until the next is due, or wanted; a store that has just failed is left alone for a while."""
        if failed:
            await asyncio.sleep(seconds)
        elif seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self._wanted.wait()
            except TimeoutError:
                pass

    async def _make(self, ledger: Ledger, within_s: float) -> bool:
        self._wanted.clear()
        try:
            file = self.copy_of(ledger, live=True)
            number = self.number
            await self._beside(lambda: self.hand_over(file, number), within_s)
        except (OSError, LedgerError) as error:
            _log.warning("snapshot.failed", reason=str(error) or type(error).__name__)
            return False
        for needed, done in self._waiting:
            if needed <= number and not done.done():
                done.set_result(None)
        self._waiting = [(needed, done) for needed, done in self._waiting if needed > number and not done.done()]
        return True

    def copy_of(self, ledger: Ledger, *, live: bool) -> Path:
        """A file with the next snapshot, which is the last word on its rows where it is not `live`.

        Raises:
            LedgerError: the ledger cannot be read, or the file not be written.
            OSError: its folder cannot be made.
        """
        self.number += 1
        file = Path(tempfile.mkdtemp(prefix=PART, dir=self._folder)) / f"{self.number}.db"
        ledger.copies.make(file, live=live)
        return file

    def hand_over(self, file: Path, number: int) -> None:
        """Uploads a snapshot that was made, and takes away what it replaces.

        Raises:
            OSError: it could not be.
        """
        try:
            if not self._may_write():
                raise OSError("the lease is lost")
            self._shelf.upload(file, campaign.snapshot(self._shard, self._epoch, number))
            if number > _KEPT:
                # Of a store that lets nobody remove, all are kept; the newest counts.
                with contextlib.suppress(OSError):
                    self._shelf.remove(campaign.snapshot(self._shard, self._epoch, number - _KEPT))
        finally:
            file.unlink(missing_ok=True)
            file.parent.rmdir()
