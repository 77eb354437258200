"""One request of a client, from the credential to the answer: what every call to the service goes through."""

import functools
from collections.abc import Mapping

import msgspec

from batch.csms.auth import Credential, NotAuthorizedError
from batch.csms.faults import Fault, FaultKind
from batch.csms.messages import BODY_LIMIT, UNWATCHED, Departure, HeldBackError, Wire, WireAnswer, WireRequest

PAGE_LIMIT = 8_388_608
"""The largest answer that is taken for a page of a list: a thousand secrets with the longest descriptions fit in."""
_UNHEARD = Fault(kind=FaultKind.LOST, code="cancelled", message="the answer was not waited for", maybe_applied=True)
_STOPPED = Fault(
    kind=FaultKind.UNREACHABLE, code="stopped", message="the run was stopped", maybe_applied=False, withheld=True
)
HELD_BACK = msgspec.structs.replace(_STOPPED, code="paused", message="the run is paused")
"""It did not leave, and says nothing about its row or the service."""


class Calls:
    """Sends requests to one place with one credential, each at most once."""

    def __init__(self, wire: Wire, credential: Credential, *, user_agent: str) -> None:
        self._wire = wire
        self.credential = credential
        self._headers, self._headers_with_body = _headers(user_agent)

    async def get(
        self, target: str, departure: Departure = UNWATCHED, *, answer_limit: int = BODY_LIMIT
    ) -> WireAnswer | Fault:
        """Reads what is at an encoded path with its query."""
        request = WireRequest(method="GET", target=target, headers=self._headers, answer_limit=answer_limit)
        return await self._send(request, departure)

    async def put(self, target: str, body: bytes, departure: Departure = UNWATCHED) -> WireAnswer | Fault:
        """Changes what is at an encoded path."""
        return await self._send(
            WireRequest(method="PUT", target=target, headers=self._headers_with_body, body=body), departure
        )

    async def post(
        self, target: str, body: bytes, departure: Departure = UNWATCHED, *, answer_limit: int = BODY_LIMIT
    ) -> WireAnswer | Fault:
        """Asks what takes its question in a body."""
        request = WireRequest(
            method="POST", target=target, headers=self._headers_with_body, body=body, answer_limit=answer_limit
        )
        return await self._send(request, departure)

    async def _send(self, request: WireRequest, departure: Departure) -> WireAnswer | Fault:
        try:
            authorized = await self.credential.authorize(request)
        except NotAuthorizedError as error:
            return error.fault
        generation = self.credential.generation
        answer: WireAnswer | Fault = _STOPPED
        try:
            if departure.may_leave():
                answer = _UNHEARD
                answer = await self._wire.send(authorized, departure.leaving)
        except HeldBackError:
            answer = HELD_BACK
        finally:
            self.credential.observe(answer, generation)
        return answer


@functools.cache
def _headers(user_agent: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Those of a request without and with a body: the same objects for every project, by which those who add to them
    know them again.
    """
    headers = {
        "Accept": "application/json",
        # A compressed answer could unpack to any size.
        "Accept-Encoding": "identity",
        "User-Agent": user_agent,
        "X-Language": "en-us",
    }
    return headers, {**headers, "Content-Type": "application/json"}
