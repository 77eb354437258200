"""Reports once a second how a session of looking stands, and takes what `set` asks of it."""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from batch.process.clock import Clock
from jobs.printable import counted
from jobs.rate import Rate
from jobs.run_dir.control import ControlError, read_control, remove_control
from jobs.run_dir.state import LiveState, write_state
from jobs.run_view import ScopeView
from reports.screen.run_words import trouble_lines

_EVERY_S = 1.0
_LINE_EVERY = 10
_log = structlog.get_logger()


class Seeing(Protocol):
    """A session of looking. `full_rate` is the rate that it began with; `doing` says what is asked of each project."""

    full_rate: Rate
    rate: Rate
    paused: bool

    @property
    def requests(self) -> int:
        """Requests that have left."""

    @property
    def in_flight(self) -> int:
        """Requests that are in flight now."""

    @property
    def doing(self) -> Iterable[tuple[object, str]]:
        """The projects that something is asked of, and what."""

    @property
    def troubled(self) -> Sequence[ScopeView]:
        """How those of them stand that something keeps back."""

    def obey(self, rate: Rate, *, paused: bool) -> None:
        """Sends at this rate from now on, or nothing until the pause is over."""


class LookBeat:
    """Beats for one session until it is cancelled; `say` has a line for the user."""

    def __init__(self, folder: Path, looking: Seeing, clock: Clock, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._looking = looking
        self._clock = clock
        self._say = say
        self._started_at = clock.utc_s(clock.now_s())
        self._ignored: str | None = None

    async def beat(self) -> None:
        """Writes the state file, obeys, and says a line now and then."""
        self._forget_control()
        beats = 0
        try:
            while True:
                self._take_control()
                self._write()
                if beats % _LINE_EVERY == _LINE_EVERY - 1:
                    self.report()
                beats += 1
                await asyncio.sleep(_EVERY_S)
        finally:
            self._forget_control()

    def report(self) -> None:
        """Says how it stands now."""
        doing = Counter(what for _, what in self._looking.doing)
        words = ", ".join(f"{what} in {counted(count, 'project')}" for what, count in doing.items())
        held = "paused, " if self._looking.paused else ""
        self._say(f"{held}{counted(self._looking.requests, 'request')} so far{'; ' if words else ''}{words}")
        for line in trouble_lines(self._looking.troubled):
            self._say(line)

    def _take_control(self) -> None:
        try:
            control = read_control(self._folder)
            if control is None or control.session != self._started_at:
                return
            rate = control.parsed_rate()
        except ControlError as error:
            if str(error) != self._ignored:
                self._ignored = str(error)
                self._say(f"control.json is ignored: {error}")
            return
        looking = self._looking
        if rate.per_s > looking.full_rate.per_s and not control.above:
            return
        if (rate, control.paused) != (looking.rate, looking.paused):
            looking.obey(rate, paused=control.paused)
            self._say(f"`set`: {'paused' if control.paused else 'sending'}, rate {rate}")

    def _write(self) -> None:
        looking = self._looking
        state = LiveState(
            pid=os.getpid(),
            started_at=self._started_at,
            written_at=self._clock.utc_s(self._clock.now_s()),
            total=0,
            open_rows=0,
            in_flight=looking.in_flight,
            counts=(),
            pace=f"{counted(looking.requests, 'request')} so far",
            trouble=tuple(trouble_lines(looking.troubled)),
            paused=looking.paused,
            rate=str(looking.rate),
            full_rate=str(looking.full_rate),
        )
        with contextlib.suppress(OSError):
            # A full disk is for the sightings to notice.
            write_state(self._folder, state)

    def _forget_control(self) -> None:
        with contextlib.suppress(OSError):
            remove_control(self._folder)
