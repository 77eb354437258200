"""How a run that is going stands at one moment, as values: what a screen, a log line and a metric are made of."""

from enum import StrEnum

import msgspec

from jobs.model import Group, StatusCount


class ScopeState(StrEnum):
    """What a scope is doing, the most interesting first."""

    STOPPED = "stopped"
    """The rest of its rows will not be attempted in this run."""
    OUTAGE = "outage"
    """Its service does not answer; it is asked now and then whether it is back."""
    THROTTLED = "throttled"
    """Its service refused a request for its rate; nothing leaves for a while."""
    SETTLING = "settling"
    """Nothing is left to send: rows in doubt are read as soon as no attempt of theirs can still be applied."""
    RUNNING = "running"
    """Requests leave."""
    ENDED = "ended"
    """No row is left."""


class ScopeView(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint and project.

    `allowed_per_s` is the rate now, in requests per second, infinite where nothing limits it. `again_in_s` is how long
    nothing leaves, where that is known. `reason` says why it was stopped.
    """

    project_id: str
    region: str | None
    state: ScopeState
    open_rows: int
    in_flight: int
    allowed_per_s: float
    again_in_s: float | None = None
    reason: str | None = None


class FaultCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests of this run were answered so, and what was said the last time."""

    code: str
    requests: int
    message: str


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """What a session knows of itself: `requests` have left since it began, reads too; faults come most recent first.

    `stopping` says why no more requests are started, where that is so.
    """

    requests: int
    scopes: tuple[ScopeView, ...]
    faults: tuple[FaultCount, ...]
    stopping: str | None = None


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `counts` are of rows that have ended, over all runs and resumes; rates are those of the last seconds.

    `eta_s` is how long the open rows take at the rate that is really achieved, None where nobody can tell.
    """

    total: int
    open_rows: int
    in_flight: int
    counts: tuple[StatusCount, ...]
    elapsed_s: float
    rows_per_s: float
    eta_s: float | None
    requests_per_s: float
    requests: int
    scopes: tuple[ScopeView, ...] = ()
    faults: tuple[FaultCount, ...] = ()
    stopping: str | None = None

    @property
    def ended(self) -> int:
        """Rows that have ended."""
        return self.total - self.open_rows

    @property
    def allowed_per_s(self) -> float:
        """What all scopes together may send in a second now; those that wait or have ended may send nothing."""
        return sum((scope.allowed_per_s for scope in self.scopes if scope.state is ScopeState.RUNNING), 0.0)

    def of_group(self, group: Group) -> int:
        """Rows that ended so that this is to be done about them."""
        return sum(count.rows for count in self.counts if count.status.group is group)
