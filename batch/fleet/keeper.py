"""Keeps the lease of a shard from a separate thread: neither a busy event loop nor a store that hangs holds it up.

A thread and no task of the loop, because the lease is held before the loop begins and after it has ended, while a
manifest is loaded and reports are written. Each renewal has its own thread again, so that one that hangs is overtaken.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from batch.fleet import campaign
from batch.fleet.lease import LeaseRecord, LeaseTimes, Tenure, renewal_due, renewed
from batch.process.beside import within
from jobs.model import StatusCount


class Files(Protocol):
    """What a lease needs of the folder that machines share; each may raise an OSError."""

    def create(self, name: str, data: bytes) -> bool:
        """Makes a file; False where there is one."""

    def put(self, name: str, data: bytes) -> None:
        """Writes or replaces one."""

    def get(self, name: str) -> bytes | None:
        """What it holds."""

    def names(self, folder: str) -> tuple[str, ...]:
        """The files in a folder."""


class Keeper:
    """A lease that was made: `epoch` of `shard`. `on_stop` is called where the whole campaign is to stop."""

    def __init__(
        self,
        files: Files,
        place: tuple[int, int],
        record: LeaseRecord,
        *,
        began_s: float,
        times: LeaseTimes,
        clock: Callable[[], float],
    ) -> None:
        """`began_s` is when the making began."""
        self._files = files
        self.shard, self.epoch = place
        self._times = times
        self._clock = clock
        self._record = record
        self._tenure = Tenure(since_s=began_s, lapse_s=times.lapse_s)
        self._last_try_s, self._failed = began_s, False
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._tries: list[threading.Thread] = []
        self._thread: threading.Thread | None = None
        self._stop_seen = False
        self.on_stop: Callable[[], None] | None = None

    @property
    def record(self) -> LeaseRecord:
        """What its file says, or is about to."""
        return self._record

    def why_not(self) -> str | None:
        """Why nothing may be sent or written any more; None while the lease holds."""
        why = self._tenure.why_not(self._clock())
        return None if why is None else f"shard {self.shard}: {why}"

    def show(self, state: str, *, rows: int = 0, open_rows: int = 0, counts: tuple[StatusCount, ...] = ()) -> None:
        """Has the next renewal say how its shard stands."""
        with self._lock:
            self._record = msgspec.structs.replace(
                self._record, state=state, rows=rows, open_rows=open_rows, counts=counts
            )

    def start(self) -> None:
        """Renews it from now on."""
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._thread.start()

    def release(self, quiet_s: float) -> None:
        """Says that the last request has left, and is answered after `quiet_s` at the latest: waiting longer is
        needless. Where that cannot be written, or hangs, the next owner waits.
        """
        self.stop()
        if self._thread is not None:
            # It begins no renewal from here on.
            self._thread.join(self._times.look_s)
        for one in self._tries:
            # What is written later would only hide that it is released.
            one.join(self._times.look_s)
        if self.why_not() is None:
            with contextlib.suppress(OSError):
                data = self._next(quiet_s)
                within(lambda: self._files.put(self._name, data), self._times.lapse_s)

    def stop(self) -> None:
        """Renews it no more."""
        self._over.set()

    @property
    def _name(self) -> str:
        return campaign.lease(self.shard, self.epoch)

    def _beat(self) -> None:
        while not self._over.wait(self._times.look_s) and self.why_not() is None:
            now_s = self._clock()
            if renewal_due(self._tenure, self._last_try_s, now_s, self._times, failed=self._failed):
                self._last_try_s, self._failed = now_s, False
                self._tries = [one for one in self._tries if one.is_alive()]
                one = threading.Thread(target=self.renew, name="renewal", daemon=True)
                # Begun before it stands in the list, whose threads a release joins.
                one.start()
                self._tries.append(one)

    def renew(self) -> None:
        """Tries once."""
        began_s = self._clock()
        try:
            self._files.put(self._name, self._next(None))
            taken = self._files.get(campaign.lease(self.shard, self.epoch + 1)) is not None
            stopped = self._files.get(campaign.STOP) is not None
        except OSError:
            self._failed = True
            return
        with self._lock:
            self._tenure = renewed(self._tenure, began_s, self._clock(), taken=taken)
        if stopped and not self._stop_seen and self.on_stop is not None:
            # Once: more of it would break off what is in flight.
            self._stop_seen = True
            self.on_stop()

    def _next(self, quiet_s: float | None) -> bytes:
        with self._lock:
            counter = self._record.counter + 1
            self._record = msgspec.structs.replace(self._record, counter=counter, at=time.time(), quiet_s=quiet_s)
            return campaign.to_json(self._record)
