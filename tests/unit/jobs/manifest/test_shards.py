"""A manifest whose shards are loaded one after the other on one machine."""

import contextlib
import sqlite3
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs.ledger import Ledger, LedgerError
from jobs.ledger.record import read_record
from jobs.manifest.loading import Loaded, load
from jobs.manifest.source import copy_manifest
from jobs.shard import Shard
from jobs.spec import AccountsFile, JobSpec

if TYPE_CHECKING:
    from jobs.problem import Problem

KEY, OTHER = "0d0466b0-e727-4d9c-b35d-f84bb474a37f", "1d0466b0-e727-4d9c-b35d-f84bb474a37f"
P, Q, R = "a" * 32, "b" * 32, "c" * 32
HEADER = "secret_name,project_id,kms_key_id,account"
ROWS = [
    ("a", P, KEY, "one"), ("b", Q, KEY, ""), ("c", R, KEY, "one"), ("a", P, KEY, "one"), ("d", Q, "bad", ""),
    ("e", "no", KEY, ""), ("f", Q, KEY, ""), ("f", Q, OTHER, ""), ("g", Q, KEY, ""),
]  # fmt: skip
CSV = "\n".join([HEADER, *map(",".join, ROWS), ""])


class Machine:
    """Loads shards in a folder, and knows what was found wrong with their manifest."""

    def __init__(self, folder: Path, *, keeps: bool = True) -> None:
        folder.mkdir()
        self._folder = folder
        self._kept = folder / "kept" if keeps else None
        self._runs = count()
        self.problems: list[Problem] = []
        if self._kept is not None:
            self._kept.mkdir()

    @property
    def kept(self) -> list[Path]:
        assert self._kept is not None
        return list(self._kept.iterdir())

    def load(self, index: int, text: str = CSV, **spec: Any) -> tuple[Loaded, list[object]]:
        """Also what its ledger holds."""
        manifest = self._folder.parent / "m.csv"
        manifest.write_text(text)
        run = self._folder / f"run{next(self._runs)}"
        run.mkdir()
        accounts = AccountsFile(path="accounts.toml", names=("one",))
        job = JobSpec(endpoint="http://127.0.0.1:1", shard=Shard(index, 2), accounts=accounts, **spec)
        copy = copy_manifest(str(manifest), run)
        loaded = load(copy, job, run, version="1", on_problem=self.problems.append, kept=self._kept)
        if not loaded.usable(strict=job.strict):
            return loaded, []
        assert sorted(path.name for path in run.iterdir()) == ["ledger.db", "manifest.csv"]
        with Ledger(run) as ledger:
            record = read_record(ledger)
            assert (record.spec, record.manifest.rows, record.rows_here) == (job, loaded.rows, loaded.rows_here)
            rows = [(one.outcome.row, one.outcome.status, one.account, one.project_id) for one in ledger.told.rows()]
            return loaded, [*rows, *ledger.told.scopes(), *ledger.told.accounts()]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "keeps")


def test_the_next_shard_is_cut_out_of_what_the_first_one_has_read(tmp_path: Path, machine: Machine) -> None:
    alone = Machine(tmp_path / "alone", keeps=False)
    both = [alone.load(index) for index in (0, 1)]
    assert [machine.load(index) for index in (0, 1)] == both
    assert sum(loaded.rows_here or 0 for loaded, _ in both) == len(ROWS)
    assert [loaded.invalid for loaded, _ in both] == [4, 4]
    assert len(machine.problems) == 4
    assert alone.problems == 2 * machine.problems
    assert len(machine.kept) == 1


def test_another_manifest_or_job_is_not_cut_out_of_it(machine: Machine) -> None:
    machine.load(0)
    loaded, _ = machine.load(1, f"{HEADER}\nb,{Q},{KEY},\n")
    assert (loaded.rows, loaded.rows_here) == (1, 0)
    loaded, _ = machine.load(0, only=("g",))
    assert loaded.invalid == 0
    assert len(machine.kept) == 3


def test_of_a_manifest_that_cannot_be_used_nothing_is_kept(machine: Machine) -> None:
    for text, strict in ((CSV.replace("kms_key_id", "key"), False), (CSV, True)):
        loaded, _ = machine.load(0, text, strict=strict)
        assert not loaded.usable(strict=strict)
    assert machine.kept == []


def test_where_it_is_damaged_the_next_one_reads_the_manifest_again(machine: Machine) -> None:
    _, rows = machine.load(1)
    [whole] = machine.kept
    whole.write_bytes(whole.read_bytes()[:4_096])
    with pytest.raises(LedgerError):
        machine.load(1)
    assert machine.load(1)[1] == rows


def test_where_it_is_damaged_so_that_sqlite_cannot_even_say_how_it_is_read_again_too(machine: Machine) -> None:
    """The message quotes the bytes, which are no text."""
    _, rows = machine.load(1)
    [whole] = machine.kept
    whole.write_bytes(whole.read_bytes().replace(b"CREATE TABLE scope", b"CREATE T\xe9BLE scope"))
    with pytest.raises(LedgerError, match="not UTF-8"):
        machine.load(1)
    assert machine.load(1)[1] == rows


def test_where_a_place_is_missing_from_its_counts_it_is_read_again_too(machine: Machine) -> None:
    _, rows = machine.load(1)
    [whole] = machine.kept
    with contextlib.closing(sqlite3.connect(whole)) as connection, connection:
        connection.execute("DELETE FROM place WHERE scope = 1")
    with pytest.raises(LedgerError, match="not all counted"):
        machine.load(1)
    assert machine.load(1)[1] == rows
