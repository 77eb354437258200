"""What a scope does before its first PUT, one thing after the other; one of them keeps what is on record."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Protocol

from batch.flow.switch import Switch

Keep = Callable[[], Awaitable[None]]
"""Returns once all that is on record now would survive the disk that it is on."""


class Beforehand(Protocol):
    """One such thing."""

    async def run(self) -> None:
        """Does it, unless nothing may be sent any more."""

    def cancel(self) -> None:
        """Cancels it."""


class KeptFirst:
    """Waits until what is on record is kept elsewhere: what the list showed could not be seen again after a PUT."""

    def __init__(self, keep: Keep, switch: Switch) -> None:
        self._keep = keep
        self._switch = switch

    async def run(self) -> None:
        """As `Beforehand`."""
        task = asyncio.ensure_future(self._keep())
        task.add_done_callback(lambda _: self._switch.changed.set())
        try:
            while not (task.done() or self._switch.stopped):
                self._switch.changed.clear()
                await self._switch.nap(math.inf)
            if task.done():
                task.result()
        finally:
            task.cancel()

    def cancel(self) -> None:
        """The wait has ended with the stop that comes before."""
