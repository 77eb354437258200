"""Shows the progress of a run: in a state file, on a screen or as lines, and to any caller of the view."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import structlog

from batch.process.clock import Clock
from jobs.model import Status, StatusCount
from jobs.rate import Rate
from jobs.run_dir.state import LiveState, write_state
from jobs.run_view import SENDING, Backlog, RunView, ScopeState, SessionView
from reports.screen.changes import Changes, change_lines
from reports.screen.pace import Pace
from reports.screen.run_words import pace_words, progress_line, trouble_lines, wave_line

if TYPE_CHECKING:
    from rich.console import Console

_EVERY_S = 1.0
_LINE_EVERY_S = 10.0
_DRAW_EVERY_S = 0.1
# A look, or a drawing of it, is followed by a pause fifty times as long as it took, whatever the number of scopes and
# the terminal.
_SHARE = 0.02
_log = structlog.get_logger()


class Watched(Protocol):
    """What is looked at: a session."""

    @property
    def committed(self) -> "dict[Status, int]":
        """Outcomes of this session that are durable, by status."""

    @property
    def in_flight(self) -> int:
        """Requests that are open now."""

    def look(self) -> SessionView:
        """What the session knows of its scopes and requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewers:
    """What shows the progress of a run. With a `console` the run is drawn there, else `say` gets a line now and then
    and for every change of state; with a `metrics_port` metrics are served there.
    """

    say: Callable[[str], None]
    console: "Console | None" = None
    metrics_port: int | None = None


