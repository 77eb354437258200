"""The event loop a run uses: uvloop where it exists."""

import asyncio
import contextlib
import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from batch.process.signals import PROCESS_SIGNALS

T = TypeVar("T")
# A request makes some hundred objects that die young: collecting every 700 takes a tenth of the time.
_GC_THRESHOLD = 50_000
_SLOW_S = 3600.0


def run_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine to its end on a fresh loop."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - not there on every platform

        factory = uvloop.new_event_loop
    # What is there by now stays: it need not be looked through again and again for garbage.
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 50)
    with asyncio.Runner(loop_factory=factory) as runner:
        # What takes long in the loop is the disk, and it may: development mode need not say so on stderr.
        runner.get_loop().slow_callback_duration = _SLOW_S
        return runner.run(main())


def ask_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The same before anything is at stake: a signal breaks the coroutine off.

    Raises:
        InterruptedBySignal: a signal has come.
    """

    async def breakable() -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has one
        with PROCESS_SIGNALS.breaking_off(asyncio.get_running_loop(), task.cancel):
            return await main()

    try:
        with PROCESS_SIGNALS.noting():
            return run_loop(breakable)
    finally:
        PROCESS_SIGNALS.raise_if_taken()
