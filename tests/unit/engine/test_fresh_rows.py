"""Which rows a session takes up, in which order, and where it looks for one from elsewhere."""

import pytest

from batch.engine.fresh_rows import FreshRows, OpenRows
from jobs.ledger import Elsewhere, OpenRow
from jobs.model import SecretUpdate


def row(number: int, key: str = "k") -> OpenRow:
    update = SecretUpdate(secret_name=f"s{number}", kms_key_id=key)
    return OpenRow(row=number, update=update, attempts=0, spent=0, doubt=False)


class Table:
    """Open rows in memory, read as a ledger is."""

    def __init__(self, fresh: list[OpenRow], tried: list[OpenRow] | None = None) -> None:
        self.fresh = fresh
        self.tried = tried or []

    def page(self, after_row: int, limit: int, *, tried: bool) -> list[OpenRow]:
        return [one for one in (self.tried if tried else self.fresh) if one.row > after_row][:limit]

    def one(self, where: Elsewhere) -> OpenRow | None:
        found = [
            one
            for one in self.fresh
            if where.after_row < one.row < (where.before_row or 10**9)
            and where.of_key in {None, one.update.kms_key_id}
            and where.not_of_key != one.update.kms_key_id
        ]
        return (found[-1] if where.backwards else found[0]) if found else None

    def rows(self) -> FreshRows:
        last = max((one.row for one in self.fresh), default=0)
        return FreshRows(OpenRows(page=self.page, one=self.one, last=lambda: last), len(self.fresh) + len(self.tried))


def all_of(rows: FreshRows) -> list[int]:
    taken = []
    while (one := rows.take()) is not None:
        taken.append(one.row)
    return taken


def nobody(_key: str) -> bool:
    return False


def test_rows_that_were_never_sent_come_before_those_of_an_earlier_session() -> None:
    rows = Table([row(2), row(4)], [row(1), row(3)]).rows()
    assert all_of(rows) == [2, 4, 1, 3]
    assert rows.exhausted
    assert rows.left == 0


@pytest.mark.parametrize("count", [255, 256, 257, 1_000])
def test_every_row_comes_once_whatever_the_size_of_a_page(count: int) -> None:
    assert all_of(Table([row(n) for n in range(1, count + 1)]).rows()) == list(range(1, count + 1))


def test_rows_from_elsewhere_are_of_another_key_from_the_middle_and_from_the_end_and_come_once() -> None:
    table = Table([row(n, "other" if n == 900 else "k") for n in range(1, 1_001)])
    rows = table.rows()
    first = rows.take()
    found = [rows.elsewhere(of_key=None, holds=nobody) for _ in range(4)]
    assert first is not None
    assert [one.row for one in found if one is not None] == [900, 629, 1_000, 999]
    rest = all_of(rows)
    assert sorted([first.row, 900, 629, 1_000, 999, *rest]) == list(range(1, 1_001))
    assert rows.left == 0


def test_within_the_last_page_a_row_from_elsewhere_is_taken_from_its_other_end() -> None:
    rows = Table([row(n) for n in range(1, 6)]).rows()
    rows.take()
    found = [rows.elsewhere(of_key=None, holds=nobody) for _ in range(5)]
    assert [one and one.row for one in found] == [5, 3, 4, 2, None]
    assert all_of(rows) == []


def test_a_row_from_elsewhere_is_of_the_key_that_is_asked_for_and_never_of_one_that_is_held() -> None:
    rows = Table([row(n, "a" if n % 2 else "b") for n in range(1, 600)]).rows()
    rows.take()
    of_key = [rows.elsewhere(of_key="b", holds=nobody) for _ in range(3)]
    assert {one.update.kms_key_id for one in of_key if one is not None} == {"b"}
    others = [rows.elsewhere(of_key=None, holds={"b"}.__contains__) for _ in range(3)]
    assert {one.update.kms_key_id for one in others if one is not None} <= {"a"}


def test_one_row_is_found_by_its_number_while_it_is_open() -> None:
    rows = Table([row(5)], [row(7)]).rows()
    assert [found and found.row for found in (rows.one(5), rows.one(6), rows.one(7))] == [5, None, 7]
