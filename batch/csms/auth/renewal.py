"""Keeps a token or keys fresh: renewed before they end and after a refusal, one flight at a time for all who wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import structlog

from batch.csms.auth.credential import CredentialError, NotAuthorizedError
from batch.csms.errors import classify
from batch.csms.faults import PASSING, Fault, FaultKind
from batch.csms.messages import WireAnswer

_log = structlog.get_logger()
_RETRY_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Pauses between the tries of one renewal, while the reason may pass."""
_SAYS_NOTHING = PASSING | {FaultKind.CREDENTIAL, FaultKind.SIGNATURE, FaultKind.MISCONFIGURED, FaultKind.INTERNAL}
_MARGIN_SHARE = 0.2
_RETRY_AFTER_MAX_S = 60.0
_KEPT = 2
_TURN_TIMEOUT_S = 60.0


class Ending(Protocol):
    """A value that may end; two of them are equal if they are the same credential."""

    @property
    def expires_s(self) -> float | None:
        """UTC seconds since 1970; None where the end is not known."""


V = TypeVar("V", bound=Ending)


class Renewal(Generic[V]):
    """Holds the value in use. `fetch` gets another; `margin_s` before the end it is replaced while it still works.

    Of a value that lives only shortly the last fifth is the margin. Until a value was let in, only `unproven_limit`
    requests may be on their way with it; where there is such a limit refusals count against the value, and one after
    which there is no other ends all. Where `fetch` is `harmless`, so that no account is locked by it, a no is not for
    good once there was a value: a file may just be written anew.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[V | Fault]],
        *,
        margin_s: float = 0.0,
        unproven_limit: int | None = None,
        harmless: bool = False,
        held: V | None = None,
        utc: Callable[[], float] = time.time,
    ) -> None:
        self._fetch = fetch
        self._margin_s = margin_s
        self._unproven_limit = unproven_limit
        self._harmless = harmless
        self._utc = utc
        self._open = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._kept: list[V] = []
        self._renew_at_s = float("inf")
        self._flight: asyncio.Task[None] | None = None
        self._last_fault: Fault | None = None
        self._refused: Fault | None = None
        self._barred: Fault | None = None
        self._refusal: Fault | None = None
        self._in_vain: int | None = None
        self._spoiled: int | None = None
        """The generation that was refused while the next could not be had yet: nothing more is sent with it."""
        self.open_requests = 0
        self.generation = 0
        self.proven = False
        if held is not None:
            self._take(held)

    @property
    def held(self) -> V | None:
        """The value in use; None before the first."""
        return self._kept[0] if self._kept else None

    @property
    def kept(self) -> tuple[V, ...]:
        """The value in use and the one before it, whose requests may still be open."""
        return tuple(self._kept)

    async def get(self) -> V:
        """The value to use for one request, whose answer `observe` is then told.

        There is only something to wait for before the first value, and before it is proven.

        Raises:
            NotAuthorizedError: there is none, it has ended, or a wrong signature barred it.
        """
        held = await self._current()
        while not self.proven and self._unproven_limit is not None and self._open >= self._unproven_limit:
            await self._next_answer()
            held = await self._current()
        self._open += 1
        return held

    async def _current(self) -> V:
        if self._barred is not None:
            raise NotAuthorizedError(self._barred)
        if self.held is None or self._spoiled == self.generation:
            await self._fly()
        held = self.held
        if held is None or self._spoiled == self.generation:
            raise NotAuthorizedError(self._last_fault or _unusable("nothing to log in with"))
        now_s = self._utc()
        if held.expires_s is not None and now_s >= held.expires_s:
            since = f" and is not renewed: {self._last_fault.message}" if self._last_fault else ""
            raise NotAuthorizedError(_unusable(f"what was logged in with has ended{since}"))
        if now_s >= self._renew_at_s:
            _ = self._start()
        return held

    async def _next_answer(self) -> None:
        """Waits for an answer; one that was never waited for to its end does not hold up the others for ever."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        done, _ = await asyncio.wait({answer}, timeout=_TURN_TIMEOUT_S)
        if not done:
            self._open = 0

    async def renew(self, generation: int) -> bool:
        """As `Credential.renew`."""
        if self._barred is not None:
            return False
        if generation != self.generation:
            return True
        if self._in_vain == generation or self._refused is not None:
            return False
        await self._fly()
        if self.generation != generation:
            self.proven = False
            return True
        if self._last_fault is not None and self._last_fault.kind in PASSING:
            self._spoiled = generation
            return True
        self._in_vain = generation
        if self._unproven_limit is not None:
            self._barred = self._refusal or _unusable("refused, and there are no other keys")
        return False

    def observe(self, answer: WireAnswer | Fault, generation: int) -> None:
        """As `Credential.observe`."""
        self._open = max(0, self._open - 1)
        self._learn(answer, generation)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)

    def _learn(self, answer: WireAnswer | Fault, generation: int) -> None:
        if isinstance(answer, Fault):
            return
        fault = None if answer.status < 300 else classify(answer)  # noqa: PLR2004 - the class of status, RFC 9110 15.3
        if fault is None or fault.kind not in _SAYS_NOTHING:
            # A late answer to the one before says nothing of this one.
            self.proven = self.proven or generation == self.generation
        elif fault.kind is FaultKind.CREDENTIAL:
            self._refusal = fault
        elif fault.kind is FaultKind.SIGNATURE:
            self._barred = self._barred or fault

    async def _fly(self) -> None:
        await asyncio.shield(self._start())

    def _start(self) -> "asyncio.Task[None]":
        """The flight under way, or a new one. Whoever waits may be cancelled; the flight goes on for the others."""
        if self._flight is None or self._flight.done():
            self._flight = asyncio.create_task(self._fetch_patiently())
        return self._flight

    async def _fetch_patiently(self) -> None:
        if self._refused is not None:
            return
        self._last_fault = None
        for pause_s in (*_RETRY_S, None):
            got = await self._fetch_once()
            if not isinstance(got, Fault):
                self._accept(got)
                return
            self._last_fault = got
            _log.warning("credential.not_renewed", kind=got.kind, code=got.code, reason=got.message)
            if got.kind not in PASSING and not (self._harmless and self._kept):
                if not self._harmless:
                    # Definite: asking again would count as one more failed login.
                    self._refused = got
                break
            if pause_s is not None:
                await asyncio.sleep(min(max(pause_s, got.retry_after_s or 0.0), _RETRY_AFTER_MAX_S))
        self._put_off()

    async def _fetch_once(self) -> V | Fault:
        try:
            return await self._fetch()
        except CredentialError as error:
            return _unusable(str(error))
        except Exception as error:  # noqa: BLE001 - a flight has no caller to raise to, and its values must not be shown
            return _unusable(f"{type(error).__name__} while logging in")

    def _accept(self, got: V) -> None:
        if self._kept and self._kept[0] == got:
            self._put_off()
            return
        self._take(got)
        _log.info("credential.renewed", generation=self.generation, expires_s=got.expires_s)

    def _take(self, got: V) -> None:
        self._kept[:] = [got, *self._kept][:_KEPT]
        self.proven = self.proven and self._spoiled != self.generation
        self.generation += 1
        self._open = 0
        if got.expires_s is None:
            self._renew_at_s = float("inf")
            return
        left_s = got.expires_s - self._utc()
        self._renew_at_s = got.expires_s - min(self._margin_s, _MARGIN_SHARE * left_s)

    def _put_off(self) -> None:
        """Nothing new to be had: tries again after a part of the time that is left."""
        if self.held is None or self.held.expires_s is None or self._refused is not None:
            self._renew_at_s = float("inf")
            return
        now_s = self._utc()
        self._renew_at_s = now_s + min(60.0, max(1.0, 0.25 * (self.held.expires_s - now_s)))


def _unusable(message: str) -> Fault:
    return Fault(kind=FaultKind.CREDENTIAL, code="credential", message=message, maybe_applied=False)
