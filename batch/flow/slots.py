"""The open requests of a whole run: never more than the limit, shared so that scopes that hang hold up no others."""

import asyncio


class Slots:
    """Hands out slots in the order they are asked for. Scopes from which nothing is heard have half of them at most,
    all together: their requests last as long as the timeout, and would soon hold every one.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.free = asyncio.Semaphore(limit)
        self.for_silent = asyncio.Semaphore(max(1, limit // 2))
        self.scopes = 0
        self.taken = 0

    def join(self) -> "ScopeSlots":
        """One more scope wants slots."""
        self.scopes += 1
        return ScopeSlots(self)


class ScopeSlots:
    """The slots of one scope."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._silent = 0

    @property
    def share(self) -> int:
        """How many this scope may hold now."""
        return max(1, self._slots.limit // max(1, self._slots.scopes))

    def leave(self) -> None:
        """The scope has ended: the others' shares grow."""
        self._slots.scopes -= 1

    async def acquire(self, *, silent: bool) -> None:
        """Waits for a free slot and takes it; `silent` where nothing is heard from the scope's service."""
        counted = silent and self._slots.scopes > 1
        if counted:
            await self._slots.for_silent.acquire()
        try:
            await self._slots.free.acquire()
        except BaseException:
            if counted:
                self._slots.for_silent.release()
            raise
        self._silent += counted
        self._slots.taken += 1

    def release(self) -> None:
        """Gives one back."""
        self._slots.taken -= 1
        self._slots.free.release()
        if self._silent:
            self._silent -= 1
            self._slots.for_silent.release()
