"""Distinguishes a wrong key, a missing right or a proxy in between, which every row would meet, from the fault of one
row.

Some rows refused in a row, and none accepted between them: then up to three rows from elsewhere in the manifest are
asked. One that is accepted shows that the others were to blame; none, that nothing here is accepted at this moment,
and everything stays open for when that has changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from batch.csms.client import Answer
from batch.csms.faults import Fault, FaultKind

_REFUSALS = 5
_FOREIGN = 3
_ELSEWHERE = 3
_TRY_HELD_AFTER_S = 30.0


@dataclass(slots=True)
class Streak:
    """Rows in a row that met the same refusal, in a scope or, with a `key`, of one key. `sent` rows from elsewhere have
    left to see whether it is true of all, and `heard` of those are answered.
    """

    limit: int
    key: str | None = None
    rows: set[int] = field(default_factory=set)
    sent: int = 0
    heard: int = 0
    fault: Fault | None = None

    @property
    def asks_elsewhere(self) -> bool:
        """Whether rows from elsewhere are to be asked before any more from here."""
        return len(self.rows) >= self.limit

    @property
    def wants_more(self) -> bool:
        """Whether one more from elsewhere may be asked."""
        return self.asks_elsewhere and self.sent < _ELSEWHERE

    @property
    def waits(self) -> bool:
        """Whether an answer from elsewhere is still to come."""
        return self.heard < self.sent

    @property
    def said(self) -> str:
        """The refusal in the service's words."""
        return f"{self.fault.code}: {self.fault.message}" if self.fault else ""

    @property
    def reason(self) -> str:
        """Why nothing more is sent."""
        return (
            f"{len(self.rows)} rows in a row were refused, none was accepted; tried elsewhere: {self.sent}; {self.said}"
        )

    def add(self, row: int, fault: Fault) -> None:
        """One more row was refused."""
        self.rows.add(row)
        self.fault = fault

    def reset(self) -> None:
        """Something was accepted."""
        self.rows.clear()
        self.sent = self.heard = 0


class FailFast:
    """Watches the refusals of one scope; which keys are held is kept here."""

    def __init__(self) -> None:
        self.refused = Streak(_REFUSALS)
        self.foreign = Streak(_FOREIGN)
        self._keys: dict[str, Streak] = {}
        self._held: dict[str, float] = {}
        """The keys that are held, and when each was last tried."""

    @property
    def calm(self) -> bool:
        """Whether nothing was refused lately, and no key is held."""
        return not (self.refused.rows or self.foreign.rows or self._keys or self._held)

    @property
    def of_scope(self) -> Streak | None:
        """The streak of the whole scope for which rows from elsewhere are asked now."""
        if self.refused.asks_elsewhere:
            return self.refused
        return self.foreign if self.foreign.asks_elsewhere else None

    def of_keys(self) -> Iterator[Streak]:
        """The streaks of keys for which rows from elsewhere are asked now; those keys are not held yet."""
        return (one for key, one in self._keys.items() if one.asks_elsewhere and key not in self._held)

    def holds(self, kms_key_id: str) -> bool:
        """Whether rows of this key are not wanted now: it is held, or others of its rows are being asked."""
        if kms_key_id in self._held:
            return True
        streak = self._keys.get(kms_key_id)
        return streak is not None and streak.asks_elsewhere

    def hold(self, kms_key_id: str, now_s: float) -> None:
        """Holds the rows of a key."""
        self._held[kms_key_id] = now_s

    def held(self) -> tuple[str, ...]:
        """The keys that are held."""
        return tuple(self._held)

    def held_over(self) -> str | None:
        """What the service said of the first key that is held."""
        return next((self._keys[key].said for key in self._held if key in self._keys), None)

    def due(self, now_s: float) -> str | None:
        """A held key that is to be tried with one row now."""
        return next((key for key, at_s in self._held.items() if now_s - at_s >= _TRY_HELD_AFTER_S), None)

    def due_in_s(self, now_s: float) -> float:
        """Seconds until a held key is to be tried; infinite where none is held."""
        return min((max(0.0, at_s + _TRY_HELD_AFTER_S - now_s) for at_s in self._held.values()), default=float("inf"))

    def note(self, row: int, kms_key_id: str, answer: Answer, *, write: bool) -> bool:
        """Learns from the answer to a row's request; True where its key was held or doubted, and is good after all."""
        if isinstance(answer, Fault):
            self._note_fault(row, kms_key_id, answer)
            return False
        self.foreign.reset()
        if not write:
            return False
        self.refused.reset()
        doubted = self.holds(kms_key_id)
        self._held.pop(kms_key_id, None)
        self._keys.pop(kms_key_id, None)
        return doubted

    def _note_fault(self, row: int, kms_key_id: str, fault: Fault) -> None:
        if fault.withheld:
            return
        if fault.kind is FaultKind.FOREIGN:
            self.foreign.add(row, fault)
            return
        self.foreign.reset()
        match fault.kind:
            case FaultKind.FORBIDDEN | FaultKind.ABSENT:
                self.refused.add(row, fault)
            case FaultKind.KEY:
                self._keys.setdefault(kms_key_id, Streak(_REFUSALS, key=kms_key_id)).add(row, fault)
            case _:
                pass
