"""What counts against a shard that is tried again, and how long to wait before that; pure.

Only what the shard itself may have caused makes a poison shard of it. Storage or disk that is away for a moment, a
lease that another process holds, and a process that somebody else ended say nothing about it: they cost time, and are
waited for as long as an outage may last. Whatever gets it further begins the count again.
"""

from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from reports import Exit

MOST_FRUITLESS, MOST_LOST = 2, 3
_LONGEST_PAUSE_S = 60.0


class Lost(StrEnum):
    """How a try ended that has no exit code."""

    WORKER = "its worker was lost"
    SILENT = "nothing was seen of it"
    TASK = "its task was cancelled"


_OF_THE_MOMENT = frozenset({Exit.LOCKED, Exit.CANNOT_WRITE, Exit.SIGHUP, Exit.SIGINT, Exit.SIGTERM, Lost.TASK})


class TryEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a try ended. `open_rows` are those that the shard's owner has reported last, if any."""

    shard: int
    number: int
    exit_code: int | Lost
    worker: str = ""
    reason: str = ""
    open_rows: int | None = None

    @property
    def words(self) -> str:
        """The same for a person."""
        how = str(self.exit_code) if isinstance(self.exit_code, Lost) else f"ended with exit code {self.exit_code}"
        return f"{how}: {self.reason}" if self.reason else how


@dataclass(slots=True)
class Tries:
    """The tries of one shard: the `number` of the last, the workers that have `refused` it, and what counts against it
    since it got any further.
    """

    number: int = 0
    refused: set[str] = field(default_factory=set)
    fruitless: int = 0
    lost: int = 0
    pauses: int = 0
    paused_s: float = 0.0
    open_rows: int | None = None

    def pause_s(self, end: TryEnd, most_s: float) -> float | None:
        """How long to wait before it is tried again; None where it shall not be. What is of the moment may last for
        `most_s` of waiting: the time for which a shard waits for a worker says nothing about an outage.
        """
        self._see(end.open_rows)
        if end.exit_code not in _OF_THE_MOMENT:
            if isinstance(end.exit_code, Lost):
                self.lost += 1
            else:
                self.fruitless += 1
            return 0.0 if self.fruitless < MOST_FRUITLESS and self.lost < MOST_LOST else None
        if self.paused_s >= most_s:
            return None
        pause_s = min(_LONGEST_PAUSE_S, 2.0**self.pauses)
        self.pauses += 1
        self.paused_s += pause_s
        return pause_s

    def _see(self, open_rows: int | None) -> None:
        """The first report counts too: whatever failed before it, this got as far as to report."""
        if open_rows is not None and (self.open_rows is None or open_rows < self.open_rows):
            self.open_rows = open_rows
            self.fruitless = self.lost = self.pauses = 0
            self.paused_s = 0.0
