"""The last word of an owner whose store does not answer."""

import time
from pathlib import Path

import pytest

from batch.fleet import last_word
from batch.fleet.campaign import Worker
from batch.fleet.keeper import Keeper
from batch.fleet.last_word import keep_last_word
from batch.fleet.lease import LeaseRecord, LeaseTimes
from batch.fleet.storage import Storage
from batch.fleet.tenant import Tenant
from tests.unit.fleet.test_bounded import HangingStore
from tests.unit.jobs.ledger.test_ledger import loaded, planned


def test_it_is_given_up_within_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_word, "LAST_WORD_S", 0.05)
    HangingStore.answers.clear()
    store, times = Storage("hanging://bucket/fleet"), LeaseTimes()
    mine = LeaseRecord(owner=Worker(host="h", pid=1), nonce="n", boot="b", lapse_s=30.0, timeout_s=1.0, at=1.0)
    keeper = Keeper(store, (0, 1), mine, began_s=0.0, times=times, clock=lambda: 0.0)
    (tmp_path / "run").mkdir()
    with loaded(tmp_path / "run", planned(1, "s1")):
        pass
    tenant = Tenant(keeper, store, tmp_path, times, timeout_s=1.0)
    began_s = time.monotonic()
    try:
        with pytest.raises(TimeoutError):
            keep_last_word(store, tenant, tmp_path / "run", 0)
        assert time.monotonic() - began_s < 5.0
    finally:
        HangingStore.answers.set()
