"""A merge of a campaign that still runs: it says that the report is of the last snapshots."""

from pathlib import Path

import pytest

from batch.cli.campaigns import require_campaign
from batch.cli.fetching import fetched
from batch.fleet import campaign
from batch.fleet.campaign import Worker
from batch.fleet.lease import LeaseRecord
from tests.fleet.campaigns import campaign_in


@pytest.mark.parametrize(
    ("quiet_s", "words"), [(None, "shards that still run: 1; the report shows the last"), (1.0, "")]
)
def test_a_shard_that_still_runs_is_said_to_be_shown_by_its_last_snapshot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet_s: float | None, words: str
) -> None:
    owner = Worker(host="b", pid=2)
    lease = LeaseRecord(owner=owner, nonce="n", boot="b", lapse_s=30.0, timeout_s=60.0, at=0.0, quiet_s=quiet_s)
    storage = campaign_in(tmp_path / "campaign", b"secret_name,kms_key_id\n", "http://127.0.0.1:9", shards=2)
    storage.put(campaign.lease(0, 1), campaign.to_json(lease))
    assert list(fetched(*require_campaign(storage.uri), tmp_path, lambda _: None)) == []
    said = capsys.readouterr().err
    assert words in said
    assert bool(words) == bool(said)
