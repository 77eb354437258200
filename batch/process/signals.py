"""Ends a process as its owner asks: before anything is sent at once, in a run by draining, in its reports not at all.
SIGUSR1 ends nothing: a run says how it stands, and everything else takes no notice.

Every handler is set by hand, and from the start: asyncio's own are missing where SIGINT was inherited as ignored, and a
process with number 1 in a container ignores every signal that has no handler.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TypeVar

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ASKING = signal.SIGUSR1
_FIRST, _SECOND, _THIRD = 1, 2, 3


class InterruptedBySignal(BaseException):
    """A signal came while nothing was at stake; like KeyboardInterrupt no `except Exception` holds it up."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.number = number


class Interruption:
    """Counts the signals of this process; `number` is the first one's. The third leaves at once, wherever it is."""

    def __init__(self) -> None:
        self._count = 0
        self._held = False
        self._steps: dict[int, Callable[[signal.Signals], object]] = {}
        self._report: Callable[[], object] | None = None
        self.number: signal.Signals | None = None

    def take(self, number: int, _frame: FrameType | None = None) -> None:
        """One more signal has come.

        Raises:
            InterruptedBySignal: nothing holds signals or listens for them.
        """
        self._count += 1
        self.number = self.number or signal.Signals(number)
        # Everything that counts is in the ledger; and what is undone before the first request is of no value.
        if self._count >= (_THIRD if self._held else _SECOND):
            os._exit(128 + number)
        if not self._held and not self._steps:
            raise InterruptedBySignal(self.number)
        self._step(self._count)

    def answer(self, _number: int = _ASKING, _frame: FrameType | None = None) -> None:
        """Somebody asks how it stands; only a run has anything to say."""
        if self._report is not None:
            self._report()

    def hold(self) -> None:
        """From now on a signal interrupts nothing: it is noted for code that drains or has drained."""
        self._held = True

    @contextlib.contextmanager
    def draining(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        drain: Callable[[signal.Signals], None],
        cancel: Callable[[], None],
        report: Callable[[], object],
    ) -> Iterator[None]:
        """Has the loop take the signals while the block runs: the first drains, the second cancels, also those that
        came before. SIGUSR1 asks for a report.
        """
        self.hold()
        self._report = report
        try:
            with self._told_by(loop, {_FIRST: drain, _SECOND: lambda _: cancel()}):
                yield
        finally:
            self._report = None

    @contextlib.contextmanager
    def breaking_off(self, loop: asyncio.AbstractEventLoop, cancel: Callable[[], object]) -> Iterator[None]:
        """Has the first signal break off what the loop does while the block runs: one that raised among the loop's own
        calls would only be logged there. The caller of the loop then calls `raise_if_taken`.
        """
        with self._told_by(loop, {_FIRST: lambda _: cancel()}):
            yield

    @contextlib.contextmanager
    def noting(self, *, only_if: bool = True) -> Iterator[None]:
        """A signal that comes while the block runs is only noted: one that raised while a loop is made or closed would
        leave it open. The caller then asks `raise_if_taken`.
        """
        if not only_if:
            yield
            return
        before, self._steps = self._steps, {_FIRST: lambda _: None}
        try:
            yield
        finally:
            self._steps = before

    @contextlib.contextmanager
    def entering(
        self,
        first: Callable[[], contextlib.AbstractContextManager[T]],
        then: Callable[[], contextlib.AbstractContextManager[None]],
        *,
        only_if: bool,
    ) -> Iterator[T]:
        """Enters both; a signal that comes between them waits until the second can clean up after the first.

        Raises:
            InterruptedBySignal: one has come meanwhile.
        """
        with contextlib.ExitStack() as stack:
            with self.noting(only_if=only_if):
                held = stack.enter_context(first())
                stack.enter_context(then())
            self.raise_if_taken()
            yield held

    def raise_if_taken(self) -> None:
        """Ends the process where a signal has come.

        Raises:
            InterruptedBySignal: one has, and they are not held.
        """
        if self.number is not None and not self._held:
            raise InterruptedBySignal(self.number)

    @contextlib.contextmanager
    def _told_by(
        self, loop: asyncio.AbstractEventLoop, steps: dict[int, Callable[[signal.Signals], object]]
    ) -> Iterator[None]:
        before, self._steps = self._steps, steps
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.take, number)
        loop.add_signal_handler(_ASKING, self.answer)
        for count in range(1, self._count + 1):
            self._step(count)
        try:
            yield
        finally:
            self._steps = before
            # Between the loop's handler and the process's there is none for a moment; what comes then has to wait.
            with _blocked():
                for number in _SIGNALS:
                    loop.remove_signal_handler(number)
                    signal.signal(number, self.take)
                loop.remove_signal_handler(_ASKING)
                signal.signal(_ASKING, self.answer)

    def _step(self, count: int) -> None:
        step = self._steps.get(count)
        if step is not None and self.number is not None:
            step(self.number)


@contextlib.contextmanager
def interruptible(interruption: Interruption, *, to_the_end: bool) -> Iterator[None]:
    """Takes the process's signals while the block runs; `to_the_end` of the process, whose exit code is known after it:
    no signal must change that on the last steps.
    """
    before = {number: signal.signal(number, interruption.take) for number in _SIGNALS}
    before[_ASKING] = signal.signal(_ASKING, interruption.answer)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if to_the_end else handler)


@contextlib.contextmanager
def _blocked() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (*_SIGNALS, _ASKING))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


PROCESS_SIGNALS = Interruption()
"""The signals of this process: there is one set of them, so there is one of these."""
