"""A command whose current directory is not there any more."""

from pathlib import Path

import pytest

from batch.cli.app import main


def test_a_current_directory_that_was_removed_is_named_as_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The system's own words are "No such file or directory", and name none."""
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"secret_name,kms_key_id\na,{'0' * 32}\n")
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "x")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here").rmdir()
    where = ("--endpoint=http://127.0.0.1:9", f"--project-id={'0' * 32}")
    assert main(["run", str(manifest), "--run-dir=run", *where]) == 74
    assert capsys.readouterr().err == "csms-rekey: the current directory was removed: change to another one\n"
