"""Gets a token or keys, again and again while the reason for a failure may pass; every error becomes a value."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from batch.csms.auth.credential import CredentialError
from batch.csms.faults import PASSING, Fault, FaultKind

V = TypeVar("V")
_log = structlog.get_logger()
_RETRY_S = (1.0, 2.0, 4.0, 8.0, 16.0)
_RETRY_AFTER_MAX_S = 60.0


async def fetched(
    fetch: Callable[[], Awaitable[V | Fault]],
    *,
    stubborn: bool,
    put_off: Callable[[Fault, float], None] = lambda _fault, _pause_s: None,
) -> V | Fault:
    """What `fetch` gets, or the fault of the last try; `stubborn` also tries again after a definite no. `put_off`
    learns why and for how many seconds the next try waits.
    """
    for pause_s in _RETRY_S:
        got = await _fetched_once(fetch)
        if not isinstance(got, Fault) or not (stubborn or got.kind in PASSING):
            return got
        pause_s = min(max(pause_s, got.retry_after_s or 0.0), _RETRY_AFTER_MAX_S)  # noqa: PLW2901 - what is waited
        put_off(got, pause_s)
        await asyncio.sleep(pause_s)
    return await _fetched_once(fetch)


async def _fetched_once(fetch: Callable[[], Awaitable[V | Fault]]) -> V | Fault:
    try:
        got = await fetch()
    except CredentialError as error:
        got = unusable(str(error))
    except Exception as error:  # noqa: BLE001 - a flight has no caller to raise to, and its values must not be shown
        got = unusable(f"{type(error).__name__} while logging in")
    if isinstance(got, Fault):
        _log.warning("credential.not_renewed", kind=got.kind, code=got.code, reason=got.message)
    return got


def unusable(message: str) -> Fault:
    """There is nothing to log in with, for a reason of ours."""
    return Fault(kind=FaultKind.CREDENTIAL, code="credential", message=message, maybe_applied=False)
