"""The open requests of a whole run: never more than the limit, and no scope holds more than its share."""

import asyncio


class Slots:
    """Hands out slots in the order they are asked for; a scope that hangs cannot hold those of the others."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._free = asyncio.Semaphore(limit)
        self._scopes = 0
        self.taken = 0

    @property
    def share(self) -> int:
        """How many slots one scope may hold now."""
        return max(1, self._limit // max(1, self._scopes))

    def join(self) -> None:
        """One more scope wants slots."""
        self._scopes += 1

    def leave(self) -> None:
        """A scope has ended: the others' shares grow."""
        self._scopes -= 1

    async def acquire(self) -> None:
        """Waits for a free slot and takes it."""
        await self._free.acquire()
        self.taken += 1

    def release(self) -> None:
        """Gives a slot back."""
        self.taken -= 1
        self._free.release()
