"""Tells others how a run stands while it goes on: the state file every second, a line on the screen every ten."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import structlog

from batch.clock import Clock
from batch.session import Session
from jobs.ledger import Standing
from jobs.state import LiveState, StateCount, write_state

_EVERY_S = 1.0
_BEATS_PER_LINE = 10
_log = structlog.get_logger()


class Heartbeat:
    """Beats for one session; `before` is how the rows stood when it began."""

    def __init__(
        self,
        folder: Path,
        session: Session,
        clock: Clock,
        *,
        before: Standing,
        say: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._session = session
        self._clock = clock
        self._say = say
        self._ended_before = {count.status: count.rows for count in before.ended}
        self._total = before.open_rows + sum(self._ended_before.values())
        self._started_at = clock.utc_s(clock.now_s())
        self._write_failed = False

    async def beat(self) -> None:
        """Beats until cancelled."""
        beats = 0
        while True:
            self.write()
            if beats and not beats % _BEATS_PER_LINE:
                self._say(self._line())
            beats += 1
            await asyncio.sleep(_EVERY_S)

    def write(self) -> None:
        """Writes the state file; a full disk is noted once and does not stop a run."""
        try:
            write_state(self._folder, self.state())
        except OSError as error:
            if not self._write_failed:
                self._write_failed = True
                _log.warning("state.not_written", reason=error.strerror)

    def state(self) -> LiveState:
        """How the run stands now."""
        counts = dict(self._ended_before)
        for status, rows in self._session.committed.items():
            counts[status] = counts.get(status, 0) + rows
        return LiveState(
            pid=os.getpid(),
            started_at=self._started_at,
            written_at=self._clock.utc_s(self._clock.now_s()),
            total=self._total,
            open_rows=self._total - sum(counts.values()),
            in_flight=self._session.in_flight,
            counts=tuple(StateCount(status=status, rows=rows) for status, rows in counts.items()),
        )

    def _line(self) -> str:
        state = self.state()
        ended = ", ".join(f"{count.rows} {count.status.value}" for count in state.counts if count.rows)
        return f"{state.total - state.open_rows} of {state.total} rows: {ended or 'none yet'}"
