"""Runs what may hang in a thread that is never waited for: neither the event loop nor the end of the process."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def beside(work: Callable[[], T], within_s: float) -> T:
    """What the work returns or raises; it may continue after its time.

    Raises:
        TimeoutError: it takes longer.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type] # it is what the work returned

    def run() -> None:
        result, error = _outcome(work)
        # Nothing waits on a loop that is closed.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, daemon=True).start()
    async with asyncio.timeout(within_s):
        return await done


def within(work: Callable[[], T], within_s: float) -> T:
    """The same where no loop runs."""
    box: list[tuple[T | None, Exception | None]] = []
    thread = threading.Thread(target=lambda: box.append(_outcome(work)), daemon=True)
    thread.start()
    thread.join(within_s)
    if not box:
        raise TimeoutError
    result, error = box[0]
    if error is not None:
        raise error
    return result  # type: ignore[return-value] # it is what the work returned


def _outcome(work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001 - the caller that waits gets it
        return None, error
