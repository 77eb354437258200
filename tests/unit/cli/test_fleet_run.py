"""`fleet run` without a cluster: it makes the campaign folder for machines that call `fleet shard` themselves."""

from pathlib import Path

import pytest

from batch.cli.app import main
from batch.fleet import campaign
from batch.fleet.campaign import campaign_of

PROJECTS = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")
KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "secrets.csv"
    rows = (f"db-{number},{KEY},{PROJECTS[number % 2]}\n" for number in range(6))
    path.write_text("secret_name,kms_key_id,project_id\n" + "".join(rows))
    return path


def call(manifest: Path, folder: Path, *more: str) -> int:
    return main(["fleet", "run", str(manifest), "--dir", str(folder), "--endpoint=http://127.0.0.1:9", *more])


def test_without_a_scheduler_it_only_makes_the_folder(
    tmp_path: Path, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(manifest, tmp_path / "campaign", "--shards=2") == 0
    made = campaign_of((tmp_path / "campaign" / campaign.CAMPAIGN).read_bytes())
    assert (made.rows, made.shards) == (6, 2)
    said = capsys.readouterr().err
    assert "6 rows in 2 shards" in said
    assert "nothing was sent" in said


def test_made_again_it_is_the_same_campaign(tmp_path: Path, manifest: Path) -> None:
    folder = tmp_path / "campaign"
    assert call(manifest, folder, "--shards=2") == 0
    before = (folder / campaign.CAMPAIGN).read_bytes()
    assert call(manifest, folder, "--shards=2") == 0
    assert (folder / campaign.CAMPAIGN).read_bytes() == before
    assert call(manifest, folder, "--shards=3") == 2


@pytest.mark.parametrize("more", [[], ["--shards=2", "--into=whole"]])
def test_without_a_scheduler_it_must_know_how_many_shards_and_cannot_merge(
    tmp_path: Path, manifest: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    assert call(manifest, tmp_path / "campaign", *more) == 2
    assert not (tmp_path / "campaign").exists()
    assert "--scheduler" in capsys.readouterr().err


def test_waves_are_refused_before_a_folder_is_made(
    tmp_path: Path, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(manifest, tmp_path / "campaign", "--shards=2", "--wave-by=project_id") == 2
    assert not (tmp_path / "campaign").exists()
    assert "--wave-by: waves go over all projects" in capsys.readouterr().err


def test_another_campaign_in_the_folder_is_refused_with_the_options_that_differ(
    tmp_path: Path, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(manifest, tmp_path / "campaign", "--shards=2") == 0
    assert call(manifest, tmp_path / "campaign", "--shards=2", "--rate=3/s", "--limit=1") == 2
    assert "holds another campaign (--limit 1 --rate 3/s);" in capsys.readouterr().err


def test_a_campaign_does_not_continue_without_the_options_that_it_was_made_with(
    tmp_path: Path, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "campaign"
    assert call(manifest, folder, "--shards=2", "--limit=1", "--strict") == 0
    assert call(manifest, folder, "--shards=2") == 2
    assert "holds another campaign (without --limit 1 --strict);" in capsys.readouterr().err
    assert call(manifest, folder, "--shards=2", "--limit=1", "--strict") == 0
