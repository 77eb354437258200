"""The names and values in a campaign folder."""

import msgspec
import pytest

from batch.fleet import campaign as folder
from batch.fleet.campaign import Campaign, End, SnapshotName, Worker
from jobs.model import Status, StatusCount
from jobs.rate import Rate
from jobs.spec import JobSpec, Limits

WHOLE = Campaign(
    format=folder.FORMAT,
    release="1.0",
    id="0123456789abcdef",
    made_at=1.0,
    shards=3,
    spec=JobSpec(region="cn-north-4", limits=Limits(rate=Rate(50.0))),
    manifest_name="m.csv",
    manifest_sha256="0" * 64,
    files=(folder.SourceFile(name="manifest.csv", sha256="0" * 64, size_bytes=7),),
)


def test_a_campaign_is_read_back_as_it_was_written() -> None:
    assert folder.campaign_of(folder.to_json(WHOLE)) == WHOLE


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (folder.to_json(msgspec.structs.replace(WHOLE, format=2)), "format 2, this release reads 1"),
        (b'{"format": 1}', "missing"),
        (b"", "truncated"),
        (folder.to_json(msgspec.structs.replace(WHOLE, shards=0)), ">= 1"),
    ],
)
def test_what_is_no_campaign_of_this_release_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        folder.campaign_of(data)


def test_an_end_is_read_back_and_half_of_one_is_none_yet() -> None:
    end = End(
        epoch=2,
        owner=Worker(host="h", pid=7),
        exit_code=1,
        ended_at=2.0,
        counts=(StatusCount(status=Status.UPDATED, rows=3),),
    )
    data = folder.to_json(end)
    assert folder.read(data, End) == end
    assert folder.read(data[: len(data) // 2], End) is None
    assert folder.read(None, End) is None


def test_the_last_epoch_is_the_highest_number() -> None:
    assert folder.last_epoch(["1", "10", "9", ".part-x", "11.tmp"]) == 10
    assert folder.last_epoch([]) is None


def test_the_last_snapshot_is_the_newest_of_the_highest_epoch() -> None:
    assert folder.last_snapshot(["9-99.db", "10-2.db", "10-10.db", "10-x.db", "11-1.db.part", "12-1"]) == SnapshotName(
        10, 10
    )
    assert folder.last_snapshot([]) is None


def test_every_file_of_a_shard_has_a_place_of_its_own_that_is_read_back() -> None:
    places = {make(shard) for shard in (1, 11) for make in (folder.end, folder.given_up)}
    places |= {folder.lease(shard, 1) for shard in (1, 11)} | {folder.snapshot(shard, 1, 1) for shard in (1, 11)}
    assert len(places) == 8
    assert folder.last_snapshot([folder.snapshot(1, 2, 3).rpartition("/")[2]]) == SnapshotName(2, 3)
    assert folder.last_epoch([folder.lease(1, 2).rpartition("/")[2]]) == 2
