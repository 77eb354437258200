"""What a session hears while it lasts, and by whom, in virtual time."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from batch.process.clock import Clock
from batch.telemetry.attendant import Attendant
from batch.telemetry.heartbeat import Heartbeat, Viewers
from jobs.rate import Rate
from jobs.run_dir.control import Control, write_control
from jobs.run_view import SessionView
from tests.unit.telemetry.test_heartbeat import BEFORE
from tests.unit.telemetry.test_heartbeat import Session as Watched
from tests.virtual import run_virtual

STARTED = 1e9


class Controls:
    def __init__(self, now_s: Callable[[], float], full_rate: float) -> None:
        self._now_s = now_s
        self._begun_s = now_s()
        self.full_rate = Rate(full_rate)
        self.rate, self.paused = self.full_rate, False
        self.obeyed: list[tuple[float, str, bool]] = []

    def obey(self, rate: Rate, *, paused: bool) -> str:
        if (rate, paused) == (self.rate, self.paused):
            return ""
        self.rate, self.paused = rate, paused
        self.obeyed.append((round(self._now_s() - self._begun_s), str(rate), paused))
        return "changed"


class Session(Watched):
    def __init__(self, loop: asyncio.AbstractEventLoop, full_rate: float) -> None:
        super().__init__(loop)
        self.controls = Controls(loop.time, full_rate)
        self.lost: list[tuple[str, bool]] = []

    def look(self) -> SessionView:
        return super().look()

    def lose(self, reason: str, *, kept: bool) -> None:
        self.lost.append((reason, kept))


class Duty:
    """Attends for some seconds; `events` happen at their moments. Keeps what was said and logged."""

    def __init__(self, folder: Path, full_rate: float = 10.0) -> None:
        self.folder, self._full_rate = folder, full_rate
        self.said: list[str] = []
        (folder / "ledger.db").touch()

    def run(self, seconds: float, *events: tuple[float, Callable[[], object]]) -> Session:
        return run_virtual(self._run(seconds, events))

    async def _run(self, seconds: float, events: tuple[tuple[float, Callable[[], object]], ...]) -> Session:
        loop = asyncio.get_running_loop()
        session = Session(loop, self._full_rate)
        viewers = Viewers(say=self.said.append)
        heartbeat = Heartbeat(
            self.folder, session, Clock(loop, utc_s=STARTED), before=BEFORE, job_rate=Rate(10.0), viewers=viewers
        )
        attendant = Attendant(self.folder, session, heartbeat, self.said.append)
        for moment, event in events:
            loop.call_later(moment, event)
        with attendant.on_duty():
            task = asyncio.create_task(attendant.attend())
            await asyncio.sleep(seconds)
            heartbeat.write()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        return session

    def wish(self, rate: str = "10/s", *, paused: bool = False, above: bool = False, session: float = STARTED) -> None:
        write_control(self.folder, Control(session=session, rate=rate, paused=paused, above=above))


def test_what_is_asked_for_is_done_within_a_second_and_said_once(tmp_path: Path) -> None:
    duty = Duty(tmp_path)
    session = duty.run(
        10.5,
        (2.5, lambda: duty.wish("5/s", paused=True)),
        (4.5, duty.wish),
        (6.5, lambda: duty.wish("20/s", above=True)),
    )
    assert session.controls.obeyed == [(3, "5/s", True), (5, "10/s", False), (7, "20/s", False)]
    assert duty.said == ["`set`: changed"] * 3
    assert not (tmp_path / "control.json").exists()


def test_what_needs_a_yes_is_a_rate_above_the_jobs_whatever_the_session_began_with(tmp_path: Path) -> None:
    """A night that was resumed gently may come back to what was agreed."""
    duty = Duty(tmp_path, full_rate=2.0)
    session = duty.run(8.5, (2.5, lambda: duty.wish("10/s")), (4.5, lambda: duty.wish("11/s")))
    assert session.controls.obeyed == [(3, "10/s", False)]


def test_a_file_of_an_earlier_session_is_gone_before_this_one_begins(tmp_path: Path) -> None:
    duty = Duty(tmp_path)
    duty.wish(paused=True)
    assert duty.run(3.5).controls.obeyed == []
    assert duty.said == []


def test_a_file_that_goes_away_changes_nothing(tmp_path: Path) -> None:
    """A tidy mind must not send a paused run off again."""
    duty = Duty(tmp_path)
    session = duty.run(6.5, (1.5, lambda: duty.wish(paused=True)), (3.5, (tmp_path / "control.json").unlink))
    assert session.controls.paused


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (lambda duty: (duty.folder / "control.json").write_text("{"), "it is not what `set` writes"),
        (lambda duty: duty.wish(paused=True, session=STARTED - 1), "it is meant for another session"),
        (lambda duty: duty.wish("11/s"), "11/s is above the 10/s that the run was started with"),
        (lambda duty: duty.wish("unlimited"), "unlimited is above the 10/s that the run was started with"),
        (lambda duty: duty.wish("quickly", paused=True), "'quickly' is not a rate"),
    ],
)
def test_a_file_that_is_not_obeyed_is_reported_once(
    tmp_path: Path, wish: Callable[[Duty], object], reason: str
) -> None:
    duty = Duty(tmp_path)
    with structlog.testing.capture_logs() as events:
        session = duty.run(9.5, (2.5, lambda: wish(duty)))
    assert session.controls.obeyed == []
    assert [line for line in duty.said if not line.startswith(f"control.json is ignored: {reason}")] == []
    assert len(duty.said) == 1
    assert [(event["event"], event["log_level"]) for event in events] == [("control.ignored", "warning")]


def test_a_ledger_that_is_gone_is_noticed_within_a_second_and_nothing_is_written_after_it(tmp_path: Path) -> None:
    duty = Duty(tmp_path)
    session = duty.run(3.0, (1.5, (tmp_path / "ledger.db").unlink))
    assert session.lost == [("its ledger was deleted or replaced while the run was active", False)]
    assert list(tmp_path.iterdir()) == []
