"""The rows of a campaign in the shared folder."""

import io
import uuid
from pathlib import Path

import pytest

from batch.fleet import campaign as folder
from batch.fleet.campaign import Campaign
from batch.fleet.source import fetch_source, source_files
from batch.fleet.storage import Storage
from jobs.manifest.incoming import Incoming
from jobs.spec import JobSpec, UsageError

ROWS = b"secret_name,kms_key_id\na,k\n"


def campaign_of(path: Path, storage: Storage, spool: Path) -> Campaign:
    copy = Incoming(str(path), io.BytesIO()).copy_to(spool)
    files = source_files(copy, None)
    for file, described in files:
        storage.upload(file, folder.source(described.name))
    return Campaign(
        format=folder.FORMAT,
        release="1",
        id="0" * 16,
        made_at=1.0,
        shards=1,
        spec=JobSpec(),
        manifest_name=copy.name,
        manifest_sha256=copy.sha256,
        files=tuple(described for _, described in files),
    )


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    made = (tmp_path / "spool", tmp_path / "fetched", tmp_path / "run")
    for one in made:
        one.mkdir()
    return made


def test_a_manifest_arrives_byte_for_byte_under_the_name_that_its_user_gave_it(
    tmp_path: Path, folders: tuple[Path, Path, Path]
) -> None:
    spool, fetched, run = folders
    (tmp_path / "mine.csv").write_bytes(ROWS)
    storage = Storage(f"memory://{uuid.uuid4().hex}")
    job = campaign_of(tmp_path / "mine.csv", storage, spool)
    copy = fetch_source(storage, job, fetched).copy_to(run)
    assert (copy.path.read_bytes(), copy.sha256, copy.name) == (ROWS, job.manifest_sha256, job.manifest_name)
    assert "mine.csv" in copy.name


@pytest.mark.parametrize("now", [None, b"secret_name,kms_key_id\nb,k\n"])
def test_a_source_that_is_not_as_it_was_put_there_is_refused(
    tmp_path: Path, folders: tuple[Path, Path, Path], now: bytes | None
) -> None:
    spool, fetched, _ = folders
    (tmp_path / "mine.csv").write_bytes(ROWS)
    storage = Storage(f"memory://{uuid.uuid4().hex}")
    job = campaign_of(tmp_path / "mine.csv", storage, spool)
    storage.remove(folder.source("manifest.csv"))
    if now is not None:
        storage.put(folder.source("manifest.csv"), now)
    with pytest.raises(UsageError, match=r"source/manifest\.csv: not the file"):
        fetch_source(storage, job, fetched)
