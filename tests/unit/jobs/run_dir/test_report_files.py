"""What becomes of files that are there already when reports are written."""

import hashlib
from pathlib import Path

import pytest

from jobs.run_dir import names
from jobs.run_dir.report_files import ReportFiles

PERSONS = b"corrected by hand\n"


def write(folder: Path, *texts: str, seal: bool = True) -> ReportFiles:
    """Writes both files a run might, and the sums unless the process dies before."""
    files = ReportFiles(folder)
    for name, text in zip(("rejected.csv", names.SUMMARY), texts, strict=False):
        with files.place(name) as out:
            out.write(text.encode())
    if seal:
        files.seal([])
    return files


def texts_in(folder: Path) -> dict[str, str]:
    return {one.name: one.read_text() for one in sorted(folder.iterdir()) if one.name != names.SUMS}


def test_a_file_as_it_was_written_is_replaced_and_the_sums_name_what_is_there(tmp_path: Path) -> None:
    for text in ("1", "2"):
        assert write(tmp_path, text, text).kept == ()
    assert texts_in(tmp_path) == {"rejected.csv": "2", "summary.json": "2"}
    two = hashlib.sha256(b"2").hexdigest()
    assert (tmp_path / names.SUMS).read_text() == f"{two}  rejected.csv\n{two}  summary.json\n"


@pytest.mark.parametrize("name", ["rejected.csv", names.SUMMARY])
def test_a_file_that_somebody_changed_is_kept_and_the_new_one_gets_a_number(tmp_path: Path, name: str) -> None:
    write(tmp_path, "1", "1")
    (tmp_path / name).write_bytes(PERSONS)
    numbered = name.replace(".", ".2.")
    for text in ("2", "3"):
        files = write(tmp_path, text, text)
        assert files.kept == ((name, numbered),)
        assert (tmp_path / name).read_bytes() == PERSONS
        assert (tmp_path / numbered).read_text() == text
    (tmp_path / numbered).write_bytes(PERSONS)
    assert write(tmp_path, "4", "4").name_of(name) == name.replace(".", ".3.")


def test_a_file_that_is_there_byte_for_byte_is_not_touched(tmp_path: Path) -> None:
    write(tmp_path, "1", "1")
    before = {one.name: one.stat().st_ino for one in tmp_path.iterdir() if one.name != names.SUMS}
    (tmp_path / names.SUMS).unlink()
    assert write(tmp_path, "1", "1").kept == ()
    assert {one.name: one.stat().st_ino for one in tmp_path.iterdir() if one.name != names.SUMS} == before


def test_a_process_that_was_killed_while_it_wrote_leaves_nothing_that_looks_changed(tmp_path: Path) -> None:
    write(tmp_path, "1", "1")
    write(tmp_path, "2", seal=False)
    assert write(tmp_path, "3", "3").kept == ()
    assert texts_in(tmp_path) == {"rejected.csv": "3", "summary.json": "3"}


def test_files_of_an_earlier_release_are_known_by_its_summary(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"1").hexdigest()
    (tmp_path / "rejected.csv").write_text("1")
    (tmp_path / names.SUMMARY).write_text(f'{{"files": [{{"name": "rejected.csv", "sha256": "{digest}"}}]}}')
    ReportFiles(tmp_path).withdraw(names.SUMMARY)
    assert not (tmp_path / names.SUMMARY).exists()
    assert write(tmp_path, "2", "2").kept == ()
    assert texts_in(tmp_path) == {"rejected.csv": "2", "summary.json": "2"}


def test_a_summary_is_withdrawn_unless_somebody_changed_it(tmp_path: Path) -> None:
    write(tmp_path, "1", "1")
    (tmp_path / names.SUMMARY).write_bytes(PERSONS)
    write(tmp_path, "2", "2")
    ReportFiles(tmp_path).withdraw(names.SUMMARY)
    assert texts_in(tmp_path) == {"rejected.csv": "2", "summary.json": PERSONS.decode()}


def test_a_link_is_replaced_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(PERSONS)
    (tmp_path / "rejected.csv").symlink_to(tmp_path / "victim")
    write(tmp_path, "1")
    assert texts_in(tmp_path) == {"rejected.csv": "1", "victim": PERSONS.decode()}


def test_sums_that_cannot_be_read_make_every_file_somebody_elses(tmp_path: Path) -> None:
    write(tmp_path, "1")
    (tmp_path / names.SUMS).write_bytes(b"\xff\x00no sums")
    assert write(tmp_path, "2").kept == (("rejected.csv", "rejected.2.csv"),)
