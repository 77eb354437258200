"""What a session takes from outside, the clients it makes of that, and how it ends."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

import msgspec

from batch.csms.client import CsmsClient
from batch.engine.beforehand import Keep
from batch.flow.outside import Reached
from jobs.ledger import Ledger, OpenScope
from jobs.model import Outcome
from jobs.run_view import RunView

if TYPE_CHECKING:
    from batch.csms.messages import Wire
    from batch.engine.session import Session


class SessionEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a session ended. `stopped` says why it did early; `broken` and `defect` that it could not continue at all,
    and `unrecorded` are outcomes the ledger did not take; with `lost` those that it had taken are lost too. With
    `cut_off` it did not wait for all answers.
    """

    stopped: str | None = None
    broken: str | None = None
    lost: bool = False
    defect: str | None = None
    cut_off: bool = False
    unrecorded: tuple[Outcome, ...] = ()


class Unguarded(Enum):
    """Why a guard ends a session."""

    LEASE_LOST = auto()
    """Another process may work on its rows by now."""
    NOT_KEPT = auto()
    """What was done could not be kept elsewhere for too long."""


class Guard(Protocol):
    """Who lets a session send, and keeps what it has done where that survives this machine."""

    def why_not(self) -> str | None:
        """Why nothing may be sent any more; asked before each request leaves."""

    async def kept(self) -> None:
        """Returns once all that is on record now is kept."""

    async def attend(self, session: "Session", ledger: Ledger, view: Callable[[], RunView]) -> None:
        """Guards a session until cancelled."""

    def ended(self, *, cut_off: bool) -> Unguarded | None:
        """The session has ended, some of its requests perhaps `cut_off`; why, if the guard has ended it."""


class Between(Protocol):
    """Somebody who is asked between two waves."""

    async def ask(self, wave: str) -> str | None:
        """Why not to continue after this wave; None where nothing is against it."""

    def stop(self) -> None:
        """The answer is not waited for any more; that may take a little to end."""

    def cancel(self) -> None:
        """It ends at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside(Reached):
    """The same for a session. `make_room` frees room on the disk of the ledger, once. `between` is asked between two
    waves, and `by_hand` says that a person has asked to continue, whatever became of earlier ones. `forbidden` says why
    nothing may be sent any more, and is asked before each request leaves. `keep` returns once all that is on record by
    then would survive the disk; each scope waits for that before its first PUT.
    """

    make_room: Callable[[], bool] = lambda: False
    between: Between | None = None
    by_hand: bool = False
    forbidden: Callable[[], str | None] = lambda: None
    keep: Keep | None = None


@contextlib.asynccontextmanager
async def clients(outside: Outside, scopes: Sequence[OpenScope]) -> AsyncIterator[Callable[[OpenScope], CsmsClient]]:
    """Clients that share one wire for each endpoint."""
    wires: dict[str, Wire] = {}
    async with AsyncExitStack() as stack:
        for scope in scopes:
            endpoint = scope.scope.endpoint
            if endpoint not in wires:
                wires[endpoint] = await stack.enter_async_context(outside.wire(endpoint))

        def client_of(scope: OpenScope) -> CsmsClient:
            endpoint, project_id = scope.scope.endpoint, scope.scope.project_id
            credential = outside.login.for_scope(endpoint, project_id)
            return CsmsClient(wires[endpoint], credential, project_id, user_agent=outside.user_agent)

        yield client_of
