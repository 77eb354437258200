"""Which row comes next, what is on record by then, and what becomes of rows whose key is held back."""

import math

import pytest

from batch.engine.fresh_rows import FreshRows, OpenRows
from batch.engine.progress import Phase, Policy
from batch.engine.row_queue import RowQueue
from batch.engine.work import Work, begin
from jobs.ledger import Intent, OpenRow
from jobs.model import SecretUpdate

GOOD, HELD = "good", "held"


def row(number: int, key: str = GOOD, *, doubt: bool = False) -> OpenRow:
    update = SecretUpdate(secret_name=f"s{number}", kms_key_id=key)
    return OpenRow(row=number, update=update, attempts=int(doubt), spent=0, doubt=doubt)


class Bench:
    """A queue over given pages, with what it recorded."""

    def __init__(self, pages: list[list[OpenRow]]) -> None:
        self.pages = iter(pages)
        self.held: set[str] = set()
        self.intents: list[int] = []
        rows = OpenRows(page=self.page, one=lambda _: None, last=lambda: 0)
        self.queue = RowQueue(
            FreshRows(rows, 10_000),
            begin=self.begin,
            intend=self.intend,
            holds=self.held.__contains__,
        )

    def page(self, after_row: int, limit: int, *, tried: bool) -> list[OpenRow]:
        del after_row, limit
        return [] if tried else next(self.pages, [])

    def begin(self, open_row: OpenRow) -> Work:
        return begin(open_row, Policy(), 0.0)

    def intend(self, intents: list[Intent]) -> bool:
        self.intents += [intent.row for intent in intents]
        return True


def test_whatever_is_given_out_to_be_written_is_on_record() -> None:
    bench = Bench([[row(1), row(2), row(3)]])
    given = [bench.queue.next(0.0, 1_000.0) for _ in range(3)]
    assert [work.row for work in given if work is not None and work.intended] == [1, 2, 3] == bench.intents


def test_a_row_whose_key_was_held_while_intents_were_recorded_never_leaves_without_one() -> None:
    bench = Bench([[]])
    for number, key in ((1, GOOD), (2, HELD)):
        bench.queue.delay(bench.begin(row(number, key)), 0.0)
    bench.held.add(HELD)
    first = bench.queue.next(1.0, 1_000.0)
    bench.held.clear()
    assert first is not None
    assert (first.row, first.intended) == (1, True)
    assert bench.queue.next(1.0, 1_000.0) is None
    assert [work.row for work in bench.queue.rest()] == [2]


@pytest.mark.parametrize("pages", [[[row(n, HELD) for n in range(1, 256)]], [[row(n, HELD) for n in range(256)] * 40]])
def test_a_queue_that_still_holds_rows_is_asked_again_at_once(pages: list[list[OpenRow]]) -> None:
    """A short last page of passed-over rows left the lane asleep for ever."""
    bench = Bench(pages)
    bench.held.add(HELD)
    for _ in range(20):
        assert bench.queue.next(0.0, 1_000.0) is None
        if bench.queue.empty:
            break
        assert bench.queue.next_in_s(0.0) == 0.0
    assert bench.queue.empty
    assert bench.queue.next_in_s(0.0) == math.inf


def test_a_row_in_doubt_is_read_and_not_dropped_when_its_key_is_held() -> None:
    bench = Bench([[row(1, HELD, doubt=True), row(2, HELD)]])
    bench.held.add(HELD)
    work = bench.queue.next(0.0, 1_000.0)
    assert work is not None
    assert (work.row, work.progress.phase, work.intended) == (1, Phase.SETTLE, False)
    assert bench.queue.next(0.0, 1_000.0) is None
    assert bench.intents == []
