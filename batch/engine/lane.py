"""One scope of a session, wave after wave: what its service has shown lasts, and its rows are those of the wave."""

from batch.csms.client import CsmsClient
from batch.engine.assembly import Shared, admission_of, assemble, before_first_put
from batch.engine.fail_fast import FailFast
from batch.engine.fresh_rows import FreshRows, OpenRows
from batch.engine.scope import ScopeRun
from jobs.rate import Rate
from jobs.run_view import SENDING, ScopeState, ScopeView


class Lane:
    """Runs one scope once, or once in each wave that has rows of it."""

    def __init__(self, scope: ScopeRun, rows: OpenRows, client: CsmsClient, shared: Shared) -> None:
        self.scope = scope
        self._rows = rows
        self._client = client
        self._shared = shared
        self._fail_fast = FailFast()
        self._admission = admission_of(scope, client, shared)
        self._looked = False
        self._last: ScopeView | None = None
        """How it stood once it had ended and its last second was over: nothing changes any more."""
        self._prepare(scope.open_rows)

    @property
    def sent(self) -> int:
        """Requests of this scope that have left."""
        return self._admission.sent

    @property
    def allowed_per_s(self) -> float:
        """What may be sent in a second now."""
        state, _ = self._dispatcher.state()
        return self._admission.rate_per_s if state in SENDING else 0.0

    def wait(self) -> None:
        """Its rows belong to waves, and none has begun."""
        self.scope.waits = True
        self._admission.close()

    def enter(self, open_rows: int) -> None:
        """A wave begins that has so many rows of it."""
        self._last = None
        self.scope.waits = False
        self._admission.reopen()
        self._prepare(open_rows)

    async def run(self) -> None:
        """Works until no row is left or the scope is stopped; then waits for what is in flight and parks the rest."""
        if not self._looked:
            self._looked = True
            first = before_first_put(self.scope, self._fresh, self._client, self._shared, self._admission)
            self._dispatcher.begin_with(*first)
        await self._dispatcher.run()

    async def run_in_wave(self) -> None:
        """The same, and later waves may have more."""
        await self.run()
        self.scope.waits = self.scope.open_rows > 0

    def stop(self) -> None:
        """Starts no more requests; what is in flight is waited for."""
        self._dispatcher.stop()

    def cancel(self) -> None:
        """Breaks off what is in flight."""
        self._dispatcher.cancel()

    def obey(self, rate: Rate, *, paused: bool) -> None:
        """Sends at this rate from now on, or nothing until the pause is over."""
        self._last = None
        self._dispatcher.obey(rate, paused=paused)

    def view(self) -> ScopeView:
        """How the scope stands now."""
        if self._last is not None:
            return self._last
        view = self._dispatcher.view()
        if view.state is ScopeState.ENDED and not view.accepted_per_s:
            self._last = view
        return view

    def _prepare(self, open_rows: int) -> None:
        self._fresh = FreshRows(self._rows, open_rows)
        self._dispatcher = assemble(
            self.scope,
            self._fresh,
            self._client,
            old_land_until_s=self._shared.old_land_until_s,
            admission=self._admission,
            fail_fast=self._fail_fast,
        )
