"""What goes over the wire and comes back, as values, and who carries it."""

from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

import msgspec

from batch.csms.faults import Fault
from batch.redaction.masked import Masked


def nothing() -> None:
    """A callback that does nothing."""


class HeldBackError(Exception):
    """Raised by a departure: for the time being no request may leave."""


class Departure(Protocol):
    """Called at the two moments at which a request leaves; at each of them it can raise `HeldBackError`."""

    def may_leave(self) -> bool:
        """Whether it may still leave: it is authorized by now, which may have taken a while."""

    def leaving(self) -> None:
        """Its first byte may leave now."""


class Unwatched:
    """A departure that is not recorded."""

    def may_leave(self) -> bool:
        """Always."""
        return True

    def leaving(self) -> None:
        """Nothing depends on it."""


UNWATCHED = Unwatched()


BODY_LIMIT = 65_536
"""The largest answer about one thing."""


class WireRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it goes on the wire: `target` is the encoded path with its query, `body` the exact bytes.

    An answer of more than `answer_limit` bytes is not read to its end.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    answer_limit: int = BODY_LIMIT

    def __repr__(self) -> str:
        return f"WireRequest({self.method} {self.target})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a request is never pickled: its headers and body may hold a credential")


class WireAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer: read to its end and below the limit. `subject_token` is a token that IAM gave out with it.

    `came_s` is when it came by the local clock, in UTC seconds since 1970.
    """

    status: int
    body: bytes
    request_id: str | None = None
    retry_after: str | None = None
    date: str | None = None
    subject_token: Masked | None = None
    came_s: float | None = None


class Wire(Protocol):
    """Sends one request to one endpoint."""

    async def send(self, request: WireRequest, leaving: Callable[[], None] = nothing) -> WireAnswer | Fault:
        """Sends it once; never raises but for cancellation. `leaving` is called when its first byte may leave."""
