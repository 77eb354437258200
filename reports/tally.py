"""Counts the rows while they pass by, in bounded memory however many there are and whatever the service answers."""

from jobs.ledger import ErrorCount, ToldRow
from jobs.model import Group, Status

SAMPLES = 5
MAX_CODES = 200
OTHER_CODES = "(other codes)"
"""Stands for every code that comes after the first `MAX_CODES`: codes are the service's text, so there is no end."""

_DONE = frozenset(status for status in Status if status.group is Group.DONE)


class Tally:
    """What the rows seen so far add up to."""

    def __init__(self) -> None:
        self.rows = 0
        self.attempted = 0
        self._by_status = dict.fromkeys(Status, 0)
        self._samples: dict[tuple[Status, str], list[ToldRow]] = {}
        self._errors: dict[tuple[Status, str], int] = {}

    def add(self, row: ToldRow) -> None:
        """Counts one row."""
        outcome = row.outcome
        self.rows += 1
        self._by_status[outcome.status] += 1
        if outcome.attempts:
            self.attempted += 1
        if outcome.status not in _DONE:
            self._add_error(row)

    def of_status(self, status: Status) -> int:
        """How many rows have a status."""
        return self._by_status[status]

    def of_group(self, group: Group) -> int:
        """How many rows belong to a group."""
        return sum(rows for status, rows in self._by_status.items() if status.group is group)

    def errors(self) -> tuple[ErrorCount, ...]:
        """Rows that are not done by status and error code, most rows first."""
        ordered = sorted(self._errors.items(), key=lambda found: (-found[1], found[0]))
        return tuple(
            ErrorCount(status=status, error_code=code, rows=rows, samples=tuple(self._samples[status, code]))
            for (status, code), rows in ordered
        )

    def _add_error(self, row: ToldRow) -> None:
        key = (row.outcome.status, row.outcome.error_code or "")
        if key not in self._errors and len(self._errors) >= MAX_CODES:
            key = (row.outcome.status, OTHER_CODES)
        self._errors[key] = self._errors.get(key, 0) + 1
        samples = self._samples.setdefault(key, [])
        if len(samples) < SAMPLES:
            samples.append(row)
