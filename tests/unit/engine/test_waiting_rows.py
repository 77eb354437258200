"""The rows that wait apart from the others: refused once, of a held key, or used to try an outage."""

from batch.engine.held_rows import HeldRows
from batch.engine.progress import Phase, Progress
from batch.engine.refused_rows import RefusedRows
from batch.engine.trials import Trials
from batch.engine.work import Work
from jobs.model import SecretUpdate


def work(row: int, key: str = "k") -> Work:
    update = SecretUpdate(secret_name=f"s{row}", kms_key_id=key)
    return Work(row=row, progress=Progress(update=update, phase=Phase.WRITE))


def numbers(works: list[Work]) -> list[int]:
    return [one.row for one in works]


def test_a_put_that_was_accepted_has_those_asked_again_that_were_refused_before_it_left() -> None:
    refused = RefusedRows()
    refused.add(work(1), 10.0, key=None)
    refused.add(work(2), 20.0, key=None)
    assert numbers(refused.before(15.0, "any")) == [1]
    assert numbers(refused.before(15.0, "any")) == []
    assert numbers(list(refused.rest())) == [2]


def test_a_row_whose_key_was_blamed_waits_for_a_put_of_that_key() -> None:
    refused = RefusedRows()
    refused.add(work(1, "a"), 10.0, key="a")
    assert numbers(refused.before(15.0, "b")) == []
    assert numbers(refused.before(15.0, "a")) == [1]


def test_at_the_end_all_are_asked_again_but_those_of_a_key_that_is_held() -> None:
    refused = RefusedRows()
    refused.add(work(1, "a"), 10.0, key="a")
    refused.add(work(2, "a"), 10.0, key=None)
    assert numbers(refused.all_but({"a"}.__contains__)) == [2]
    one = refused.pop("a")
    assert one is not None
    assert one.row == 1
    assert refused.pop("a") is None


def test_rows_of_a_held_key_are_taken_out_one_by_one_or_all_together() -> None:
    held = HeldRows()
    for row in (1, 2, 3):
        held.pass_over("k", row)
    held.keep(work(4))
    assert (held.pop("k", last=False), held.pop("k", last=True)) == (1, 3)
    kept, passed_over = held.release("k")
    assert (numbers(kept), list(passed_over)) == ([4], [2])
    assert (held.pop("k", last=True), held.pop_kept("k")) == (None, None)


def test_no_more_than_five_rows_try_an_outage_and_then_those_in_turn() -> None:
    trials = Trials()
    for row in range(1, 6):
        assert trials.wants_more
        trials.add(work(row))
    assert not trials.wants_more
    assert trials.knows(work(3))
    assert next(trials.in_turn()) == 1
    assert next(trials.in_turn()) == 2
    assert list(trials.in_turn()) == [3, 4, 5, 1, 2]
    trials.clear()
    assert trials.wants_more
