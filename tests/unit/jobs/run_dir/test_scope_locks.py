"""Which runs keep each other out, and who is reported to hold a lock."""

import errno
import os
import resource
import stat
from pathlib import Path

import pytest

from batch.cli.open_files import require_files
from jobs.model import Scope
from jobs.run_dir.lock import FileLock, LockHeldError
from jobs.run_dir.scope_locks import Patience, lock_scopes
from jobs.spec import SpecError

A, B, C = (Scope(endpoint="https://kms.example.com", project_id=letter * 32) for letter in "abc")

NOBODY = Patience(0.0, print)


def test_more_open_files_than_the_system_allows_are_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1_024))
    with pytest.raises(
        SpecError, match=r"concurrency: 1,000 requests and 2 projects need 1066 open files, .* allows 1024"
    ):
        require_files(connections=1_000, locks=2)


def test_two_runs_cannot_hold_one_scope_and_the_second_holds_nothing(tmp_path: Path) -> None:
    with lock_scopes([A, B], tmp_path, "first", NOBODY):
        with pytest.raises(LockHeldError) as held, lock_scopes([B, C], tmp_path, "second", NOBODY):
            pass
        assert held.value.holder is not None
        assert (held.value.holder.pid, held.value.holder.purpose) == (os.getpid(), "first")
        with lock_scopes([C], tmp_path, "third", NOBODY):
            pass
    with lock_scopes([A, B, C], tmp_path, "fourth", NOBODY):
        pass


SAME_PLACE = [
    "https://kms.example.com",
    "https://KMS.Example.com",
    "https://kms.example.com:443",
    "https://kms.example.com.",
]
LOOPBACK = ["https://localhost", "https://127.0.0.1", "https://127.9.9.9:443", "https://[::1]", "https://LOCALHOST."]
ELSEWHERE = ["https://kms.example.com:8443", "https://kms.example.org", "http://127.0.0.1", "https://192.0.2.1"]


@pytest.mark.parametrize("places", [SAME_PLACE, LOOPBACK, ["https://k\u00e4.example", "https://xn--k-0fa.example"]])
def test_one_place_written_in_many_ways_has_one_lock(tmp_path: Path, places: list[str]) -> None:
    scopes = [Scope(endpoint=place, project_id=case) for place in places for case in ("a" * 32, "A" * 32)]
    with lock_scopes(scopes, tmp_path, "one", NOBODY):
        assert len(list(tmp_path.iterdir())) == 1


def test_every_other_place_has_a_lock_of_its_own(tmp_path: Path) -> None:
    scopes = [Scope(endpoint=place, project_id="a" * 32) for place in (SAME_PLACE[0], LOOPBACK[0], *ELSEWHERE)]
    with lock_scopes(scopes, tmp_path, "six", NOBODY):
        assert len(list(tmp_path.iterdir())) == 6


def test_scopes_that_share_an_endpoint_and_project_share_a_lock(tmp_path: Path) -> None:
    same = Scope(endpoint=A.endpoint, project_id=A.project_id, region="r")
    with lock_scopes([A, same], tmp_path, "one", NOBODY):
        assert len(list(tmp_path.iterdir())) == 1


def test_a_lock_file_stays_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    with FileLock(tmp_path / "x.lock", "run"):
        pass
    assert stat.S_IMODE((tmp_path / "x.lock").stat().st_mode) == 0o600
    with FileLock(tmp_path / "x.lock", "again"):
        pass


class Waiting:
    """Time that passes only while somebody waits; after `lets_go_s` a lock is let go."""

    def __init__(self, held: FileLock | None = None, lets_go_s: float = 0.0) -> None:
        self.held = held
        self.lets_go_s = lets_go_s
        self.waited_s = 0.0
        self.said: list[str] = []

    def nap(self, seconds: float) -> None:
        self.waited_s += seconds
        if self.held is not None and self.waited_s >= self.lets_go_s:
            self.held.release()

    def patience(self, wait_s: float) -> Patience:
        return Patience(wait_s, self.said.append, nap=self.nap)


def test_waiting_for_locks_ends_when_the_time_for_all_of_them_is_over_and_says_for_whom(tmp_path: Path) -> None:
    waiting = Waiting()
    patience = waiting.patience(60.0)
    with FileLock(tmp_path / "x.lock", "run"):
        for _ in range(2):
            with pytest.raises(LockHeldError, match=r"in use by pid \d+ on .* \(run\)"):
                patience.take(tmp_path / "x.lock", "second")
    assert waiting.waited_s == pytest.approx(60.2)
    (line,) = waiting.said
    assert line.startswith(f"waiting up to 60 s for pid {os.getpid()} on ")


def test_a_lock_that_is_let_go_in_time_is_taken(tmp_path: Path) -> None:
    waiting = Waiting(FileLock(tmp_path / "x.lock", "run"), lets_go_s=30.0)
    with waiting.patience(60.0).take(tmp_path / "x.lock", "second"):
        assert 30.0 <= waiting.waited_s < 31.0


@pytest.mark.parametrize("look", ["status", "report"])
def test_a_command_that_only_looks_is_waited_for_without_being_asked(tmp_path: Path, look: str) -> None:
    waiting = Waiting(FileLock(tmp_path / "x.lock", look), lets_go_s=8.0)
    with waiting.patience(0.0).take(tmp_path / "x.lock", "resume"):
        assert waiting.said == []


def test_a_lock_is_held_also_where_its_holder_cannot_be_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "pwrite", full)
    with (
        FileLock(tmp_path / "x.lock", "run"),
        pytest.raises(LockHeldError, match="in use by another process"),
    ):
        FileLock(tmp_path / "x.lock", "second")
    with FileLock(tmp_path / "x.lock", "third"):
        pass


def test_many_scopes_are_locked_although_few_files_may_be_open(tmp_path: Path) -> None:
    scopes = [Scope(endpoint=A.endpoint, project_id=f"{number:032x}") for number in range(1_500)]
    require_files(connections=32, locks=len(scopes))
    with lock_scopes(scopes, tmp_path, "many", NOBODY):
        assert len(list(tmp_path.iterdir())) == 1_500
