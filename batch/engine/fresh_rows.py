"""The rows of one scope that this session has not taken up yet, in manifest order or from elsewhere in the manifest."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from jobs.ledger import Elsewhere, OpenRow

_PAGE = 256
_OTHER_KEY, _MIDDLE = 1, 2
"""Turns of three in which a row from elsewhere is chosen; the third is the end."""


class ReadPage(Protocol):
    """Reads open rows in manifest order."""

    def __call__(self, after_row: int, limit: int, *, tried: bool) -> list[OpenRow]:
        """The next rows that an earlier session has sent, or those that none has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRows:
    """What a scope reads from its ledger: `page` are its open rows, `one` is a row from elsewhere, `last` is the last
    row of the scope.
    """

    page: ReadPage
    one: Callable[[Elsewhere], OpenRow | None]
    last: Callable[[], int]


class FreshRows:
    """Rows that no session has sent come first, then those that an earlier one has: so every resume makes progress."""

    def __init__(self, rows: OpenRows, open_rows: int) -> None:
        self._rows = rows
        self.left = open_rows
        """How many rows this session has not taken up yet."""
        self._page: deque[OpenRow] = deque()
        self._after_row = 0
        self._tried = False
        self._over = False
        self._elsewhere: set[int] = set()
        self._before_row: int | None = None
        self._turn = 0

    @property
    def exhausted(self) -> bool:
        """Whether no row is left."""
        return self._over and not self._page

    @property
    def unsent(self) -> bool:
        """Whether rows are left that no session has sent: they come before the others."""
        self._turn_page()
        return not self._tried or any(not (row.attempts or row.refused) for row in self._page)

    def take(self) -> OpenRow | None:
        """The next row; None where there is none any more."""
        self._turn_page()
        if not self._page:
            return None
        self.left -= 1
        return self._page.popleft()

    def one(self, number: int) -> OpenRow | None:
        """One row by its number, if it is open."""
        rows = (*self._rows.page(number - 1, 1, tried=False), *self._rows.page(number - 1, 1, tried=True))
        return next((row for row in rows if row.row == number), None)

    def elsewhere(self, *, of_key: str | None, holds: Callable[[str], bool]) -> OpenRow | None:
        """A row far from the next one: in turn one of another key, one from the middle and one from the end; with
        `of_key` only rows of that one. Rows of a key that is held back stay where they are.
        """
        self._turn_page()
        self._turn = self._turn % 3 + 1
        row = self._beyond_page(of_key) or self._in_page(of_key, holds)
        if row is None or (of_key is None and holds(row.update.kms_key_id)):
            return None
        self.left -= 1
        self._elsewhere.add(row.row)
        if row in self._page:
            self._page.remove(row)
        return row

    def _beyond_page(self, of_key: str | None) -> OpenRow | None:
        if self._tried:
            return None
        for where in self._places(of_key):
            row = self._rows.one(where)
            if row is not None and row.row not in self._elsewhere:
                if where.backwards and where.of_key is None and where.not_of_key is None:
                    self._before_row = row.row
                return row
        return None

    def _places(self, of_key: str | None) -> list[Elsewhere]:
        first, last = self._after_row, self._before_row or self._rows.last() + 1
        end = Elsewhere(after_row=first, before_row=last, backwards=True, of_key=of_key)
        if self._turn == _OTHER_KEY and of_key is None and self._page:
            here = self._page[0].update.kms_key_id
            return [Elsewhere(after_row=first, before_row=last, backwards=True, not_of_key=here), end]
        if self._turn == _MIDDLE:
            return [Elsewhere(after_row=(first + last) // 2, before_row=last, of_key=of_key), end]
        return [end]

    def _in_page(self, of_key: str | None, holds: Callable[[str], bool]) -> OpenRow | None:
        """Where the page is all that is left, from its middle or its end."""
        keys = [row.update.kms_key_id for row in self._page]
        fits = [at for at, key in enumerate(keys) if (key == of_key if of_key else not holds(key))]
        if not fits:
            return None
        others = [at for at in fits if keys[at] != keys[0]]
        if self._turn == _OTHER_KEY and others:
            return self._page[others[-1]]
        return self._page[fits[len(fits) // 2] if self._turn == _MIDDLE else fits[-1]]

    def _turn_page(self) -> None:
        while not self._page and not self._over:
            rows = self._rows.page(self._after_row, _PAGE, tried=self._tried)
            self._page.extend(row for row in rows if row.row not in self._elsewhere)
            self._after_row = rows[-1].row if rows else self._after_row
            if len(rows) < _PAGE:
                self._over, self._tried = self._tried, True
                self._after_row = 0
