"""Keeps the rows that are not done that a page shows: a few thousand, those with a reason before the others."""

from heapq import merge
from html import escape
from operator import attrgetter

import msgspec

from jobs.ledger import ToldRow
from jobs.model import Status
from jobs.printable import shortened

MOST_ROWS = 2_500
MOST_BYTES = 800_000
"""Of all rows together, as a page writes them: what keeps it small when every row has a long message."""
_FRAME_BYTES = 150


class ListedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is not done; its texts are printable and of bounded length."""

    row: int
    secret_name: str
    place: str
    status: Status
    error_code: str
    http_status: int | None
    attempts: int
    message: str
    request_id: str


def place_name(region: str | None, project_id: str) -> str:
    """A scope in few characters: its region and the beginning of its project id, which distinguishes it from others."""
    return shortened(f"{region or ''} {project_id[:8]}".strip())


class OpenRows:
    """Takes rows in manifest order. One that was only not attempted gives way to one that failed."""

    def __init__(self) -> None:
        self._ended = _Shelf()
        self._not_attempted = _Shelf()

    def wants(self, status: Status) -> bool:
        """Whether there is room for a row that ended so."""
        return not self._shelf(status).full

    def add(self, row: ToldRow) -> None:
        """Keeps a row while there is room."""
        shelf = self._shelf(row.outcome.status)
        if not shelf.full:
            shelf.add(_shown(row))

    def _shelf(self, status: Status) -> "_Shelf":
        return self._not_attempted if status is Status.NOT_ATTEMPTED else self._ended

    def kept(self) -> tuple[ListedRow, ...]:
        """The rows to show, in manifest order."""
        room = self._ended.copy()
        for row in self._not_attempted.rows:
            room.add(row)
        ended = len(self._ended.rows)
        return tuple(merge(room.rows[:ended], room.rows[ended:], key=attrgetter("row")))


class _Shelf:
    """Takes rows until one does not fit, and then none."""

    def __init__(self) -> None:
        self.rows: list[ListedRow] = []
        self.full = False
        self._bytes = 0

    def add(self, row: ListedRow) -> None:
        self._bytes += _written_bytes(row)
        self.full = self.full or self._bytes > MOST_BYTES or len(self.rows) >= MOST_ROWS
        if not self.full:
            self.rows.append(row)

    def copy(self) -> "_Shelf":
        other = _Shelf()
        other.rows = self.rows[:]
        other.full = self.full
        other._bytes = self._bytes
        return other


def _shown(row: ToldRow) -> ListedRow:
    outcome = row.outcome
    return ListedRow(
        row=outcome.row,
        secret_name=shortened(row.secret_name),
        place=place_name(row.region, row.project_id),
        status=outcome.status,
        error_code=shortened(outcome.error_code or ""),
        http_status=outcome.http_status,
        attempts=outcome.attempts,
        message=shortened(outcome.error_message or ""),
        request_id=shortened(outcome.request_id or ""),
    )


def _written_bytes(row: ListedRow) -> int:
    """About what a page takes for a row; a code also stands in the list to choose from."""
    texts = (row.secret_name, row.place, row.error_code, row.error_code, row.message, row.request_id)
    return _FRAME_BYTES + sum(len(escape(text).encode()) for text in texts)
