"""An event loop whose clock jumps to the next timer: hours of engine time in milliseconds, always in the same order."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
# A turn of the loop takes time, as it does in life: code that waits for the last 1e-16 s would wait for ever.
_TURN_S = 1e-9


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: where nothing is ready it lets the clock run to the next timer at once."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            self.loop.now_s += _TURN_S
            return ready
        if timeout is None:
            raise RuntimeError("every task waits for something that will never happen")
        self.loop.jump(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at a time that is not zero, so that zero is not taken for never."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)
        # A timer is due when its time is reached, not a tick before: ticks would add up to spinning.
        self._clock_resolution = 1e-9

    def jump(self, seconds: float) -> None:
        """Moves on to the next timer."""
        self.now_s += seconds + _TURN_S

    def time(self) -> float:
        return self.now_s


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
