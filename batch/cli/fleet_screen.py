"""Shows a campaign while it runs: its totals on a terminal, or a line now and then where there is none."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from batch.cli.screen import live_console
from batch.fleet.standing import ShardState
from batch.fleet.view import FleetView, shard_line, total_lines
from jobs.printable import counted, printable

if TYPE_CHECKING:
    from rich.live import Live

_PLAIN_EVERY_S = 30.0
_MOST_SHARDS = 12
_WORTH_A_LINE = (ShardState.GIVEN_UP, ShardState.RUNNING, ShardState.STOPPED)


class FleetScreen:
    """Where there is a terminal, the lines that `say` gets stand above what is drawn."""

    def __init__(self, say: Callable[[str], None], live: "Live | None") -> None:
        self._say = say
        self._live = live
        self._next_s = 0.0

    def say(self, line: str) -> None:
        """Something happened."""
        self._say(line)

    def show(self, view: FleetView) -> None:
        """How all of it stands at the moment."""
        if self._live is not None:
            self._live.update("\n".join(printable(line) for line in screen_lines(view)), refresh=True)
        elif time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _PLAIN_EVERY_S
            self._say("; ".join(total_lines(view)))


def screen_lines(view: FleetView) -> Iterator[str]:
    """The totals, and the shards that are worth a line."""
    yield from total_lines(view)
    shown = [one for state in _WORTH_A_LINE for one in view.shards if one.state is state]
    yield from (shard_line(one, len(view.shards)) for one in shown[:_MOST_SHARDS])
    if (more := len(shown) - _MOST_SHARDS) > 0:
        yield f"and {counted(more, 'more shard')}"


@contextlib.contextmanager
def fleet_screen(say: Callable[[str], None], progress: str) -> Iterator[FleetScreen]:
    """A screen for as long as the block lasts."""
    console = live_console(progress)
    if console is None:
        yield FleetScreen(say, None)
        return
    from rich.live import Live  # noqa: PLC0415 - where there is no terminal, nothing is drawn

    with Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        yield FleetScreen(lambda line: live.console.print(f"csms-rekey: {printable(line)}", markup=False), live)
