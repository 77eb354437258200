"""Classifies what was answered, once: by the service's own error code first, by the HTTP status second.

The same condition comes with different statuses (a missing secret is 404 or 400, an expired token 400, 401 or 403), so
the code decides wherever there is one. Codes: the CSMS and KMS error-code pages of the vendor's DEW API reference, and
the API gateway's error-code page. A refusal without such a code is not the service's: something between answered.
"""

import re
from http import HTTPStatus
from typing import Any

import msgspec

from batch.csms.faults import Fault, FaultKind, Quota, bounded
from batch.csms.messages import WireAnswer
from batch.csms.retry_after import retry_after_s

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What the decoder raises for a body that it can make nothing of; lists in lists without end are such a one."""
# Families such as CSMS, KMS, APIG, APIGW, IAM, DEW. A code that repeats the status, as a proxy's does, is none.
_OWN_CODE = re.compile(r"[A-Za-z][A-Za-z0-9]*\.[0-9]+")
# The sender has only stopped waiting; what it was waiting for may still be done.
_NOT_WAITED_FOR = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, 499})
_GAVE_UP = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
_GATEWAY = re.compile(r"APIGW?\.")
_QUOTA = re.compile(r"limit:([0-9]{1,9}),time:([0-9]{1,6}) ?(second|minute|hour|day)")
_SIGNING = re.compile(r"aksk|signature|secretkey|access ?key|\bak\b", re.IGNORECASE)
_PERIOD_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
_CODE_LIMIT = 64

_KINDS = {
    FaultKind.THROTTLED: "APIG.0308 IAM.0012",
    FaultKind.CREDENTIAL: "CSMS.0301 APIG.0301 APIG.0307 KMS.0301 KMS.0302 KMS.0303 IAM.0066 IAM.1108",
    FaultKind.SIGNATURE: "APIG.0303 APIG.0305 APIG.1009 IAM.1104 IAM.1105 IAM.1106 IAM.1107",
    FaultKind.MISCONFIGURED: (
        "APIG.0101 APIG.0204 APIG.0310 APIG.0311 APIG.0401 APIG.0402 APIG.0403 APIG.0404 APIG.0501 APIG.0502 APIG.0802"
        " KMS.0305 KMS.0321"
    ),
    FaultKind.FORBIDDEN: ("APIG.0302 APIG.0304 APIG.0306 CSMS.0302 KMS.0304 KMS.0307 KMS.0314 KMS.0326 KMS.0328"),
    FaultKind.KEY: (
        "CSMS.0401 KMS.0205 KMS.0207 KMS.0209 KMS.0210 KMS.0211 KMS.0306 KMS.0320 KMS.1114 KMS.1115 KMS.1301"
    ),
    FaultKind.ABSENT: "CSMS.0005 CSMS.0106",
    FaultKind.REJECTED: (
        "CSMS.0002 CSMS.0003 CSMS.0004 CSMS.0103 CSMS.0105 CSMS.0107 CSMS.0108 CSMS.0109 CSMS.0202 CSMS.0203 CSMS.0204"
        " KMS.0308 APIG.0602"
    ),
    FaultKind.UNAVAILABLE: (
        "APIG.0601 APIG.0605 APIG.0606 APIG.0608 APIG.0609 APIG.0610 APIG.0611 APIG.0612 APIG.0613 APIG.0705"
        " KMS.0101 KMS.0102"
    ),
}
_KIND_OF_CODE = {code: kind for kind, codes in _KINDS.items() for code in codes.split()}


def classify(answer: WireAnswer) -> Fault:
    """The fault that an answer other than a good 200 stands for."""
    said, message = _error_in(answer.body)
    code = said if _OWN_CODE.fullmatch(said) and not said.endswith(f".{answer.status}") else ""
    kind = _kind(answer.status, code, message)
    return Fault(
        kind=kind,
        code=code or f"HTTP.{answer.status}",
        message=bounded(_in_words(kind, answer.status, message)),
        maybe_applied=not _proves_nothing_applied(answer.status, code, kind),
        http_status=answer.status,
        request_id=answer.request_id,
        retry_after_s=retry_after_s(answer.retry_after, date=answer.date, came_s=answer.came_s),
        quota=_quota(message) if kind is FaultKind.THROTTLED else None,
    )


def words_of(answer: WireAnswer) -> str:
    """What a refusal says of itself, in whatever form: the errors of IAM have no code but the status."""
    code, message = _error_in(answer.body)
    return bounded(f"{code or f'HTTP.{answer.status}'}: {message or 'no error body'}")


def mismatch(answer: WireAnswer, what: str) -> Fault:
    """A 200 that cannot be taken for a yes."""
    return Fault(
        kind=FaultKind.MISMATCH,
        code="mismatch",
        message=bounded(f"answered {answer.status}, but {what}"),
        maybe_applied=True,
        http_status=answer.status,
        request_id=answer.request_id,
    )


def garbled(answer: WireAnswer, what: str) -> Fault:
    """A 200 that is not the service's at all, as of a proxy's page: like no answer."""
    return msgspec.structs.replace(mismatch(answer, what), kind=FaultKind.LOST)


def _kind(status: int, code: str, message: str) -> FaultKind:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        # Whatever it says, the service itself does not redirect.
        return FaultKind.MISCONFIGURED
    if status in _NOT_WAITED_FOR:
        return FaultKind.UNAVAILABLE
    known = _KIND_OF_CODE.get(_GATEWAY.sub("APIG.", code))
    if known is FaultKind.CREDENTIAL and _SIGNING.search(message):
        return FaultKind.SIGNATURE
    return known or _kind_of_status(status, own=bool(code))


def _kind_of_status(status: int, *, own: bool) -> FaultKind:
    match status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            return FaultKind.THROTTLED
        case HTTPStatus.UNAUTHORIZED:
            return FaultKind.CREDENTIAL
        case _ if status < HTTPStatus.OK or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return FaultKind.UNAVAILABLE
        case _ if status < HTTPStatus.MULTIPLE_CHOICES:
            # The service answers 200 alone; any other is a portal's or a cache's.
            return FaultKind.LOST
        case _ if not own:
            return FaultKind.FOREIGN
        case HTTPStatus.FORBIDDEN:
            return FaultKind.FORBIDDEN
        case HTTPStatus.NOT_FOUND:
            return FaultKind.ABSENT
        case _:
            return FaultKind.REJECTED


def _proves_nothing_applied(status: int, code: str, kind: FaultKind) -> bool:
    """The service's own 4xx does, and so does a refusal for the rate: a gateway that gave up may have a backend that
    has not.
    """
    if kind is FaultKind.THROTTLED:
        return status not in _GAVE_UP
    return bool(code) and 400 <= status < 500 and status not in _NOT_WAITED_FOR  # noqa: PLR2004 - the class of status, RFC 9110 15.5


def _in_words(kind: FaultKind, status: int, message: str) -> str:
    if kind is FaultKind.FOREIGN:
        says = f" It says: {message}" if message else ""
        return (
            f"answered {status} without the service's own error body: a proxy, filter or gateway before the service?"
            f"{says}"
        )
    if message:
        return message
    if 300 <= status < 400:  # noqa: PLR2004 - the class of status, RFC 9110 15.4
        return f"the endpoint redirects (HTTP {status}), which is never followed: it is not the service itself"
    if status < 300:  # noqa: PLR2004 - the class of status, RFC 9110 15.3
        return f"answered {status}, and the service answers 200 alone: a proxy, filter or gateway before the service?"
    return f"HTTP {status} without the service's own error body"


def _quota(message: str) -> Quota | None:
    match = _QUOTA.search(message)
    if match is None or not int(match[1]) or not int(match[2]):
        return None
    return Quota(requests=int(match[1]), period_s=int(match[2]) * _PERIOD_S[match[3]])


def _error_in(body: bytes) -> tuple[str, str]:
    """Error code and message of any of the shapes the vendor's services use; two empty texts where there is none."""
    try:
        said: Any = msgspec.json.decode(body)
    except UNREADABLE:
        return "", ""
    if isinstance(said, dict) and isinstance(said.get("error"), dict):
        said = said["error"]
    if not isinstance(said, dict):
        return "", ""
    code = _first(said, "error_code", "errorCode", "code")
    return bounded(code, _CODE_LIMIT), _first(said, "error_msg", "errorMsg", "message", "title")


def _first(said: dict[str, Any], *names: str) -> str:
    for name in names:
        value = said.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
    return ""
