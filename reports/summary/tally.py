"""Counts the rows while they pass by, in bounded memory however many there are and whatever the service answers."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from jobs.ledger import ErrorCount, RowEnd, ToldBlock, ToldRow, same_key
from jobs.ledger.told_row import CARRIED
from jobs.model import Group, Status, StatusCount
from reports.summary.key_faults import held_code, key_fault
from reports.summary.open_rows import OpenRows
from reports.summary.row_numbers import RowNumbers
from reports.summary.timeline import End, Timeline

SAMPLES = 5
MAX_CODES = 200
OTHER_CODES = "(other codes)"
"""Stands for every code that comes after the first `MAX_CODES`: codes are the service's text, so there is no end."""
MAX_BLAMED_KEYS = 100
_Kind = tuple[Status, str, str]
"""Status, code and, where the code blames it, the key."""

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
        self.run_again = RowNumbers()
        self.fix_first = RowNumbers()
        self._by_puts: dict[int, int] = {}
        self._by_status = dict.fromkeys(Status, 0)
        self._samples: dict[_Kind, list[ToldRow]] = {}
        self._errors: dict[_Kind, int] = {}
        self._keys: set[_Kind] = set()

    def add(self, block: ToldBlock) -> None:
        """Counts the rows of a block."""
        ends = [kind.end for kind in block.kinds]
        counts = Counter(ends)
        for end, rows in counts.items():
            self._add_end(end, rows)
        self._add_times(block, ends, [end for end in counts if not end.left_out])
        if open_ends := {end for end in counts if not end.left_out and not end.done}:
            for at, end in enumerate(ends):
                if end in open_ends:
                    self._add_open(block, at, end)

    def _add_times(self, block: ToldBlock, ends: Sequence[RowEnd], counted: Iterable[RowEnd]) -> None:
        kept = defaultdict[tuple[int, bool], list[End]](list)
        times_of = {end: kept[end.attempts, end.done] for end in counted}
        for end, times in zip(ends, zip(block.finished_at, block.elapsed_ms, strict=True), strict=True):
            if end in times_of:
                times_of[end].append(times)
        for (puts, done), together in kept.items():
            self.timeline.add(together, puts=puts, done=done)

    def _add_end(self, end: RowEnd, rows: int) -> None:
        self.rows += rows
        if end.left_out:
            self.left_out += rows
            self.carried += rows if end.left_out == CARRIED else 0
            return
        self._by_status[end.status] += rows
        if end.attempts:
            self.attempted += rows
            puts = min(end.attempts, MOST_PUTS)
            self._by_puts[puts] = self._by_puts.get(puts, 0) + rows

    def counts(self) -> tuple[StatusCount, ...]:
        """How many rows have each status."""
        return tuple(StatusCount(status=status, rows=rows) for status, rows in self._by_status.items())

    def of_status(self, status: Status) -> int:
        """How many rows have a status."""
        return self._by_status[status]

    def of_group(self, group: Group) -> int:
        """How many rows belong to a group."""
        return sum(rows for status, rows in self._by_status.items() if status.group is group)

    def by_puts(self) -> tuple[tuple[int, int], ...]:
        """Numbers of PUTs, ascending, and how many rows took so many; `MOST_PUTS` stands for that many or more."""
        return tuple(sorted(self._by_puts.items()))

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

    def _add_open(self, block: ToldBlock, at: int, end: RowEnd) -> None:
        # An outcome has the moment of its last answer; a row in doubt, which was stopped before its own, has none.
        if end.status is Status.UNKNOWN and block.finished_at[at] is not None:
            self.unknown_ended += 1
        (self.run_again if end.status in _AGAIN else self.fix_first).add(block.numbers[at])
        kind = self._kind(end, block.messages[at], block.kinds[at].kms_key_id)
        if kind not in self._errors and len(self._errors) >= MAX_CODES + len(self._keys):
            kind = (end.status, OTHER_CODES, "")
        self._errors[kind] = self._errors.get(kind, 0) + 1
        samples = self._samples.setdefault(kind, [])
        if len(samples) < SAMPLES or self.open_rows.wants(end.status):
            row = block.row(at)
            self.open_rows.add(row)
            if len(samples) < SAMPLES:
                samples.append(row)

    def _kind(self, end: RowEnd, message: str | None, kms_key_id: str) -> _Kind:
        """Rows of one kind are counted together; those of the first keys that are blamed are a kind for each key."""
        status, code = end.status, end.error_code or held_code(message or "")
        if key_fault(code, "") is None:
            return status, code, ""
        kind = (status, code, same_key(kms_key_id))
        if kind not in self._keys and len(self._keys) >= MAX_BLAMED_KEYS:
            return status, code, ""
        self._keys.add(kind)
        return kind
