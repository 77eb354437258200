"""Many projects on machines that die, freeze and lose the storage, in virtual time; `make torture` plays more of it."""

import pytest

import tests.fleet.simulated
from batch.fleet.lease import Take, Tenure, Watch
from tests.fleet.drawn import large, played, small


def test_where_nothing_fails_every_row_is_sent_once_in_the_time_that_the_formula_gives() -> None:
    found = played(small(1, faults=0))
    assert (found.wrong, found.sent, found.handovers) == ([], found.rows, 0)


@pytest.mark.parametrize("seed", range(12))
def test_machines_that_die_freeze_or_lose_the_storage_never_send_for_one_project_at_a_time(seed: int) -> None:
    """And every row is done; only those of one snapshot interval are sent again."""
    found = played(small(seed, faults=40))
    assert found.wrong == []
    assert found.handovers


def test_twenty_thousand_projects_in_forty_shards_outlive_a_hundred_faults() -> None:
    found = played(large(1, mean=150, until_s=600))
    assert found.wrong == []
    assert found.handovers > 20


def seen_wrong() -> bool:
    return any(played(small(seed, faults=40)).wrong for seed in range(12))


def test_a_taker_that_does_not_wait_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(watch: Watch | None, *_: object, **__: object) -> Take:
        return Take(epoch=1 if watch is None else watch.last.epoch + 1)

    monkeypatch.setattr(tests.fleet.simulated, "verdict", at_once)
    assert seen_wrong()


def test_an_owner_that_takes_a_late_renewal_as_good_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tenure, "why_not", lambda *_: None)
    assert seen_wrong()
