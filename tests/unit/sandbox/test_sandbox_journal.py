from pathlib import Path

import msgspec
import pytest

from batch.sandbox import faults
from batch.sandbox.faults import Delivery
from batch.sandbox.journal import Journal
from tests.kit.records import Record, busiest_window, read_journal, records_of
from tests.kit.scripts import Numbers
from tests.unit.sandbox.asking import EPOCH_S, Desk, small_sandbox


def test_the_file_tells_the_same_as_memory(tmp_path: Path) -> None:
    journal = Journal(epoch_s=EPOCH_S, path=tmp_path / "log")
    plan = {2: faults.gateway_error(504, lands_after_s=1.0), 3: faults.reset(applied=True)}
    desk = Desk(small_sandbox(journal=journal, faults=Numbers(plan)))
    exchange = desk.sandbox.exchange
    for at in (0.0, 0.5, 1.0, 2.0):
        act = exchange.arrive(desk.move(), at)
        exchange.leave(act, at + 0.1, whole=act.delivery is Delivery.WHOLE)
    held = exchange.arrive(desk.request("GET /v1/{p}/secrets"), 3.0)
    assert read_journal(tmp_path / "log") == records_of(journal)
    assert [record.applied for record in records_of(journal)] == [True, True, True, True, False]
    assert (records_of(journal)[-1].ended_s, records_of(journal)[-1].answered_whole) == (None, False)
    journal.close()
    exchange.leave(held, 3.1, whole=True)
    assert records_of(journal)[-1].ended_s == 3.1


def test_every_event_is_in_the_file_at_once_and_an_arrival_before_its_answer(tmp_path: Path) -> None:
    journal = Journal(epoch_s=EPOCH_S, path=tmp_path / "log")
    desk = Desk(small_sandbox(journal=journal))
    desk.sandbox.exchange.arrive(desk.move(), 0.25)
    (record,) = read_journal(tmp_path / "log")
    assert (record.at_s, record.applied, record.ended_s, record.status) == (0.25, True, None, None)
    journal.close()


def test_a_line_without_its_end_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log"
    journal = Journal(epoch_s=EPOCH_S, path=path)
    desk = Desk(small_sandbox(journal=journal))
    desk.sandbox.exchange.arrive(desk.move(), 0.0)
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert read_journal(path) == ()
    path.write_bytes(whole + b'{"event":')
    assert len(read_journal(path)) == 1


def test_a_file_that_is_no_journal_is_told(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("row,status\n")
    with pytest.raises(msgspec.DecodeError):
        read_journal(tmp_path / "log")


def test_open_requests_are_counted_as_they_come_and_go(desk: Desk) -> None:
    exchange, journal = desk.sandbox.exchange, desk.sandbox.journal
    acts = [exchange.arrive(desk.move(), 0.0) for _ in range(3)]
    exchange.leave(acts[0], 0.0, whole=True)
    exchange.arrive(desk.move(), 0.0)
    assert [record.open for record in records_of(journal)] == [1, 2, 3, 3]
    assert (journal.arrived_count, journal.open_count) == (4, 3)


def test_without_memory_only_the_counts_are_kept() -> None:
    journal = Journal(epoch_s=EPOCH_S, keep=False)
    desk = Desk(small_sandbox(journal=journal))
    desk.sandbox.exchange.arrive(desk.move(), 0.0)
    assert journal.events == []
    assert journal.arrived_count == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"kms_key_id": 5}', b'{"kms_key_id": null}', b"\xff"])
def test_a_key_that_cannot_be_read_is_recorded_as_none(desk: Desk, body: bytes) -> None:
    desk.sandbox.exchange.arrive(desk.request("PUT /v1/{p}/secrets/{s}", body), 0.0)
    assert records_of(desk.sandbox.journal)[0].kms_key_id is None


@pytest.mark.parametrize(
    ("times", "busiest"),
    [([], 0), ([5.0], 1), ([0.0, 0.5, 1.0], 2), ([0.0, 0.9, 1.8, 1.85, 1.89], 4), ([1.0, 1.0, 1.0], 3)],
)
def test_the_busiest_second_is_found_wherever_it_begins(desk: Desk, times: list[float], busiest: int) -> None:
    for at in times:
        desk.sandbox.exchange.arrive(desk.move(), at)
    records: tuple[Record, ...] = records_of(desk.sandbox.journal)
    assert busiest_window(records, 1.0) == busiest
