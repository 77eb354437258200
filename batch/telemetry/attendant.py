"""Attends to a session once a second: takes what `set` asks for, and notices that its directory is missing."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import structlog

from batch.process.sd_notify import PROCESS_SUPERVISOR
from batch.telemetry.heartbeat import Heartbeat
from jobs.rate import Rate
from jobs.run_dir.control import Control, ControlError, read_control, remove_control
from jobs.run_dir.presence import Presence
from jobs.run_view import RunView
from reports.screen.run_words import progress_line

_EVERY_S = 1.0
_STATUS_EVERY = 10
_log = structlog.get_logger()


class Controlled(Protocol):
    """The controls of a session."""

    @property
    def full_rate(self) -> Rate:
        """The rate that the session began with."""

    def obey(self, rate: Rate, *, paused: bool) -> str:
        """Does what is asked for; in words what that changes, empty where it is nothing."""


class Attended(Protocol):
    """A session."""

    @property
    def controls(self) -> Controlled:
        """What can be changed while it lasts."""

    def lose(self, reason: str, *, kept: bool) -> None:
        """The ledger is not in its place any more."""


class Attendant:
    """Attends to the session of a run directory whose heartbeat this is; `say` has a line for the user."""

    def __init__(self, folder: Path, session: Attended, heartbeat: Heartbeat, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._session = session
        self._heartbeat = heartbeat
        self._say = say
        self._ignored: str | None = None
        self._shown: tuple[object, ...] = ()
        self._looks = 0
        self._stopping = False

    @contextlib.contextmanager
    def on_duty(self) -> Iterator[None]:
        """What was asked of another session does not hold in this one, nor the other way round."""
        remove_control(self._folder)
        PROCESS_SUPERVISOR.ready()
        try:
            yield
        finally:
            self._tell_supervisor(self._heartbeat.view())
            PROCESS_SUPERVISOR.reporting()
            with contextlib.suppress(OSError):
                remove_control(self._folder)

    async def attend(self) -> None:
        """Looks once a second, until cancelled or nothing is left to attend to."""
        with contextlib.closing(Presence(self._folder)) as presence:
            self._heartbeat.write_only_if(lambda: presence.loss() is None)
            while True:
                if (loss := presence.loss()) is not None:
                    self._session.lose(loss.reason, kept=loss.kept)
                    return
                self._take_control()
                self._tell_supervisor(self._heartbeat.latest)
                await asyncio.sleep(_EVERY_S)

    async def keep_alive(self) -> None:
        """Reports to the service manager that the event loop is alive, where it wants to know."""
        await PROCESS_SUPERVISOR.pat()

    def _take_control(self) -> None:
        try:
            control = read_control(self._folder)
            if control is not None:
                self._obey(control)
            self._ignored = None
        except ControlError as error:
            if str(error) != self._ignored:
                self._ignored = str(error)
                _log.warning("control.ignored", reason=str(error))
                self._say(f"control.json is ignored: {error}")

    def _obey(self, control: Control) -> None:
        rate = control.parsed_rate()
        if control.session != self._heartbeat.started_at:
            raise ControlError("it is meant for another session")
        most = self._heartbeat.job_rate
        if rate.per_s > most.per_s and not control.above:
            raise ControlError(f"{rate} is above the {most} that the run was started with")
        if words := self._session.controls.obey(rate, paused=control.paused):
            self._say(f"`set`: {words}")
            # The command that asked waits to see it there.
            self._heartbeat.look()

    def _tell_supervisor(self, view: RunView) -> None:
        """Every ten seconds, and when something changes its state."""
        if view.stopping is not None and not self._stopping:
            self._stopping = True
            PROCESS_SUPERVISOR.stopping()
        states = (view.paused, view.stopping, *(scope.state for scope in view.scopes))
        if self._looks % _STATUS_EVERY == 0 or states != self._shown:
            PROCESS_SUPERVISOR.status(progress_line(view))
        self._looks += 1
        self._shown = states
