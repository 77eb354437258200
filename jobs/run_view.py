"""How a run that is going stands at one moment, as values: what a screen, a log line and a metric are made of."""

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Self

import msgspec

from jobs.model import Group, StatusCount


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a job when a session begins; rows that share an earlier row's outcome are not counted."""

    open_rows: int
    ended: tuple[StatusCount, ...]


class WaveStage(StrEnum):
    """What a run by waves does."""

    RUNNING = "running"
    """The rows of the wave are sent."""
    SOAKING = "soaking"
    """It is over, and nothing is sent until its time is over too."""
    ASKING = "asking"
    """It is over, and a command is asked whether to continue."""


class WaveView(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run by waves stands: at the `number`-th of so many `waves`. Once that is over, `following` is the next
    one, which begins no sooner than `again_in_s`, where that is known.
    """

    name: str
    number: int
    waves: int
    stage: WaveStage
    following: str | None = None
    again_in_s: float | None = None

    def again_in(self, seconds: float) -> Self:
        """The same with the time that is left."""
        return msgspec.structs.replace(self, again_in_s=seconds)


class ScopeState(StrEnum):
    """What a scope is doing, the most interesting first."""

    STOPPED = "stopped"
    """The rest of its rows will not be attempted in this run."""
    PAUSED = "paused"
    """Held back by `set --pause`; what is in flight is finished."""
    OUTAGE = "outage"
    """Its service does not answer; it is asked now and then whether it is back."""
    THROTTLED = "throttled"
    """Its service refused a request for its rate; nothing leaves for a while."""
    SLOWED = "slowed"
    """Requests leave, and some of them fail or are refused for the rate, which costs time."""
    SETTLING = "settling"
    """Nothing is left to send: rows in doubt are read as soon as none of their attempts can still be applied."""
    RUNNING = "running"
    """Requests leave."""
    WAITING = "waiting"
    """Its next rows belong to a later wave."""
    ENDED = "ended"
    """No row is left."""


# Shares of the last requests, and of the rate.
_FAILING, _REFUSED, _REDUCED = 0.1, 0.04, 0.95
SENDING = frozenset({ScopeState.SLOWED, ScopeState.RUNNING})


class ScopeView(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint and project.

    `allowed_per_s` is the rate now, in requests per second, and `asked_per_s` the one that the user allows, both
    infinite where nothing limits them; `named_per_s` is the latter, lowered to a limit that the service has named.
    `refused` and `unanswered` are shares of the last requests, `code` is what most of the unanswered had in place of an
    answer, and `accepted_per_s` is how many others there were in the last second.

    `again_in_s` is how long nothing leaves and `gives_up_in_s` how long that may last, where that is known. `reason`
    says why it was stopped, `held_reason` why the first of its `held_keys` is held back. In an outage of its login,
    `login` says where that is from.
    """

    project_id: str
    region: str | None
    state: ScopeState
    open_rows: int
    in_flight: int
    allowed_per_s: float
    asked_per_s: float = math.inf
    named_per_s: float | None = None
    accepted_per_s: float = 0.0
    refused: float = 0.0
    unanswered: float = 0.0
    code: str = ""
    again_in_s: float | None = None
    gives_up_in_s: float | None = None
    reason: str | None = None
    held_keys: int = 0
    held_reason: str | None = None
    login: str | None = None

    @property
    def usual_per_s(self) -> float:
        """What may be sent in a second where nothing is refused."""
        return self.asked_per_s if self.named_per_s is None else self.named_per_s

    @property
    def reduced(self) -> bool:
        """Whether the rate was lowered because requests were refused."""
        return self.allowed_per_s < _REDUCED * self.usual_per_s < math.inf

    @property
    def slowed(self) -> bool:
        """Whether failures and refusals cost time that is worth a word."""
        return self.unanswered >= _FAILING or self.refused >= _REFUSED or self.reduced


class FaultCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests of this run were answered so, and what was said the last time."""

    code: str
    requests: int
    message: str


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """What a session knows of itself: `requests` have left since it began, reads too; faults come most recent first.

    `stopping` says why no more requests are started, where that is so; in a pause they are `paused`. `rate` is the
    user's now, `full_rate` the one that the session began with.
    """

    requests: int
    scopes: tuple[ScopeView, ...]
    faults: tuple[FaultCount, ...]
    stopping: str | None = None
    paused: bool = False
    rate: str = ""
    full_rate: str = ""
    wave: WaveView | None = None

    @property
    def allowed_per_s(self) -> float:
        """What all scopes together may send in a second now; those that wait or have ended may send nothing."""
        return _allowed_per_s(self.scopes)


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `counts` are of rows that have ended, over all runs and resumes; rates are those of the last seconds.

    `eta_s` is how long the open rows take at the rate that is really achieved, None where that is not known. So many
    projects were `sending` at once in these seconds.
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
    paused: bool = False
    rate: str = ""
    full_rate: str = ""
    sending: int = 0
    wave: WaveView | None = None

    @property
    def ended(self) -> int:
        """Rows that have ended."""
        return self.total - self.open_rows

    @property
    def allowed_per_s(self) -> float:
        """What all scopes together may send in a second now."""
        return _allowed_per_s(self.scopes)

    def of_group(self, group: Group) -> int:
        """Rows that ended so that this is to be done about them."""
        return sum(count.rows for count in self.counts if count.status.group is group)


def _allowed_per_s(scopes: Iterable[ScopeView]) -> float:
    return sum((scope.allowed_per_s for scope in scopes if scope.state in SENDING), 0.0)
