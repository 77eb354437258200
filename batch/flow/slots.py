"""Who may have a request in flight: one pool for the whole run, a share for each scope, a turn for each credential.

A scope that hangs keeps its slots as long as the timeout, so that without shares it would soon hold them all. What
frees something wakes exactly the one that waited longest.
"""

import asyncio

from batch.csms.auth import Credential


class Slots:
    """The requests in flight of a whole run. Scopes from which nothing is heard hold half of them together at most."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.free = asyncio.Semaphore(limit)
        self.for_silent = asyncio.Semaphore(max(1, limit // 2))
        self.scopes = 0
        self.taken = 0


class Turns:
    """Lets one request out at a time until the credential has been accepted, then any number.

    The sixth wrong signature in a row locks an access key for five minutes (the vendor's API signing guide), so that
    all scopes that sign with one key share its turns.
    """

    def __init__(self) -> None:
        self._taken = 0
        self._waiting: list[asyncio.Future[None]] = []

    def take(self, credential: Credential) -> bool:
        """Takes a turn where there is nothing to wait for; whether there was."""
        if (self._taken or self._waiting) and not credential.proven:
            return False
        self._taken += 1
        if self._waiting:
            self._wake()
        return True

    async def acquire(self, credential: Credential) -> None:
        """Waits for a turn and takes it."""
        while self._taken and not credential.proven:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()
                raise
        self._taken += 1
        if credential.proven:
            self._wake()

    def release(self) -> None:
        """Gives it back."""
        self._taken -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.pop(0)
            if not turn.done():
                turn.set_result(None)
                return


class ScopeSlots:
    """The slots of one scope, whose requests are let in by one credential."""

    def __init__(self, slots: Slots, turns: Turns, credential: Credential) -> None:
        self._slots = slots
        self._turns = turns
        self.credential = credential
        self._silent = 0
        self.in_flight = 0
        slots.scopes += 1

    def full(self, most: int) -> bool:
        """Whether this scope must wait for one of its answers: it may have `most` requests in flight, and its share.

        Until its credential is proven that is one request.
        """
        if not self.credential.proven:
            return self.in_flight > 0
        if not self.in_flight:
            return False
        share = max(1, self._slots.limit // max(1, self._slots.scopes))
        return self.in_flight >= min(most, share)

    def join(self) -> None:
        """The scope is back."""
        self._slots.scopes += 1

    def leave(self) -> None:
        """The scope has ended: the others' shares grow."""
        self._slots.scopes -= 1

    async def acquire(self, *, silent: bool) -> None:
        """Waits for its turn and a free slot, and takes both; `silent` where nothing is heard from the service."""
        if not self._turns.take(self.credential):
            await self._turns.acquire(self.credential)
        counted = silent and self._slots.scopes > 1
        try:
            if counted:
                await self._slots.for_silent.acquire()
            try:
                await self._slots.free.acquire()
            except BaseException:
                if counted:
                    self._slots.for_silent.release()
                raise
        except BaseException:
            self._turns.release()
            raise
        self._silent += counted
        self.in_flight += 1
        self._slots.taken += 1

    def release(self) -> None:
        """Gives both back."""
        self.in_flight -= 1
        self._slots.taken -= 1
        self._slots.free.release()
        self._turns.release()
        if self._silent:
            self._silent -= 1
            self._slots.for_silent.release()
