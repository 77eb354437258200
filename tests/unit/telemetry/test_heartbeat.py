"""What a run reports while it is active."""

import asyncio
import contextlib
import io
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from rich.console import Console

from batch.process.clock import Clock
from batch.telemetry.heartbeat import Heartbeat, Viewers
from jobs.model import Status, StatusCount
from jobs.rate import Rate
from jobs.run_dir.state import read_state
from jobs.run_view import Backlog, ScopeState, ScopeView, SessionView
from tests.virtual import run_virtual

BEFORE = Backlog(open_rows=100, ended=(StatusCount(status=Status.UPDATED, rows=20),))


class Session:
    """A session that ends a row every tenth of a second, in one scope."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._begun_s = loop.time()
        self.in_flight = 3
        self.state = ScopeState.RUNNING

    @property
    def _ended(self) -> int:
        return int((self._loop.time() - self._begun_s) * 10)

    @property
    def committed(self) -> Counter[Status]:
        return Counter({Status.UPDATED: self._ended})

    def look(self) -> SessionView:
        scope = ScopeView(
            project_id="a" * 32,
            region="eu-west-1",
            state=self.state,
            open_rows=100 - self._ended,
            in_flight=3,
            allowed_per_s=20.0,
        )
        return SessionView(requests=self._ended * 2, scopes=(scope,), faults=())


class Watch:
    """Beats for some seconds of virtual time; keeps what is said."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.options = options
        self.said: list[str] = []

    def run(self, seconds: float, *, states: dict[float, ScopeState] | None = None) -> Heartbeat:
        """The heartbeat after that time; the scope's state changes at these moments."""
        return run_virtual(self._run(seconds, states or {}))

    async def _run(self, seconds: float, states: dict[float, ScopeState]) -> Heartbeat:
        loop = asyncio.get_running_loop()
        session = Session(loop)
        heartbeat = Heartbeat(
            self.folder,
            session,
            Clock(loop, utc_s=1e9),
            before=BEFORE,
            job_rate=Rate(10.0),
            viewers=Viewers(say=self.said.append, **self.options),
        )
        for moment, state in states.items():
            loop.call_later(moment, setattr, session, "state", state)
        beating = asyncio.create_task(heartbeat.beat())
        await asyncio.sleep(seconds)
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
        return heartbeat


def test_without_a_terminal_it_says_a_line_every_ten_seconds(tmp_path: Path) -> None:
    """And nothing else while nothing changes."""
    watch = Watch(tmp_path)
    watch.run(9.5)
    assert watch.said == []
    watch.run(30.5)
    assert len(watch.said) == 3
    assert watch.said[0] == (
        "119 of 120 rows (99 %); 119 updated, 10 rows/s, 20/s sent, allowed 20/s, 3 in flight,"
        " 10 s elapsed, about 1 s left"
    ) or watch.said[0].startswith("120 of 120 rows (100 %); 120 updated, 10 rows/s")


def test_a_change_of_state_is_said_at_once(tmp_path: Path) -> None:
    """Within the second, there and back."""
    watch = Watch(tmp_path)
    watch.run(6.5, states={2.5: ScopeState.OUTAGE, 4.5: ScopeState.RUNNING})
    assert watch.said == [
        "project eu-west-1 aaaaaaaa: service not answering; probing now",
        "project eu-west-1 aaaaaaaa: service answering again",
    ]


def test_the_state_file_is_written_every_second(tmp_path: Path) -> None:
    """With the rows of earlier sessions."""
    Watch(tmp_path).run(3.5)
    state = read_state(tmp_path)
    assert state is not None
    assert state.started_at == 1e9
    assert state.written_at == pytest.approx(1e9 + 3, abs=0.01)
    assert state.open_rows + state.counts[0].rows == state.total == 120


def test_the_state_file_says_how_fast_it_is_and_what_slows_it(tmp_path: Path) -> None:
    """In the words of the screen, for `status`."""
    Watch(tmp_path).run(3.5, states={1.5: ScopeState.OUTAGE})
    state = read_state(tmp_path)
    assert state is not None
    assert state.pace == "10 rows/s, 20/s sent, 3 in flight, 3 s elapsed"
    assert state.trouble == ("project eu-west-1 aaaaaaaa: service not answering; probing now",)


@pytest.mark.parametrize("drawn", [False, True])
def test_what_slows_a_run_goes_into_the_log_whether_there_is_a_screen_or_not(tmp_path: Path, *, drawn: bool) -> None:
    """Each change once, as a warning, and its end as a piece of news."""
    console = Console(file=io.StringIO(), force_terminal=True, _environ={}) if drawn else None
    with structlog.testing.capture_logs() as events:
        Watch(tmp_path, console=console).run(9.5, states={2.5: ScopeState.OUTAGE, 4.5: ScopeState.RUNNING})
    assert [(event["log_level"], event["event"], event["reason"]) for event in events] == [
        ("warning", "scope.slowed", "service not answering; probing now"),
        ("info", "scope.recovered", "service answering again"),
    ]


def test_a_full_disk_does_not_stop_it(tmp_path: Path) -> None:
    """The folder is gone, even; lines continue."""
    watch = Watch(tmp_path / "gone")
    watch.run(10.5)
    assert len(watch.said) == 1


def test_a_terminal_is_drawn_on_and_left_clean(tmp_path: Path) -> None:
    """At most ten times a second, and no line is said beside it."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, highlight=False, _environ={})
    watch = Watch(tmp_path, console=console)
    watch.run(20.0)
    drawn = file.getvalue().count(" of 120 rows ")
    assert 1 < drawn <= 202
    assert watch.said == []
    assert file.getvalue().endswith("\x1b[?25h") or "\x1b[?25h" in file.getvalue()[-40:]


def test_a_terminal_that_is_gone_leaves_lines(tmp_path: Path) -> None:
    """A closed window must not stop a run, nor its state file."""

    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(5, "Input/output error")

    watch = Watch(tmp_path, console=Console(file=Gone(), force_terminal=True, width=100, _environ={}))
    stderr = sys.stderr
    watch.run(10.5)
    assert len(watch.said) == 1
    assert read_state(tmp_path) is not None
    assert sys.stderr is stderr


def test_the_view_is_a_value(tmp_path: Path) -> None:
    """Another thread may read it while the run is active."""
    view = Watch(tmp_path).run(2.5).latest
    assert msgspec.structs.asdict(view)["scopes"][0].allowed_per_s == 20.0
    with pytest.raises(AttributeError):
        view.total = 1  # type: ignore[misc]  # what is tested
