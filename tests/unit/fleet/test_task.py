"""What a worker does with a shard that it is handed, without any cluster."""

import errno
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from batch.fleet import campaign, task
from batch.fleet.campaign import Stop
from batch.fleet.children import Children
from batch.fleet.storage import Storage
from batch.fleet.task import ShardTask, take
from batch.process.version import version


def task_in(storage: Storage, **changed: str) -> ShardTask:
    return ShardTask(uri=storage.uri, shard=7, key="k-7-1", release=changed.get("release", version()), grace_s=1.0)


def new_storage() -> Storage:
    return Storage(f"memory://{uuid.uuid4().hex}")


def test_a_task_that_the_scheduler_runs_again_by_itself_starts_nothing_and_says_that_its_worker_is_lost() -> None:
    storage = new_storage()
    assert storage.create(campaign.try_mark(7, "k-7-1"), b"another")
    assert take(task_in(storage), "w", lambda: True).exit_code is None


def test_a_worker_of_another_release_refuses_and_leaves_no_trace() -> None:
    storage = new_storage()
    assert take(task_in(storage, release="other"), "w", lambda: True).exit_code == 2
    assert storage.names() == ()


def test_a_campaign_that_is_to_stop_starts_no_process() -> None:
    storage = new_storage()
    storage.put(campaign.STOP, campaign.to_json(Stop(who="somebody", at=1.0)))
    assert take(task_in(storage), "w", lambda: True).exit_code == 143


def test_what_goes_through_the_scheduler_is_a_place_a_number_and_nothing_else() -> None:
    assert ShardTask.__struct_fields__ == ("uri", "shard", "key", "release", "grace_s", "words")


def test_a_folder_that_cannot_be_used_is_answered_without_the_words_of_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object) -> bool:
        raise PermissionError(errno.EACCES, "https://store.example/x?signature=canary")

    monkeypatch.setattr(Storage, "create", refused)
    one = ShardTask(uri="memory://nowhere", shard=0, key="k", release=version(), grace_s=1.0)
    answer = take(one, "here", lambda: True)
    assert (answer.exit_code, "canary" in answer.reason) == (74, False)
    assert "Permission denied" in answer.reason


@pytest.fixture
def child_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Has a script stand in for the process that runs the command line, and says how that ended."""
    program = tmp_path / "child"
    children = Children()

    def does(script: str) -> None:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)

    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(task, "_CHILDREN", children)
    yield does
    for server in children._idle:
        server.close()


@pytest.mark.parametrize("code", [2, 4, 70, 74])
def test_what_a_child_says_stays_on_its_machine(
    child_that: Callable[[str], None], capfd: pytest.CaptureFixture[str], code: int
) -> None:
    """It may name a secret or a row; the answer goes through the scheduler."""
    child_that(f"read -r words; echo canary $words >&2; echo {code}")
    answer = take(task_in(new_storage()), "w", lambda: True)
    assert answer.exit_code == code
    assert answer.reason
    assert "canary" not in answer.reason
    assert 'canary ["fleet","shard","7","--dir","memory://' in capfd.readouterr().err


def test_a_child_that_is_asked_to_stop_has_time_for_its_last_word_besides_its_grace(
    child_that: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    child_that("read -r _; read -r _; sleep 0.3; echo 143")
    one = msgspec.structs.replace(task_in(new_storage()), grace_s=0.0)
    assert take(one, "w", lambda: False).exit_code == 143
    monkeypatch.setattr("batch.fleet.task.LAST_WORD_S", 0.0)
    assert take(msgspec.structs.replace(one, key="k-7-2"), "w", lambda: False).exit_code == 137


def test_one_whose_process_had_ended_meanwhile_gets_another_process(
    child_that: Callable[[str], None],
) -> None:
    child_that("read -r _; echo 1; exit 0")
    storage = new_storage()
    assert take(task_in(storage), "w", lambda: True).exit_code == 1
    assert take(msgspec.structs.replace(task_in(storage), key="k-7-2"), "w", lambda: True).exit_code == 1


def test_one_that_was_asked_to_stop_and_had_done_all_gets_no_other_shard(child_that: Callable[[str], None]) -> None:
    """Its input is closed: nothing more could be said to it."""
    child_that("read -r _; read -r _; echo 0")
    storage = new_storage()
    assert take(task_in(storage), "w", lambda: False).exit_code == 0
    assert take(msgspec.structs.replace(task_in(storage), key="k-7-2"), "w", lambda: False).exit_code == 0


@pytest.mark.parametrize(("ends", "code"), [("exit 0", 70), ("exit 1", 70), ("exit 3", 70), ("kill -9 $$", 137)])
def test_a_process_that_cannot_even_begin_never_looks_like_a_shard_that_has_ended(
    child_that: Callable[[str], None], ends: str, code: int
) -> None:
    """Python ends with 1 where it cannot import, which for a shard says that every row has ended."""
    child_that(ends)
    assert take(task_in(new_storage()), "w", lambda: True).exit_code == code
