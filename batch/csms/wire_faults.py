"""What an exception of the HTTP library stands for: whether the request may have left, and what to do about it."""

import aiohttp
import msgspec

from batch.csms.faults import Fault, FaultKind, bounded

# OpenSSL's words for a handshake that ends in the same way every time: another protocol, or a certificate that one
# side does not take. Whatever else breaks one off, such as a server that restarts, may be over the next time.
_LASTING = frozenset(
    {
        "CERTIFICATE_VERIFY_FAILED",
        "HTTP_REQUEST",
        "NO_PROTOCOLS_AVAILABLE",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_SSL_VERSION",
        "WRONG_VERSION_NUMBER",
    }
)


class GarbledError(Exception):
    """What came is not HTTP."""


def fault_of(error: Exception, *, sent: bool) -> Fault:
    """What an exception of the HTTP library stands for; the order matters, its classes overlap.

    The status inside an exception is never trusted: aiohttp calls a garbled answer a 400.
    """
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return _unsent(_kind_of_handshake(error), "tls", told(error))
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return _unsent(FaultKind.UNREACHABLE, "unreachable", told(error))
        case (
            aiohttp.InvalidURL()
            | aiohttp.NonHttpUrlClientError()
            | aiohttp.RedirectClientError()
            | aiohttp.TooManyRedirects()
        ):
            return _unsent(FaultKind.INTERNAL, "internal", type(error).__name__)
        case TimeoutError():
            return _sent_or_not("timeout", "no whole answer within the timeout", sent=sent)
        case aiohttp.ClientHttpProxyError():
            return _refused_by_proxy(error.status, sent=sent)
        # Before the request has left, these are a proxy's answers to CONNECT.
        case aiohttp.ClientPayloadError():
            return _sent_or_not("truncated", "the answer was cut off", sent=sent)
        case GarbledError() | aiohttp.ClientResponseError():
            return _sent_or_not("garbled", "the answer is not HTTP", sent=sent)
        case aiohttp.ClientError() | OSError():
            return _sent_or_not("disconnected", told(error), sent=sent)
        case _:
            fault = lost("internal", f"{type(error).__name__} while sending")
            return msgspec.structs.replace(fault, kind=FaultKind.INTERNAL, maybe_applied=sent)


def _refused_by_proxy(status: int, *, sent: bool) -> Fault:
    message = f"the proxy refuses to connect (HTTP {status})"
    if 400 <= status < 500:  # noqa: PLR2004 - the class of status, RFC 9110 15.5
        # A wrong login above all: asking again with it would lock an account.
        return _unsent(FaultKind.MISCONFIGURED, "proxy", message)
    return _sent_or_not("proxy", message, sent=sent)


def _kind_of_handshake(error: aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError) -> FaultKind:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return FaultKind.MISCONFIGURED
    lasting = getattr(error.os_error, "reason", None) in _LASTING
    return FaultKind.MISCONFIGURED if lasting else FaultKind.UNREACHABLE


def told(error: BaseException) -> str:
    """Names an error without its repr, which in aiohttp shows every request header."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else ""
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error.strerror or type(error.os_error).__name__
    return bounded(f"{type(error).__name__}: {reason}" if reason else type(error).__name__)


def _unsent(kind: FaultKind, code: str, message: str) -> Fault:
    return Fault(kind=kind, code=code, message=bounded(message), maybe_applied=False)


def lost(code: str, message: str, http_status: int | None = None) -> Fault:
    """It may have left, and what became of it is not known."""
    return Fault(kind=FaultKind.LOST, code=code, message=message, maybe_applied=True, http_status=http_status)


def _sent_or_not(code: str, message: str, *, sent: bool) -> Fault:
    return lost(code, message) if sent else _unsent(FaultKind.UNREACHABLE, code, message)
