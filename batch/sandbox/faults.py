"""What can go wrong with one request: what the client gets to see, and what became of its update meanwhile."""

from enum import StrEnum
from typing import Protocol

import msgspec

from batch.sandbox.refusals import Refusal, refusal
from batch.sandbox.result import Result
from batch.sandbox.wire import Arrival


class Delivery(StrEnum):
    """How an answer reaches the client, or does not."""

    WHOLE = "whole"
    CUT = "cut"
    """Half of the body the head promises, then the connection ends."""
    RESET = "reset"
    """No answer; the connection is reset."""
    DROP = "drop"
    """Nothing is done and nothing is said; the connection is closed."""
    SILENCE = "silence"
    """No answer for as long as the client stays."""


class InjectedFault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that goes wrong with one request; `name` is what the journal calls it.

    `instead` is said in place of the service's own answer. What became of the update is independent of what is said:
    with `applied` the service still carries out the request, with `lands_after_s` it does so that many seconds
    later, and with neither it never does; a request not carried out is answered 500 unless something is said instead.
    A request the gateway turns away is answered so, whatever the fault. `ends_tokens` makes all tokens given out so
    far invalid before anything else is done. `delay_s` holds the answer back.
    """

    name: str
    delivery: Delivery = Delivery.WHOLE
    instead: Refusal | Result | None = None
    applied: bool = False
    lands_after_s: float | None = None
    ends_tokens: bool = False
    delay_s: float = 0.0


class FaultScript(Protocol):
    """Decides for every request, in the order they arrive, what goes wrong with it."""

    def decide(self, arrival: Arrival) -> InjectedFault | None:
        """The fault this request meets, or None when all is well. Asked exactly once for each."""
        ...


_GATEWAY_CODES = {
    401: "APIGW.0307",
    403: "APIGW.0302",
    429: "APIG.0308",
    500: "APIGW.0601",
    502: "APIGW.0610",
    503: "APIGW.0613",
    504: "APIGW.0201",
}
_THROTTLED = "policy user over ratelimit,limit:20,time:1 second"
_PAGE = (
    b"<html>\r\n<head><title>%d</title></head>\r\n<body><center><h1>%d</h1></center><hr>CloudWAF</body>\r\n</html>\r\n"
)


def gateway_error(
    status: int, *, applied: bool = False, lands_after_s: float | None = None, retry_after: str | None = None
) -> InjectedFault:
    """The gateway's own error of that status, with the code it uses for it.

    Raises:
        KeyError: the gateway has no error of that status here.
    """
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    no = refusal(_GATEWAY_CODES[status], _THROTTLED if status == 429 else "", headers=headers)  # noqa: PLR2004 # HTTP's number
    return InjectedFault(name=str(status), instead=no, applied=applied, lands_after_s=lands_after_s)


def page(status: int, *, applied: bool = False) -> InjectedFault:
    """An HTML page of a proxy on the way, with any status: 200 too."""
    body = _PAGE % (status, status)
    result = Result(status=status, body=body, content_type="text/html")
    return InjectedFault(name=f"html{status}", instead=result, applied=applied)


def reset(*, applied: bool, lands_after_s: float | None = None) -> InjectedFault:
    """The connection is reset in place of an answer."""
    return InjectedFault(name="reset", delivery=Delivery.RESET, applied=applied, lands_after_s=lands_after_s)


def silence(*, applied: bool, lands_after_s: float | None = None) -> InjectedFault:
    """No answer ever comes."""
    return InjectedFault(name="timeout", delivery=Delivery.SILENCE, applied=applied, lands_after_s=lands_after_s)


def cut(*, applied: bool = True) -> InjectedFault:
    """The answer breaks off half way; an update that was not applied has an error 500 break off."""
    return InjectedFault(name="truncate", delivery=Delivery.CUT, applied=applied)


def drop() -> InjectedFault:
    """The connection is closed and nothing was done."""
    return InjectedFault(name="drop", delivery=Delivery.DROP)


def tokens_end() -> InjectedFault:
    """All tokens given out so far are invalid from this request on; nothing else is wrong."""
    return InjectedFault(name="token", applied=True, ends_tokens=True)
