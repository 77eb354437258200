"""One scope of a session: what its dispatcher, its rows and its watchers share, and who hears what becomes of them."""

from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from batch.csms.faults import STOPS_SCOPE, Fault, FaultKind
from batch.engine.progress import Policy
from batch.engine.recorder import Recorder
from batch.flow.switch import Switch
from batch.process.clock import Clock
from jobs.ledger import OpenScope
from jobs.model import Outcome


class ScopeEvents(Protocol):
    """Hears what happens in the scopes of a session."""

    def permitted(self) -> bool:
        """Asked before each request leaves: whether any may. Where none may, everything is stopped."""

    def ended(self, scope: OpenScope, outcome: Outcome) -> None:
        """A row has ended; its outcome is durable soon."""

    def answered(self, answer: object) -> None:
        """A request was answered, or what came in place of an answer is a `Fault`."""

    def key_held(self, scope: OpenScope, kms_key_id: str, reason: str) -> None:
        """The rows of a key are held back."""

    def key_released(self, scope: OpenScope, kms_key_id: str) -> None:
        """The key is good after all."""

    def scope_stopped(self, scope: OpenScope, reason: str) -> None:
        """The remaining rows of the scope will not be attempted."""

    def defect(self, what: str) -> None:
        """An error in this program's own logic."""


@dataclass(slots=True, kw_only=True)
class ScopeRun:
    """One scope in one session. `open_rows` of it have not ended, `reason` says why it was stopped for itself alone.
    With `looks` a row is read before its first PUT where its key before is not known; while it `waits`, its next rows
    belong to a later wave.
    """

    opened: OpenScope
    policy: Policy
    recorder: Recorder
    events: ScopeEvents
    clock: Clock
    rng: Random
    switch: Switch = field(init=False)
    open_rows: int = field(init=False)
    reason: str | None = field(default=None, init=False)
    looks: bool = field(default=False, init=False)
    waits: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """All rows are open at first, and nothing is stopped."""
        self.switch = Switch(self.events.permitted)
        self.open_rows = self.opened.open_rows

    def end(self, outcome: Outcome) -> None:
        """Takes the outcome of a row."""
        self.open_rows -= 1
        self.recorder.settle(outcome)
        self.events.ended(self.opened, outcome)

    def stop_for(self, reason: str) -> None:
        """Stops this scope alone; the first reason counts."""
        if not self.switch.stopped:
            self.reason = self.recorder.clean(reason)
            self.switch.stop()
            self.events.scope_stopped(self.opened, self.reason)

    def stop_over(self, fault: Fault) -> None:
        """Stops the scope where every further request would be answered so."""
        if fault.kind is FaultKind.INTERNAL:
            self.events.defect(f"internal error: {fault.message}")
        elif fault.kind in STOPS_SCOPE:
            self.stop_for(f"{fault.code}: {fault.message}")
