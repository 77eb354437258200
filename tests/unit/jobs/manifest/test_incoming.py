"""A manifest that was given again: known by its bytes, and refused as a manifest whatever is wrong with its name."""

import hashlib
import io
import os
from pathlib import Path

import pytest

from jobs.manifest.incoming import Incoming
from jobs.problem import ManifestError
from jobs.run_dir.run_dir import RunDirectory

TEXT = b"secret_name,kms_key_id\na,b\n"
KINDS = ["missing", "too long", "loop", "in a loop", "pipe", "folder"]


def unusable(folder: Path, kind: str) -> Path:
    path = folder / "m.csv"
    match kind:
        case "too long":
            return folder / f"{'m' * 300}.csv"
        case "loop":
            path.symlink_to(path)
        case "in a loop":
            path.symlink_to(path)
            return path / "m.csv"
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case _:
            pass
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_cannot_be_read_is_a_manifest_that_cannot_be_used(tmp_path: Path, kind: str) -> None:
    (tmp_path / "spool").mkdir()
    incoming = Incoming(str(unusable(tmp_path, kind)), io.BytesIO())
    assert incoming.read_once
    with pytest.raises(ManifestError):
        incoming.sha256(tmp_path / "spool")


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_cannot_be_read_is_no_file_of_the_run(tmp_path: Path, kind: str) -> None:
    directory = RunDirectory.claim(tmp_path / "run", "m.csv", network_ok=True)
    directory.refuse_own(str(unusable(tmp_path, kind)))


def test_a_file_is_known_by_its_bytes_and_leaves_no_copy(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "m.csv").write_bytes(TEXT)
    incoming = Incoming(str(tmp_path / "m.csv"), io.BytesIO())
    assert incoming.sha256(tmp_path / "spool") == hashlib.sha256(TEXT).hexdigest()
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_file_that_became_unreadable_after_it_was_looked_at_is_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(TEXT)
    real = os.open

    def denied(name: str, *rest: int) -> int:
        if name == str(path):
            raise PermissionError(13, "Permission denied", name)
        return real(name, *rest)

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(ManifestError, match="cannot be read: Permission denied"):
        Incoming(str(path), io.BytesIO()).sha256(tmp_path)
