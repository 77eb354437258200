"""Counts the rows while they pass by, in bounded memory however many there are and whatever the service answers."""

from collections import defaultdict

from jobs.ledger import ErrorCount, RowKind, ToldBlock, ToldRow, same_key, told_row
from jobs.ledger.told_row import CARRIED
from jobs.model import Group, Status
from reports.summary.key_faults import held_code, key_fault
from reports.summary.open_rows import OpenRows
from reports.summary.timeline import End, Timeline

SAMPLES = 5
MAX_CODES = 200
OTHER_CODES = "(other codes)"
"""Stands for every code that comes after the first `MAX_CODES`: codes are the service's text, so there is no end."""
MAX_BLAMED_KEYS = 100
_Kind = tuple[Status, str, str]
"""Status, code and, where the code blames it, the key."""

_DONE = frozenset(status for status in Status if status.group is Group.DONE)
_AGAIN = frozenset(status for status in Status if status.group is Group.RUN_AGAIN)


MOST_PUTS = 20
"""Rows that took so many PUTs or more are counted together: how many a row may take is up to the user."""


class Tally:
    """What the rows seen so far add up to, those left out counted apart; `origin_s` is when the first run began."""

    def __init__(self, origin_s: float = 0.0) -> None:
        self.rows = 0
        self.attempted = 0
        self.left_out = 0
        self.carried = 0
        self.unknown_ended = 0
        self.timeline = Timeline(origin_s)
        self.open_rows = OpenRows()
        self._by_puts: dict[int, int] = {}
        self._run_again: dict[tuple[str, str], int] = {}
        self._by_status = dict.fromkeys(Status, 0)
        self._samples: dict[_Kind, list[ToldRow]] = {}
        self._errors: dict[_Kind, int] = {}
        self._keys: set[_Kind] = set()

    def add(self, block: ToldBlock) -> None:
        """Counts the rows of a block."""
        for kind, rows in block.counts.items():
            self._add_kind(kind, rows)
        # In many projects there are as many kinds as rows, but hardly more of what a timeline asks.
        kept = defaultdict[tuple[int, bool], list[End]](list)
        ends_of = {kind: kept[kind.attempts, kind.status in _DONE] for kind in block.counts if not kind.left_out}
        for own, kind in zip(block.rows, block.kinds, strict=True):
            if kind.left_out:
                continue
            ends_of[kind].append(own[5:])
            if kind.status not in _DONE:
                self._add_open(told_row(own, kind))
        for (puts, done), ends in kept.items():
            self.timeline.add(ends, puts=puts, done=done)

    def _add_kind(self, kind: RowKind, rows: int) -> None:
        self.rows += rows
        if kind.left_out:
            self.left_out += rows
            self.carried += rows if kind.left_out == CARRIED else 0
            return
        self._by_status[kind.status] += rows
        if kind.attempts:
            self.attempted += rows
            puts = min(kind.attempts, MOST_PUTS)
            self._by_puts[puts] = self._by_puts.get(puts, 0) + rows

    def of_status(self, status: Status) -> int:
        """How many rows have a status."""
        return self._by_status[status]

    def of_group(self, group: Group) -> int:
        """How many rows belong to a group."""
        return sum(rows for status, rows in self._by_status.items() if status.group is group)

    def by_puts(self) -> tuple[tuple[int, int], ...]:
        """Numbers of PUTs, ascending, and how many rows took so many; `MOST_PUTS` stands for that many or more."""
        return tuple(sorted(self._by_puts.items()))

    def run_again_of(self, project_id: str, region: str) -> int:
        """How many rows of a scope are to be run again; a project and a region make one."""
        return self._run_again.get((project_id, region), 0)

    def errors(self) -> tuple[ErrorCount, ...]:
        """Rows that are not done by status and error code, and by key where that is blamed, most rows first."""
        ordered = sorted(self._errors.items(), key=lambda found: (-found[1], found[0]))
        return tuple(
            ErrorCount(
                status=kind[0],
                error_code=kind[1],
                kms_key_id=self._samples[kind][0].kms_key_id if kind[2] else None,
                rows=rows,
                samples=tuple(self._samples[kind]),
            )
            for kind, rows in ordered
        )

    def _add_open(self, row: ToldRow) -> None:
        self.open_rows.add(row)
        # An outcome has the moment of its last answer; a row in doubt, which was stopped before its own, has none.
        if row.outcome.status is Status.UNKNOWN and row.outcome.finished_at is not None:
            self.unknown_ended += 1
        if row.outcome.status in _AGAIN:
            place = (row.project_id, row.region)
            self._run_again[place] = self._run_again.get(place, 0) + 1
        self._add_error(row)

    def _add_error(self, row: ToldRow) -> None:
        kind = self._kind(row)
        if kind not in self._errors and len(self._errors) >= MAX_CODES + len(self._keys):
            kind = (row.outcome.status, OTHER_CODES, "")
        self._errors[kind] = self._errors.get(kind, 0) + 1
        samples = self._samples.setdefault(kind, [])
        if len(samples) < SAMPLES:
            samples.append(row)

    def _kind(self, row: ToldRow) -> _Kind:
        """Rows of one kind are counted together; those of the first keys that are blamed are a kind for each key."""
        status, code = row.outcome.status, row.outcome.error_code or held_code(row.outcome.error_message or "")
        if key_fault(code, "") is None:
            return status, code, ""
        kind = (status, code, same_key(row.kms_key_id))
        if kind not in self._keys and len(self._keys) >= MAX_BLAMED_KEYS:
            return status, code, ""
        self._keys.add(kind)
        return kind
