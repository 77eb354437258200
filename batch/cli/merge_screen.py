"""Shows how far a merge is: a line that changes on a terminal, and one line in all where there is none."""

import contextlib
import time
from collections.abc import Callable, Iterator

from batch.cli.screen import live_console, say
from jobs.printable import counted, printable

_PLAIN_AFTER_S = 5.0


class MergeScreen:
    """Draws what each step is about to do."""

    def __init__(self, draw: Callable[[str], None]) -> None:
        self._draw = draw
        self._fetched = 0
        self._taken = 0

    def opening(self, place: str) -> None:
        """A campaign folder is looked through."""
        self._draw(f"reading {place}")

    def fetching(self, shards: int) -> None:
        """The snapshot of the next of so many shards is fetched."""
        self._fetched += 1
        self._draw(f"fetching shard {self._fetched:,} of {shards:,}")

    def taking(self, shards: int | None) -> None:
        """The next shard is taken in; how many there are is known once there was one."""
        self._taken += 1
        self._draw(f"taking in shard {self._taken:,}{'' if shards is None else f' of {shards:,}'}")

    def writing(self) -> None:
        """All are taken in."""
        self._draw(f"writing the reports of {counted(self._taken, 'shard')}")


class OnceLate:
    """Passes on the first line that comes when it has taken a while, and no other."""

    def __init__(self, tell: Callable[[str], None], now_s: Callable[[], float]) -> None:
        self._tell = tell
        self._now_s = now_s
        self._due_s: float | None = now_s() + _PLAIN_AFTER_S

    def __call__(self, line: str) -> None:
        """The next line."""
        if self._due_s is not None and self._now_s() >= self._due_s:
            self._due_s = None
            self._tell(line)


@contextlib.contextmanager
def merge_screen(*, progress: bool) -> Iterator[MergeScreen]:
    """A screen for as long as the block lasts; without `progress` it shows nothing."""
    console = live_console("auto") if progress else None
    if console is None:
        yield MergeScreen(OnceLate(say, time.monotonic) if progress else lambda _: None)
        return
    from rich.live import Live  # noqa: PLC0415 - where there is no terminal, nothing is drawn

    # Lines that others say meanwhile on stderr come above the drawing.
    with Live(console=console, auto_refresh=False, redirect_stdout=False, transient=True) as live:
        yield MergeScreen(lambda line: live.update(printable(line, console.encoding), refresh=True))
