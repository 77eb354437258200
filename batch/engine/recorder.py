"""Groups what is put on record: intents before the first of them leaves, outcomes within a twentieth of a second.

An outcome counts - in figures, on the screen - only once it is durable. When the ledger fails, the recorder is broken
for good: nothing may be sent any more, and what it could not write is kept for another way out. On a full disk it
makes room once, for what is in flight.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from jobs.ledger import Intent, Ledger, LedgerError, Parked, Seen
from jobs.model import Outcome, Status

R = TypeVar("R", Outcome, Parked)
_FLUSH_AFTER_S = 0.05
_FLUSH_AT = 512


class Recorder:
    """Writes to the ledger on the event loop's thread: a commit takes about a millisecond. `clean` takes
    credentials out of a text before anything keeps it.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        on_broken: Callable[[LedgerError], None],
        make_room: Callable[[], bool],
        clean: Callable[[str], str],
    ) -> None:
        self._ledger = ledger
        self.clean = clean
        """Takes credentials out of a text."""
        self._make_room = make_room
        self._on_broken = on_broken
        self._intents: dict[int, Intent] = {}
        """By row; they are committed together, before the first of them leaves."""
        self._outcomes: list[Outcome] = []
        self._parked: list[Parked] = []
        self._seen: list[Seen] = []
        self._timer: asyncio.TimerHandle | None = None
        self._error: LedgerError | None = None
        self.committed: Counter[Status] = Counter()

    @property
    def broken(self) -> LedgerError | None:
        """Why nothing can be recorded any more."""
        return self._error

    @property
    def unrecorded(self) -> Sequence[Outcome]:
        """Outcomes that are not durable."""
        return tuple(_cleaned(self._outcomes, self.clean))

    def intend(self, intents: Sequence[Intent]) -> bool:
        """Takes PUTs that may leave once `on_record` says so; False where nothing can be recorded any more."""
        if self._error is not None:
            return self.flush()
        self._intents.update((one.row, one) for one in intents)
        return len(self._intents) < _FLUSH_AT or self.flush()

    def on_record(self, row: int) -> bool:
        """Whether what is intended for a row is durable, by now at the latest; where it is not, nothing may leave.

        So the intents of many projects, which wait for their turn, are in one transaction with each other.
        """
        return self._error is None and (row not in self._intents or self.flush())

    def settle(self, outcome: Outcome) -> None:
        """Takes an outcome; it is durable soon."""
        self._outcomes.append(outcome)
        self._flush_soon()

    def park(self, parked: Parked) -> None:
        """Takes the state of a row that stays open; it is durable soon."""
        self._intents.pop(parked.row, None)
        self._parked.append(parked)
        self._flush_soon()

    def see(self, seen: Seen) -> None:
        """Takes what a read has shown of a row's key before; it is durable soon, and before a PUT that is intended."""
        self._seen.append(msgspec.structs.replace(seen, kms_key_id=self.clean(seen.kms_key_id)))
        self._flush_soon()

    def fail(self, error: LedgerError) -> None:
        """Something else could not be recorded: nothing more is sent."""
        self._break(error)

    def flush(self) -> bool:
        """Writes everything taken so far; False where the ledger is broken."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._error is not None and not self._error.full:
            return False
        try:
            self._ledger.commit(
                intents=() if self._error else tuple(self._intents.values()),
                outcomes=_cleaned(self._outcomes, self.clean),
                parked=_cleaned(self._parked, self.clean),
                seen=self._seen,
            )
        except LedgerError as error:
            return self._break(error)
        self.committed.update(outcome.status for outcome in self._outcomes)
        self._intents.clear()
        self._outcomes.clear()
        self._parked.clear()
        self._seen.clear()
        return self._error is None

    def _break(self, error: LedgerError) -> bool:
        self._error = self._error or error
        self._on_broken(error)
        if error.full and self._make_room():
            self.flush()
        return False

    def _flush_soon(self) -> None:
        if len(self._outcomes) + len(self._parked) + len(self._seen) >= _FLUSH_AT:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_AFTER_S, self.flush)


def _cleaned(records: Sequence[R], clean: Callable[[str], str]) -> Sequence[R]:
    """The same without the credentials that the service may have echoed; one look at all of it shows whether there are
    any.
    """
    said = "\n".join(text for record in records for text in _said(record) if text)
    return records if clean(said) == said else [_cleaned_one(record, clean) for record in records]


def _said(record: Outcome | Parked) -> tuple[str | None, str | None, str | None]:
    return record.error_code, record.error_message, record.request_id


def _cleaned_one(record: R, clean: Callable[[str], str]) -> R:
    code, message, request_id = (text and clean(text) for text in _said(record))
    return msgspec.structs.replace(record, error_code=code, error_message=message, request_id=request_id)
