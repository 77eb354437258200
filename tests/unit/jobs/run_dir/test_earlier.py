"""How the files of an earlier job are moved aside, also where that is cut off at any point."""

from pathlib import Path

import pytest

from jobs.run_dir import names
from jobs.run_dir.earlier import clear_unloaded, set_aside

FILES = (names.LEDGER, names.LOCK, "manifest.csv", "outcomes.csv", "rejected.csv", "rejected.2.csv", names.LOG)
OTHERS = ("notes.txt", "done-20250101T000000Z", "lost+found")
LOADED_AT = 1_767_225_600.0


def filled(folder: Path) -> None:
    for name in (*FILES, *OTHERS):
        (folder / name).write_text(name)


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_all_files_of_a_job_move_and_nothing_else_does(tmp_path: Path) -> None:
    filled(tmp_path)
    kept = set_aside(tmp_path, "done", LOADED_AT)
    assert kept == tmp_path / "done-20260101T000000Z"
    assert names_in(kept) == sorted(set(FILES) - {names.LOCK})
    assert names_in(tmp_path) == sorted({*OTHERS, names.LOCK, kept.name})


def cut_off_after(moves: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, left = Path.replace, [moves]

    def replace(self: Path, target: Path) -> Path:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            set_aside(folder, "done", LOADED_AT)


@pytest.mark.parametrize("moves", range(6))
def test_a_move_that_was_cut_off_is_completed_in_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    filled(tmp_path)
    cut_off_after(moves, tmp_path, monkeypatch)
    if moves < len(FILES) - 2:
        assert (tmp_path / names.LEDGER).exists(), "the job is still the one of the directory"
        assert (tmp_path / "manifest.csv").exists(), "and it can be run and reported"
        kept = set_aside(tmp_path, "done", LOADED_AT)
    else:
        clear_unloaded(tmp_path)
        (kept,) = tmp_path.glob("done-2026*")
    assert names_in(kept) == sorted(set(FILES) - {names.LOCK})
    assert names_in(tmp_path) == sorted({*OTHERS, names.LOCK, kept.name})


def test_a_move_that_was_cut_off_never_replaces_what_was_moved_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    (tmp_path / "outcomes.csv").write_text("changed by a person")
    cut_off_after(1, tmp_path, monkeypatch)
    (tmp_path / "outcomes.csv").write_text("written again meanwhile")
    kept = set_aside(tmp_path, "done", LOADED_AT)
    assert (kept / "outcomes.csv").read_text() == "written again meanwhile"
    assert [one.read_text() for one in tmp_path.glob("done-2026*/outcomes.csv") if one.parent != kept] == [
        "changed by a person"
    ]


def test_a_manifest_without_a_ledger_may_be_a_persons_own_and_is_kept(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("mine")
    clear_unloaded(tmp_path)
    assert [one.read_text() for one in tmp_path.glob("abandoned-*/manifest.csv")] == ["mine"]
    assert not (tmp_path / "manifest.csv").exists()


def test_two_jobs_of_one_second_have_a_folder_each(tmp_path: Path) -> None:
    filled(tmp_path)
    set_aside(tmp_path, "done", LOADED_AT)
    filled(tmp_path)
    assert set_aside(tmp_path, "done", LOADED_AT).name == "done-20260101T000000Z-2"


def test_a_ledger_whose_log_is_still_beside_it_is_not_moved(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "ledger.db-wal").touch()
    with pytest.raises(OSError, match=r"ledger\.db-wal still belongs to the ledger"):
        set_aside(tmp_path, "done", LOADED_AT)
    assert (tmp_path / "outcomes.csv").exists()


def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    run, outside = tmp_path / "run", tmp_path / "outside"
    for folder in (run, outside):
        folder.mkdir()
    filled(run)
    (run / "done-20260101T000000Z").symlink_to(outside)
    (run / "done-20260101T000000Z-2").symlink_to(tmp_path / "nowhere")
    assert set_aside(run, "done", LOADED_AT) == run / "done-20260101T000000Z-3"
    assert list(outside.iterdir()) == []
