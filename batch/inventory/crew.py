"""A bounded number of tasks that work side by side on what one errand has to ask."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Crew:
    """Starts a task for each piece of work, at most so many at once; the first exception of one ends them all."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, work: Coroutine[Any, Any, None]) -> None:
        """Starts it as soon as one of them is free.

        Raises:
            Exception: what one of them has met.
        """
        try:
            while len(self._tasks) >= self._most:
                await self._collect(asyncio.FIRST_COMPLETED)
        except BaseException:
            work.close()
            raise
        self._tasks.add(asyncio.create_task(work))

    async def finish(self) -> None:
        """Waits for all of them.

        Raises:
            Exception: what one of them has met.
        """
        while self._tasks:
            await self._collect(asyncio.ALL_COMPLETED)

    async def _collect(self, until: str) -> None:
        try:
            done, self._tasks = await asyncio.wait(self._tasks, return_when=until)
            for task in done:
                task.result()
        except BaseException:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            raise
