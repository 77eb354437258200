"""Guards the session of a shard: nothing leaves without the lease, and what was done is copied to the shared folder."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from batch.engine.outside import Unguarded
from batch.engine.session import Session
from batch.fleet.keeper import Keeper
from batch.fleet.lease import LeaseTimes
from batch.fleet.snapshots import Beside, Shelf, Snapshots
from batch.process.beside import beside
from jobs.ledger import Ledger
from jobs.run_view import RunView

_log = structlog.get_logger()
_LOOK_S = 1.0
_LATE = "no snapshot of its ledger could be kept"


class Tenant:
    """The `Guard` of a run that holds a lease; snapshots are made in `folder` and kept on `shelf`."""

    def __init__(
        self, keeper: Keeper, shelf: Shelf, folder: Path, times: LeaseTimes, *, timeout_s: float, run: Beside = beside
    ) -> None:
        self.keeper = keeper
        self.times = times
        self._timeout_s = timeout_s
        self.snapshots = Snapshots(
            shelf,
            (keeper.shard, keeper.epoch),
            folder,
            times=times,
            may_write=lambda: keeper.why_not() is None,
            beside=run,
        )
        self._late = False
        self.begun = False
        """A session has begun: until it has ended, requests may be under way."""
        self.quiet_s = times.quiet_s
        """How long after its end the last request of a session is answered."""

    def why_not(self) -> str | None:
        """As `Guard`."""
        return self.keeper.why_not()

    async def kept(self) -> None:
        """As `Guard`."""
        await self.snapshots.kept()

    async def attend(self, session: Session, ledger: Ledger, view: Callable[[], RunView]) -> None:
        """As `Guard`."""
        self.begun = True

        def hold(held: bool) -> None:  # noqa: FBT001 - as `Hold`
            if held and not session.controls.held:
                _log.warning("snapshot.late", reason="nothing is sent until a copy of the ledger is kept")
            session.controls.hold(held)

        def late() -> None:
            self._late = True
            session.stop(_LATE)

        try:
            await asyncio.gather(self._look_after(session, view), self.snapshots.make_for(ledger, hold, late))
        except Exception as error:
            _log.error("guard.defect", exc_info=True)
            session.defect(f"internal error: {type(error).__name__}")
            raise

    def ended(self, *, cut_off: bool) -> Unguarded | None:
        """As `Guard`."""
        self.begun = False
        if cut_off:
            self.quiet_s = max(self.quiet_s, self._timeout_s)
        if self.keeper.why_not() is not None:
            return Unguarded.LEASE_LOST
        return Unguarded.NOT_KEPT if self._late else None

    async def _look_after(self, session: Session, view: Callable[[], RunView]) -> None:
        """Also while nothing is sent, a lease that is lost ends the session."""
        while True:
            if (why := self.keeper.why_not()) is not None:
                session.stop(why)
            now = view()
            state = "stopping" if now.stopping else "paused" if now.paused else "running"
            self.keeper.show(state, rows=now.total, open_rows=now.open_rows, counts=now.counts)
            await asyncio.sleep(_LOOK_S)
