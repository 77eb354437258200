"""Ledgers of earlier formats: each is kept as the release that wrote it left it when it was killed."""

import os
import shutil
import signal
import sqlite3
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from jobs.ledger import Ledger, LedgerError, schema, tables, upgrade
from jobs.ledger.record import read_record
from jobs.run_dir import durable

FORMATS = sorted(Path(__file__).parent.glob("format-*.tar.gz"))
WATCHED = frozenset({upgrade.__file__, durable.__file__})


def old_ledger(kept: Path, folder: Path) -> Path:
    folder.mkdir()
    with tarfile.open(kept) as archive:
        archive.extractall(folder, filter="data")
    return folder


def rows_of(ledger: Ledger, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """How each row stands now, whichever table says so."""
    found = {name for _, name, *_ in ledger._all("PRAGMA table_info(stand)", ())}
    names = ", ".join(f"{'s' if name in found else 'r'}.{name}" for name in columns)
    return ledger._all(f"SELECT {names} FROM stand s JOIN row r ON r.row = s.row ORDER BY r.row", ())  # noqa: S608 - a test's own columns


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def table_info(ledger: Ledger) -> dict[str, set[Any]]:
    tables = [name for (name,) in ledger._all("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')", ())]
    # Without the place of a column, which differs and does not matter.
    return {table: {column[1:] for column in ledger._all(f"PRAGMA table_info({table})", ())} for table in tables}


def rows_before(kept: Path, tmp_path: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns and the rows of an old ledger, read with nothing of ours."""
    with_log = old_ledger(kept, tmp_path / "before")
    connection = sqlite3.connect(with_log / "ledger.db")
    cursor = connection.execute("SELECT * FROM row ORDER BY row")
    columns, rows = [name for name, *_ in cursor.description], cursor.fetchall()
    connection.close()
    return columns, rows


def test_there_is_a_step_from_every_format_and_a_ledger_of_each() -> None:
    assert list(upgrade._STEPS) == list(range(2, tables.VERSION))
    assert [kept.name for kept in FORMATS] == [f"format-{number}.tar.gz" for number in upgrade._STEPS]


@pytest.mark.parametrize("kept", FORMATS, ids=lambda kept: kept.name)
def test_an_upgrade_keeps_every_row_as_it_was_and_makes_the_tables_of_this_release(tmp_path: Path, kept: Path) -> None:
    columns, before = rows_before(kept, tmp_path)
    folder = old_ledger(kept, tmp_path / "run")
    found = upgrade.upgrade(folder, release="9.9")
    assert (kept.name, found) == (f"format-{found}.tar.gz", found)
    assert sorted(files_in(folder)) == ["ledger.db", "manifest.csv"]
    assert (folder / "ledger.db").stat().st_mode & 0o777 == 0o600
    (tmp_path / "new").mkdir()
    schema.create(tmp_path / "new" / "ledger.db").close()
    with Ledger(folder) as ledger, Ledger(tmp_path / "new") as new:
        assert rows_of(ledger, columns) == before
        assert table_info(ledger) == table_info(new)
        view = "SELECT sql FROM sqlite_schema WHERE type = 'view' ORDER BY name"
        assert ledger._all(view, ()) == new._all(view, ())
        assert (ledger.meta("release"), read_record(ledger).manifest.rows) == ("9.9", len(before))
        assert {row.outcome.status.value for row in ledger.told.rows()} == {
            *("updated", "verified", "rejected", "invalid", "unknown", "not_attempted")
        }
    assert upgrade.upgrade(folder, release="9.9") is None


@pytest.mark.parametrize("kept", FORMATS, ids=lambda kept: kept.name)
def test_a_command_that_only_looks_reads_an_upgraded_copy_and_leaves_every_byte_as_it_was(
    tmp_path: Path, kept: Path
) -> None:
    folder = old_ledger(kept, tmp_path / "run")
    files = files_in(folder)
    with upgrade.reading(folder, release="9.9") as ledger:
        told = list(ledger.told.rows())
    assert files_in(folder) == files
    upgrade.upgrade(folder, release="9.9")
    with Ledger(folder) as ledger:
        assert list(ledger.told.rows()) == told


def test_a_ledger_of_this_format_is_read_where_it_is_and_never_upgraded(tmp_path: Path) -> None:
    schema.create(tmp_path / "ledger.db").close()
    inode = (tmp_path / "ledger.db").stat().st_ino
    assert upgrade.upgrade(tmp_path, release="9.9") is None
    with upgrade.reading(tmp_path, release="9.9") as ledger:
        assert ledger.path == tmp_path / "ledger.db"
    assert (tmp_path / "ledger.db").stat().st_ino == inode


def test_a_link_to_a_ledger_elsewhere_is_neither_opened_nor_upgraded(tmp_path: Path) -> None:
    folder = old_ledger(FORMATS[0], tmp_path / "elsewhere")
    before = files_in(folder)
    run = tmp_path / "run"
    run.mkdir()
    (run / "ledger.db").symlink_to(folder / "ledger.db")
    for opened in (Ledger, lambda path: upgrade.upgrade(path, release="9.9")):
        with pytest.raises(LedgerError, match="Too many levels of symbolic links"):
            opened(run)
    assert files_in(folder) == before


def test_a_ledger_in_use_is_not_upgraded(tmp_path: Path) -> None:
    folder = old_ledger(FORMATS[0], tmp_path / "run")
    with schema.opening(folder / "ledger.db") as other:
        other.executescript("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;")
        with pytest.raises(LedgerError, match="locked"):
            upgrade.upgrade(folder, release="9.9")
        other.close()
    assert upgrade.upgrade(folder, release="9.9") == 2


def test_without_room_for_a_copy_nothing_is_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = old_ledger(FORMATS[0], tmp_path / "run")
    files = files_in(folder)
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    for look in (upgrade.upgrade, lambda folder, release: upgrade.reading(folder, release=release).__enter__()):
        with pytest.raises(OSError, match="MiB free"):
            look(folder, release="9.9")
    assert files_in(folder) == files


def dying_at(nth: int) -> Callable[[FrameType, str, Any], Any]:
    """Kills this process at the n-th line that the upgrade comes to."""
    left = nth

    def watch(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in WATCHED:
            return None
        left -= event == "line"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return watch

    return watch


def killed(folder: Path, nth: int) -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            sys.settrace(dying_at(nth))
            upgrade.upgrade(folder, release="9.9")
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.mark.slow
def test_an_upgrade_killed_at_any_line_loses_nothing_and_is_done_by_the_next(
    tmp_path: Path,
) -> None:
    columns, before = rows_before(FORMATS[0], tmp_path)
    left_behind = set()
    for nth in range(1, 1_000):
        folder = old_ledger(FORMATS[0], tmp_path / f"run{nth}")
        if not killed(folder, nth):
            break
        left_behind |= {path.name[:6] for path in folder.iterdir()}
        durable.sweep_parts(folder)
        upgrade.upgrade(folder, release="9.9")
        assert sorted(files_in(folder)) == ["ledger.db", "manifest.csv"]
        with Ledger(folder) as ledger:
            assert rows_of(ledger, columns) == before
        shutil.rmtree(folder)
    else:
        pytest.fail("it never came to its end")
    assert nth > 40
    assert ".part-" in left_behind
