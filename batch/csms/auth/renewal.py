"""Keeps a token or keys fresh: renewed before they end and after a refusal, one flight at a time for all who wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import structlog
from msgspec.structs import replace

from batch.csms.auth.credential import NotAuthorizedError
from batch.csms.auth.fetching import fetched, unusable
from batch.csms.auth.standing import Event, Standing, after
from batch.csms.auth.waiting import Waiting
from batch.csms.errors import classify
from batch.csms.faults import PASSING, Fault, FaultKind
from batch.csms.messages import WireAnswer
from batch.redaction.masked import Masked

_log = structlog.get_logger()
_SAYS_NOTHING = PASSING | {FaultKind.FOREIGN, FaultKind.MISCONFIGURED, FaultKind.INTERNAL}
# Tuples, as they are asked for every request: to find a member in them takes no hash.
_LOOKS = (Standing.EMPTY, Standing.SPOILED)
_UNSENT = (*_LOOKS, Standing.BARRED)
_OVER = (Standing.REFUSED, Standing.BARRED)
_MARGIN_SHARE = 0.2
_KEPT = 2


class Holdable(Protocol):
    """A token or keys; two values are equal if they are the same credential."""

    @property
    def expires_s(self) -> float | None:
        """UTC seconds since 1970; None where the end is not known."""

    @property
    def secrets(self) -> tuple[Masked, ...]:
        """Every part that must not be shown."""


V = TypeVar("V", bound=Holdable)


class Renewal(Generic[V]):
    """Holds the value in use; `Standing` says how that stands and what follows. `fetch` gets another one.

    `margin_s` before its end it is replaced while it still works; of a value that lives only shortly the last fifth is
    the margin. `locks` says that refusals count against it. Where `fetch` is `harmless`, so that no account is locked
    by it, a refusal is not final once a value was held: a file may be written again at that very moment. `source`
    says for a person where values are from.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[V | Fault]],
        *,
        margin_s: float = 0.0,
        locks: bool = False,
        harmless: bool = False,
        held: V | None = None,
        utc: Callable[[], float] = time.time,
        source: str = "",
    ) -> None:
        self._fetch = fetch
        self._margin_s = margin_s
        self._harmless = harmless
        self._utc = utc
        self._source = source
        self._waiting: Waiting | None = None
        """What the flight under way has met, or the last one where it brought nothing."""
        self._kept: list[V] = []
        self._renew_at_s = float("inf")
        self._flight: asyncio.Task[None] | None = None
        self._unfetched: Fault | None = None
        """Why the last flight brought nothing."""
        self._refusal: Fault | None = None
        """What the service said when it last refused the value."""
        self._standing = Standing.EMPTY
        self.locks = locks
        self.generation = 0
        if held is not None:
            self._take(held)

    @property
    def proven(self) -> bool:
        """Whether a request was let in with the value since it came or was last refused."""
        return self._standing is Standing.PROVEN

    @property
    def held(self) -> V | None:
        """The value in use; None before the first."""
        return self._kept[0] if self._kept else None

    @property
    def secrets(self) -> tuple[Masked, ...]:
        """Those of the value in use and of the one before it, whose requests may still be open."""
        return tuple(secret for value in self._kept for secret in value.secrets)

    @property
    def waiting(self) -> Waiting | None:
        """What requests wait for that need a value; None where they need not wait."""
        return self._waiting if self._waiting is not None and self._lacking else None

    @property
    def at_hand(self) -> V | None:
        """What `get` returns, where there is nothing to wait for and nothing to begin."""
        held = self._kept[0] if self._kept else None
        if held is None or self._standing in _UNSENT:
            return None
        if held.expires_s is None or self._utc() < min(self._renew_at_s, held.expires_s):
            return held
        return None

    async def get(self) -> V:
        """The value to use for one request, whose answer `observe` then gets.

        There is only something to wait for before the first value, after a refusal, and where the value ended while
        none was asked for.

        Raises:
            NotAuthorizedError: there is none, it has ended, or it is barred.
        """
        if self._standing in _LOOKS or (self._has_ended and self._utc() >= self._renew_at_s):
            await self._fly()
        held = self.held
        if self._standing is Standing.BARRED:
            raise NotAuthorizedError(self._refusal or self._unfetched or unusable("refused, and there is no other"))
        if held is None or self._standing in _LOOKS:
            raise NotAuthorizedError(self._unfetched or unusable("nothing to log in with"))
        if self._has_ended:
            since = f" and is not renewed: {self._unfetched.message}" if self._unfetched else ""
            raise NotAuthorizedError(unusable(f"what was logged in with has ended{since}"))
        if self._utc() >= self._renew_at_s:
            _ = self._start()
        return held

    @property
    def _lacking(self) -> bool:
        return self.held is None or self._standing in _LOOKS or self._has_ended

    @property
    def _has_ended(self) -> bool:
        held = self.held
        return held is not None and held.expires_s is not None and self._utc() >= held.expires_s

    async def renew(self, generation: int) -> bool:
        """Looks for another value after a refusal of the one of `generation`: at most once for each, however many ask.

        True: try again, it is with another one, or nothing leaves before there is one. False: there is no other.
        """
        if self._standing is Standing.BARRED:
            return False
        if generation != self.generation:
            return True
        self._note(Event.LOOKED_FOR)
        if self._standing is Standing.SPOILED:
            await self._fly()
        return self._standing not in _OVER

    def observe(self, answer: WireAnswer | Fault, generation: int) -> None:
        """Learns from the answer to a request with the value of `generation`; an old one's says nothing of the next,
        but for a wrong signature, which bars both.
        """
        if isinstance(answer, Fault):
            return
        if answer.status < 300 and self._standing is Standing.PROVEN:  # noqa: PLR2004 - RFC 9110 15.3
            return
        fault = None if answer.status < 300 else classify(answer)  # noqa: PLR2004 - the class of status, RFC 9110 15.3
        if fault is not None and fault.kind is FaultKind.SIGNATURE:
            self._refuse(fault, Event.FORGED)
        elif generation != self.generation:
            return
        elif fault is not None and fault.kind is FaultKind.CREDENTIAL:
            self._refuse(fault, Event.REFUSED)
        elif fault is None or fault.kind not in _SAYS_NOTHING:
            self._note(Event.ACCEPTED)

    def _refuse(self, fault: Fault, event: Event) -> None:
        if self._standing is not Standing.BARRED:
            self._refusal = fault
        self._note(event)

    def _note(self, event: Event) -> None:
        self._standing = after(self._standing, event, locks=self.locks)

    async def _fly(self) -> None:
        await asyncio.shield(self._start())

    def _start(self) -> "asyncio.Task[None]":
        """The flight under way, or a new one. Anyone who waits may be cancelled; it continues for the others."""
        if self._flight is None or self._flight.done():
            self._flight = asyncio.create_task(self._fetch_another())
        return self._flight

    async def _fetch_another(self) -> None:
        now_s = asyncio.get_running_loop().time()
        self._waiting = self._waiting or Waiting(since_s=now_s, source=self._source)
        got = await fetched(self._fetch, stubborn=self._harmless and bool(self._kept), put_off=self._put_off_by)
        self._unfetched = got if isinstance(got, Fault) else None
        lasts = isinstance(got, Fault) and got.kind in PASSING and self._lacking
        self._waiting = replace(self._waiting, again_s=None) if lasts else None
        if isinstance(got, Fault):
            self._give_up(got)
        else:
            self._accept(got)

    def _put_off_by(self, fault: Fault, pause_s: float) -> None:
        again_s = asyncio.get_running_loop().time() + pause_s
        if self._waiting is not None:
            self._waiting = replace(self._waiting, code=fault.brief, again_s=again_s)

    def _accept(self, got: V) -> None:
        if self._kept and self._kept[0] == got:
            self._note(Event.NONE)
            self._put_off()
            return
        self._take(got)
        _log.info("credential.renewed", generation=self.generation, expires_s=got.expires_s)

    def _take(self, got: V) -> None:
        self._kept[:] = [got, *self._kept][:_KEPT]
        self._note(Event.CAME)
        self.generation += 1
        if got.expires_s is None:
            self._renew_at_s = float("inf")
            return
        left_s = got.expires_s - self._utc()
        self._renew_at_s = got.expires_s - min(self._margin_s, _MARGIN_SHARE * left_s)

    def _give_up(self, fault: Fault) -> None:
        """The flight brought nothing: for now, or for good where asking again would count as one more failed login."""
        definite = fault.kind not in PASSING
        if definite and (not self._harmless or self._standing is Standing.SPOILED):
            self._note(Event.NONE)
        self._put_off(for_good=definite and not self._harmless)

    def _put_off(self, *, for_good: bool = False) -> None:
        """Tries again after a part of the time that is left."""
        if for_good or self.held is None or self.held.expires_s is None:
            self._renew_at_s = float("inf")
            return
        now_s = self._utc()
        self._renew_at_s = now_s + min(60.0, max(1.0, 0.25 * (self.held.expires_s - now_s)))
