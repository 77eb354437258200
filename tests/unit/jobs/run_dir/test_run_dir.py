"""How a run directory is made and found; what is said of a path that is none stands with the commands."""

from pathlib import Path

import pytest

from jobs.run_dir import names, run_dir
from jobs.run_dir.lock import LockHeldError
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.spec import UsageError

NOBODY = Patience(0.0, print)


def test_a_new_one_is_the_owners_alone_and_never_one_that_is_there_already(tmp_path: Path) -> None:
    made = RunDirectory.new(tmp_path / "runs" / "x", "m.csv", network_ok=False)
    assert made.path.stat().st_mode & 0o777 == 0o700
    with pytest.raises(UsageError, match="exists already; give another --run-dir, or resume it"):
        RunDirectory.new(made.path, "m.csv", network_ok=False)


def test_without_a_name_it_takes_a_free_one_by_time_and_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda *_: "T")
    manifests = ("a/m.csv.gz", "m.csv", "m.tsv", "-", ".csv")
    made = [RunDirectory.new(None, manifest, network_ok=False).path.name for manifest in manifests]
    assert made == ["T-m", "T-m-2", "T-m-3", "T-stdin", "T-manifest"]


def test_a_network_file_system_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_dir, "network_filesystem", lambda _: "nfs4")
    path = tmp_path / "runs" / "x"
    with pytest.raises(UsageError, match="on nfs4, which may lose a ledger or its locks"):
        RunDirectory.new(path, "m.csv", network_ok=False)
    assert not path.parent.exists()
    RunDirectory.new(path, "m.csv", network_ok=True).lock("run", NOBODY).release()
    assert RunDirectory.find(path).path == path
    with pytest.raises(UsageError, match="on nfs4"):
        RunDirectory.find(path, network_ok=False)


def test_it_is_one_process_at_a_time_and_has_a_job_once_the_ledger_has_its_name(tmp_path: Path) -> None:
    directory = RunDirectory.new(tmp_path / "x", "m.csv", network_ok=False)
    with directory.lock("run", NOBODY):
        with pytest.raises(LockHeldError):
            directory.lock("resume", NOBODY)
        with pytest.raises(UsageError, match="never fully loaded"):
            directory.require_loaded()
        (directory.path / names.LEDGER).touch()
        directory.require_loaded()
