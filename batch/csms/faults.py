"""Everything the service or the wire can answer other than what was asked for: a closed set of values."""

from enum import StrEnum
from http import HTTPStatus

import msgspec

from batch.redaction.masked import CUT

MESSAGE_LIMIT = 500


class FaultKind(StrEnum):
    """What went wrong, by what has to be done about it."""

    UNREACHABLE = "unreachable"
    """The request never left: no connection, no name, no handshake."""
    LOST = "lost"
    """The request may have left, and no whole answer came back."""
    UNAVAILABLE = "unavailable"
    """The service or something before it is not able to answer now."""
    THROTTLED = "throttled"
    """Refused for its rate alone; certainly not applied."""
    CREDENTIAL = "credential"
    """The token or temporary key is not, or no longer, accepted."""
    SIGNATURE = "signature"
    """The signature is wrong or the access key is barred: more tries lock it."""
    FOREIGN = "foreign"
    """A refusal that is not in the service's own words: something between refused, and proves nothing."""
    FORBIDDEN = "forbidden"
    """The caller has no right to do this."""
    KEY = "key"
    """The service blames the KMS key."""
    ABSENT = "absent"
    """The service has no such secret, or whatever else the request is about."""
    REJECTED = "rejected"
    """Another definite, permanent refusal of this one request."""
    MISMATCH = "mismatch"
    """Answered 200, but not as the service answers, or for another secret or key."""
    MISCONFIGURED = "misconfigured"
    """Every request to this place would end so: wrong endpoint or project, redirect, certificate, source address."""
    INTERNAL = "internal"
    """A defect of this program."""


PASSING = frozenset({FaultKind.UNREACHABLE, FaultKind.LOST, FaultKind.UNAVAILABLE, FaultKind.THROTTLED})
NO_SERVICE = frozenset({FaultKind.UNREACHABLE, FaultKind.LOST, FaultKind.UNAVAILABLE, FaultKind.FOREIGN})
"""Signs that the service itself was not reached: no connection, no answer, a garbled or a foreign one.
"""
OF_THE_MOMENT = frozenset({FaultKind.FORBIDDEN, FaultKind.KEY, FaultKind.ABSENT})
"""Refusals that can be true of a row or only of this moment: of a login, a right, a key, a project."""
PERMANENT = OF_THE_MOMENT | {FaultKind.REJECTED}
STOPS_SCOPE = frozenset({FaultKind.CREDENTIAL, FaultKind.SIGNATURE, FaultKind.MISCONFIGURED, FaultKind.INTERNAL})


class Quota(msgspec.Struct, frozen=True):
    """A limit as the service itself words it: `requests` in `period_s` seconds."""

    requests: int
    period_s: float


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One request that did not do what it was sent for.

    `maybe_applied` is True unless it is proven that a change asked for by this request was not made. `withheld` says
    that it never left this program: whatever its kind, it does not count as an attempt.
    """

    kind: FaultKind
    code: str
    message: str
    maybe_applied: bool
    http_status: int | None = None
    request_id: str | None = None
    retry_after_s: float | None = None
    quota: Quota | None = None
    withheld: bool = False

    @property
    def brief(self) -> str:
        """In few characters: `504`, `timeout`. An answer with a good status is known by its code."""
        return str(self.http_status) if self.http_status and self.http_status >= HTTPStatus.BAD_REQUEST else self.code


def bounded(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """Makes a text that came from outside fit to be kept: no longer than is worth keeping, and valid as UTF-8.

    It may echo a credential; code that stores or shows it removes that, and the piece of one that a cut has left.
    """
    kept = text if len(text) <= limit else text[: limit - len(CUT)] + CUT
    return kept.encode("utf-8", "replace").decode()
