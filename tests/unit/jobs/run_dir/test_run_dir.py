"""How a run directory is made and found; what is said of a path that is none stands with the commands."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.run_dir import names, run_dir
from jobs.run_dir.durable import PART
from jobs.run_dir.lock import LockHeldError
from jobs.run_dir.run_dir import RunDirectory
from jobs.run_dir.scope_locks import Patience
from jobs.spec import UsageError

NOBODY = Patience(0.0, print)


def test_a_new_one_is_the_owners_alone(tmp_path: Path) -> None:
    claimed = RunDirectory.claim(tmp_path / "runs" / "x", "m.csv", network_ok=False)
    assert (claimed.made, claimed.path.stat().st_mode & 0o777) == (True, 0o700)


@pytest.mark.parametrize(
    "there",
    [
        (),
        ("lost+found",),
        (names.LOCK,),
        (names.LOCK, "manifest.csv", f"{PART}x"),
        ("done-20260101T000000Z", "abandoned-20260101T000000Z", "rejected.2.csv", "SHA256SUMS"),
        (names.LEDGER, "notes of a person.txt"),
    ],
)
def test_a_directory_that_is_there_may_be_claimed_if_only_runs_have_used_it(
    tmp_path: Path, there: tuple[str, ...]
) -> None:
    for name in there:
        (tmp_path / name).touch()
    assert RunDirectory.claim(tmp_path, "m.csv", network_ok=False) == RunDirectory(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(there)


def test_a_manifest_in_a_directory_that_no_run_has_used_is_its_users_own(tmp_path: Path) -> None:
    """A run would take it for the copy that a killed load left, and remove it."""
    (tmp_path / "manifest.csv").write_text("mine")
    with pytest.raises(UsageError, match=r"holds other things \(manifest.csv\)"):
        RunDirectory.claim(tmp_path, "m.csv", network_ok=False)
    assert (tmp_path / "manifest.csv").read_text() == "mine"


def test_a_folder_that_is_named_like_a_copy_is_not_swept(tmp_path: Path) -> None:
    for name in ("manifest.old", "manifest.csv"):
        (tmp_path / name).mkdir() if name.endswith("old") else (tmp_path / name).touch()
    RunDirectory(tmp_path).sweep()
    moved, folder = sorted(one.relative_to(tmp_path).as_posix() for one in tmp_path.glob("**/manifest.*"))
    assert (moved.endswith("/manifest.csv"), folder) == (True, "manifest.old")


@pytest.mark.parametrize(("name", "reason"), [("a" * 300, "File name too long"), ("loop", "no such run directory")])
def test_a_name_that_leads_nowhere_is_no_run_directory(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match=reason):
        RunDirectory.find(tmp_path / name)


def test_a_directory_that_may_not_be_looked_into_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_path: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "iterdir", denied)
    for look in (RunDirectory.within, RunDirectory.find):
        with pytest.raises(UsageError, match="cannot be read: Permission denied"):
            look(tmp_path)


def test_a_directory_with_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "m.csv").touch()
    (tmp_path / "outcomes.csv").touch()
    with pytest.raises(UsageError, match=r"holds other things \(m.csv\); give a new or an empty --run-dir"):
        RunDirectory.claim(tmp_path, "m.csv", network_ok=False)
    (tmp_path / "m.csv").rename(tmp_path / "manifest.csv")
    with pytest.raises(UsageError, match=r"holds other things \(manifest.csv\)"):
        RunDirectory.claim(tmp_path, "m.csv", network_ok=False)
    with pytest.raises(UsageError, match="exists already and is not a directory"):
        RunDirectory.claim(tmp_path / "manifest.csv", "m.csv", network_ok=False)


def test_only_a_directory_that_was_made_for_it_goes_with_a_load_that_failed(tmp_path: Path) -> None:
    for path in (tmp_path / "new", tmp_path):
        claimed = RunDirectory.claim(path, "m.csv", network_ok=False)
        with pytest.raises(ZeroDivisionError), claimed.lock("run", NOBODY), claimed.or_nothing():
            raise ZeroDivisionError
        assert path.exists() is (not claimed.made)


def test_a_directory_that_another_process_removed_before_its_lock_is_taken_is_no_error_of_the_disk(
    tmp_path: Path,
) -> None:
    claimed = RunDirectory.claim(tmp_path / "new", "m.csv", network_ok=False)
    claimed.path.rmdir()
    with pytest.raises(UsageError, match="another process has removed it; nothing was sent, try again"):
        claimed.look(NOBODY)
    with pytest.raises(UsageError, match="another process has removed it"):
        claimed.lock("run", NOBODY)


def test_a_new_directory_that_another_process_used_first_stays(tmp_path: Path) -> None:
    claimed = RunDirectory.claim(tmp_path / "new", "m.csv", network_ok=False)
    (claimed.path / "done-20260101T000000Z").mkdir()
    with pytest.raises(ZeroDivisionError), claimed.lock("go", NOBODY), claimed.or_nothing():
        raise ZeroDivisionError
    assert (claimed.path / "done-20260101T000000Z").exists()


def test_the_leftovers_of_a_killed_load_go_and_a_jobs_own_copy_stays(tmp_path: Path) -> None:
    killed, loaded = RunDirectory(tmp_path / "killed"), RunDirectory(tmp_path / "loaded")
    for directory in (killed, loaded):
        (directory.path / f"{PART}x").mkdir(parents=True)
        (directory.path / "manifest.csv").touch()
    (loaded.path / names.LEDGER).touch()
    for directory in (killed, loaded):
        directory.sweep()
    assert [one.name for one in killed.path.glob("*/*")] == ["manifest.csv"], "moved away, as it may be a person's own"
    assert sorted(one.name for one in loaded.path.iterdir()) == [names.LEDGER, "manifest.csv"]


def test_without_a_name_it_takes_a_free_one_by_time_and_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda *_: "T")
    manifests = ("a/m.csv.gz", "m.csv", "m.tsv", "-", ".csv")
    made = [RunDirectory.claim(None, manifest, network_ok=False).path.name for manifest in manifests]
    assert made == ["T-m", "T-m-2", "T-m-3", "T-stdin", "T-manifest"]


def test_a_name_that_another_run_takes_meanwhile_is_left_to_that_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda *_: "T")
    (tmp_path / "runs" / "T-m").mkdir(parents=True)
    real, looks = Path.exists, iter([False])
    monkeypatch.setattr(Path, "exists", lambda path, **how: next(looks, None) is None and real(path, **how))
    assert RunDirectory.claim(None, "m.csv", network_ok=False) == RunDirectory(Path("runs/T-m-2"), made=True)


def test_without_a_name_a_file_in_the_way_of_the_folder_of_runs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").touch()
    with pytest.raises(UsageError, match="exists already and is not a directory"):
        RunDirectory.claim(None, "m.csv", network_ok=False)


def test_a_network_file_system_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_dir, "network_filesystem", lambda _: "nfs4")
    path = tmp_path / "runs" / "x"
    with pytest.raises(UsageError, match="on nfs4, which may lose a ledger or its locks"):
        RunDirectory.claim(path, "m.csv", network_ok=False)
    assert not path.parent.exists()
    RunDirectory.claim(path, "m.csv", network_ok=True).lock("run", NOBODY).release()
    assert RunDirectory.find(path).path == path
    with pytest.raises(UsageError, match="on nfs4"):
        RunDirectory.find(path, network_ok=False)


def test_it_is_one_process_at_a_time_and_has_a_job_once_the_ledger_has_its_name(tmp_path: Path) -> None:
    directory = RunDirectory.claim(tmp_path / "x", "m.csv", network_ok=False)
    with directory.lock("run", NOBODY):
        with pytest.raises(LockHeldError):
            directory.lock("resume", NOBODY)
        with pytest.raises(UsageError, match="never fully loaded"):
            directory.require_loaded()
        (directory.path / names.LEDGER).touch()
        directory.require_loaded()
