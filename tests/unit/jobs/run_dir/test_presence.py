"""What a run notices of its directory while it uses it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jobs.run_dir.presence import Presence


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("ledger.db", "ledger.db-wal"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def presence(run_dir: Path) -> Iterator[Presence]:
    with closing(Presence(run_dir)) as watched:
        yield watched


def test_a_directory_that_is_in_use_and_in_place_is_no_loss(run_dir: Path, presence: Presence) -> None:
    (run_dir / "ledger.db").write_text("more")
    (run_dir / "state.json").touch()
    assert presence.loss() is None


def moved_beside(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def replaced(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("copy"))
    shutil.rmtree(folder)
    folder.with_name("copy").rename(folder)


def new_ledger(folder: Path) -> None:
    (folder / "ledger.db").rename(folder / "ledger.old")
    (folder / "ledger.db").touch()


def a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.touch()


LOSSES: dict[str, tuple[Callable[[Path], object], str, bool]] = {
    "the directory deleted": (shutil.rmtree, "the run directory was deleted or replaced", False),
    "the directory moved": (moved_beside, "the run directory was moved", True),
    "the directory replaced by a copy": (replaced, "its ledger was deleted or replaced", False),
    "the ledger deleted": (lambda folder: (folder / "ledger.db").unlink(), "its ledger was deleted", False),
    "the ledger replaced": (new_ledger, "its ledger was deleted or replaced", False),
    "the log deleted": (lambda folder: (folder / "ledger.db-wal").unlink(), "ledger.db-wal was deleted", True),
    "a file in its place": (a_file, "the run directory was deleted or replaced", False),
}


@pytest.mark.parametrize("name", LOSSES)
def test_each_way_to_lose_it_is_told_apart(run_dir: Path, presence: Presence, name: str) -> None:
    lose, reason, kept = LOSSES[name]
    lose(run_dir)
    loss = presence.loss()
    assert loss is not None
    assert loss.reason.startswith(reason)
    assert loss.kept is kept


@pytest.mark.parametrize("name", ["ledger.db-wal", "ledger.db"])
def test_a_file_that_was_not_there_at_first_is_no_loss_when_it_comes(run_dir: Path, name: str) -> None:
    """On a disk across a network the ledger has no log."""
    (run_dir / name).unlink()
    with closing(Presence(run_dir)) as presence:
        assert presence.loss() is None
        (run_dir / name).touch()
        assert presence.loss() is None


def test_a_disk_that_cannot_say_for_a_moment_is_no_loss(presence: Presence, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "stat", fails)
    assert presence.loss() is None
