"""When exchanges have to be over: one timer for all of them, because each is given the same time."""

import asyncio


class Deadline:
    """The end of the time for one exchange; when it has passed, the connection is broken off."""

    __slots__ = ("_transport", "at_s", "passed")

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s
        self.passed = False
        self._transport: asyncio.Transport | None = None

    def watch(self, transport: asyncio.Transport) -> None:
        """This is the connection. A caller that waits for one has its own timeout.

        Raises:
            TimeoutError: it is too late already.
        """
        self._transport = transport
        self.check()

    def check(self) -> None:
        """What a broken connection was taken for, an error or the end of an answer, may be this.

        Raises:
            TimeoutError: the time is over.
        """
        if self.passed:
            raise TimeoutError

    def expire(self) -> None:
        """The time is over."""
        self.passed = True
        if self._transport is not None:
            self._transport.abort()


class Deadlines:
    """Those of the exchanges that are under way."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._open: dict[Deadline, None] = {}
        """In the order in which they began, which is the order in which they end."""

    def begin(self) -> Deadline:
        """An exchange begins now."""
        deadline = Deadline(self._loop.time() + self._timeout_s)
        self._open[deadline] = None
        if self._timer is None:
            self._timer = self._loop.call_at(deadline.at_s, self._expire)
        return deadline

    def end(self, deadline: Deadline) -> None:
        """An exchange is over."""
        self._open.pop(deadline, None)

    def close(self) -> None:
        """No more will begin."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        now_s = self._loop.time()
        while self._open:
            deadline = next(iter(self._open))
            if deadline.at_s > now_s:
                self._timer = self._loop.call_at(deadline.at_s, self._expire)
                return
            del self._open[deadline]
            deadline.expire()