class Heartbeat:
    """Beats for one session; `before` is how the rows stood when it began, `job_rate` what its run was loaded with."""

    def __init__(
        self,
        folder: Path,
        session: Watched,
        clock: Clock,
        *,
        before: Backlog,
        job_rate: Rate,
        viewers: Viewers,
    ) -> None:
        self._folder = folder
        self._session = session
        self._clock = clock
        self.job_rate = job_rate
        """What `set` may exceed in the middle of a session only with `--yes`."""
        self._say = viewers.say
        self._console = viewers.console
        self._metrics_port = viewers.metrics_port
        self._ended_before = {count.status: count.rows for count in before.ended}
        self._total = before.open_rows + sum(self._ended_before.values())
        self._begun_s = clock.now_s()
        self.started_at = clock.utc_s(self._begun_s)
        """UTC seconds since 1970: by this other processes know the session."""
        self._may_write: Callable[[], bool] = lambda: True
        self._write_failed = False
        self._pace = Pace()
        self._changes = Changes()
        self.latest = self.view()
        """The view of the last beat: a value, so that other threads may read it."""

    def serving(self) -> contextlib.AbstractContextManager[object]:
        """Serves metrics while the block runs, where they are wanted."""
        if self._metrics_port is None:
            return contextlib.nullcontext()
        from batch.telemetry.metrics import serving  # noqa: PLC0415 - few runs need it

        return serving(self._metrics_port, lambda: self.latest)

    async def beat(self) -> None:
        """Beats until cancelled."""
        if self._console is not None:
            try:
                with _screen(self._console) as draw:
                    await self._show(draw)
            except OSError as error:
                _log.warning("screen.lost", reason=error.strerror)
        await self._tell()

    def write(self) -> None:
        """Writes the state file; a full disk is noted once and does not stop a run."""
        if not self._may_write():
            return
        try:
            write_state(self._folder, self.state())
        except OSError as error:
            if not self._write_failed:
                self._write_failed = True
                _log.warning("state.not_written", reason=error.strerror)

    def write_only_if(self, may_write: Callable[[], bool]) -> None:
        """Asked each time from now on: where the folder is not the run's any more, nothing is made in its place."""
        self._may_write = may_write

    def look(self) -> None:
        """Looks and writes the state file before the next beat."""
        self.latest = self.view()
        self.write()

    def report(self) -> None:
        """Says how the run stands now, because somebody has asked."""
        line = progress_line(self.view())
        _log.info("run.progress", reason=line)
        self._say(line)

    def state(self) -> LiveState:
        """How the run stands now, for other processes."""
        counts = self._counts()
        return LiveState(
            pid=os.getpid(),
            started_at=self.started_at,
            written_at=self._clock.utc_s(self._clock.now_s()),
            total=self._total,
            open_rows=self._total - sum(count.rows for count in counts),
            in_flight=self._session.in_flight,
            counts=counts,
            pace=", ".join(pace_words(self.latest)),
            trouble=tuple(trouble_lines(self.latest.scopes)),
            paused=self.latest.paused,
            rate=self.latest.rate,
            full_rate=self.latest.full_rate,
            job_rate=str(self.job_rate),
            wave="" if self.latest.wave is None else wave_line(self.latest.wave),
        )

    def view(self) -> RunView:
        """How the run stands now, for a person or a metric."""
        counts = self._counts()
        ended = sum(count.rows for count in counts)
        known = self._session.look()
        now_s = self._clock.now_s()
        sending = sum(scope.state in SENDING for scope in known.scopes)
        self._pace.note(now_s, ended=ended, requests=known.requests, sending=sending)
        return RunView(
            total=self._total,
            open_rows=self._total - ended,
            in_flight=self._session.in_flight,
            counts=counts,
            elapsed_s=now_s - self._begun_s,
            rows_per_s=self._pace.rows_per_s(),
            eta_s=self._pace.eta_s(self._total - ended),
            requests_per_s=self._pace.requests_per_s(),
            requests=known.requests,
            scopes=known.scopes,
            faults=known.faults,
            stopping=known.stopping,
            paused=known.paused,
            rate=known.rate,
            full_rate=known.full_rate,
            wave=known.wave,
            sending=self._pace.sending(),
        )

    async def _tell(self) -> None:
        line_s = self._begun_s + _LINE_EVERY_S
        while True:
            begun_s = time.perf_counter()
            self.look()
            for line in self._news():
                self._say(line)
            if self._clock.now_s() >= line_s:
                line_s += _LINE_EVERY_S
                self._say(progress_line(self.latest))
            await asyncio.sleep(max(_EVERY_S, (time.perf_counter() - begun_s) / _SHARE))

    async def _show(self, draw: Callable[[RunView], None]) -> None:
        write_s = self._begun_s
        while True:
            now_s = self._clock.now_s()
            # uvloop's clock stands still within a callback, and how long a terminal takes is no matter of the run.
            begun_s = time.perf_counter()
            self.latest = self.view()
            if now_s >= write_s:
                write_s = now_s + _EVERY_S
                self.write()
                self._news()
            draw(self.latest)
            await asyncio.sleep(max(_DRAW_EVERY_S, (time.perf_counter() - begun_s) / _SHARE))

    def _news(self) -> tuple[str, ...]:
        """Puts into the log what has changed since the last second, and words it for those who see no screen."""
        changes = self._changes.note(self.latest)
        for change in changes:
            scope, why = change.scope, change.words
            match scope.state:
                case ScopeState.RUNNING:
                    _log.info("scope.recovered", project_id=scope.project_id, region=scope.region, reason=why)
                case ScopeState.STOPPED:
                    # The session has said so.
                    pass
                case _:
                    _log.warning("scope.slowed", project_id=scope.project_id, region=scope.region, reason=why)
        return (*self._changes.of_wave(self.latest), *change_lines(changes))

    def _counts(self) -> tuple[StatusCount, ...]:
        counts = dict(self._ended_before)
        for status, rows in self._session.committed.items():
            counts[status] = counts.get(status, 0) + rows
        return tuple(StatusCount(status=status, rows=rows) for status, rows in counts.items())


@contextlib.contextmanager
def _screen(console: "Console") -> Iterator[Callable[[RunView], None]]:
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

    from reports.screen.progress import ProgressScreen  # noqa: PLC0415 - see above

    # Lines that others say meanwhile on stderr come above the drawing.
    live = Live(console=console, auto_refresh=False, redirect_stdout=False, transient=True)
    try:
        live.start()
        yield lambda view: live.update(ProgressScreen(view), refresh=True)
    finally:
        with contextlib.suppress(OSError):
            live.stop()
