"""A ledger that was damaged, or that another release wrote: one line names the file, and the exit code is 74."""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.cli.app import main
from jobs.ledger import Ledger, LedgerError, OpenRow
from jobs.ledger.entries import PaceCell
from jobs.model import Status
from jobs.run_dir.lock import FileLock
from jobs.spec import JobSpec
from tests.unit.reports.runs import STARTED, run_maker

COMMANDS = ("report", "resume", "status")
Damage = Callable[[sqlite3.Connection], object]
JOB = JobSpec(endpoint="http://127.0.0.1:9", project_id="a" * 32)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which every row has ended."""
    statuses = [Status.UPDATED, Status.FAILED, Status.REJECTED, Status.INVALID]
    manifest = b"secret_name,kms_key_id\n" + b"a,b\n" * len(statuses)
    folder = run_maker(tmp_path_factory)(manifest, statuses, spec=JOB).folder
    with Ledger(folder) as ledger:
        cell = PaceCell(at_s=STARTED, width_s=1.0, sent=3, refused=1, unanswered=1, code="504", allowed_per_s=10.0)
        ledger.keep_pace([cell])
    return folder


@pytest.fixture
def copy(tmp_path: Path, ended: Path) -> Path:
    return Path(shutil.copytree(ended, tmp_path / "run"))


@pytest.fixture(autouse=True)
def _logged_in(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "t" * 40)
    monkeypatch.setenv("CSMS_REKEY_LOCK_DIR", str(tmp_path_factory.mktemp("locks")))


def damaged(folder: Path, damage: Damage) -> None:
    with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as connection:
        connection.executescript("PRAGMA writable_schema=ON")
        damage(connection)


def in_job(change: Callable[[dict[str, Any]], object]) -> Damage:
    """Changes the job as it is stored."""

    def damage(connection: sqlite3.Connection) -> None:
        ((text,),) = connection.execute("SELECT value FROM meta WHERE key = 'job'").fetchall()
        job = json.loads(text)
        change(job)
        connection.execute("UPDATE meta SET value = ? WHERE key = 'job'", (json.dumps(job),))

    return damage


def sql(statement: str) -> Damage:
    return lambda connection: connection.execute(statement)


DAMAGES: dict[str, Damage] = {
    "a status of a newer release": sql("UPDATE outcome SET status = 'postponed' WHERE row = 1"),
    "a limit out of range": in_job(lambda job: job["spec"]["limits"].update(burst=0)),
    "a rate out of range": in_job(lambda job: job["spec"]["limits"].update(rate={"requests": -1, "period_s": 0})),
    "a share of failures that is none": in_job(lambda job: job["spec"]["limits"].update(max_failures={})),
    "an unknown kind of login": in_job(lambda job: job["spec"].update(auth="smartcard")),
    "an endpoint that is none": in_job(lambda job: job["spec"].update(endpoint="x")),
    "a pattern that is none": in_job(lambda job: job["spec"].update(key_pattern="(")),
    "no manifest": in_job(lambda job: job.pop("manifest")),
    "a negative count": in_job(lambda job: job["manifest"].update(rows=-1)),
    "a name of the wrong type": in_job(lambda job: job["manifest"].update(name=None)),
    "a copy that is somewhere else": in_job(lambda job: job["manifest"].update(copy="../../etc/passwd")),
    "a time out of range": in_job(lambda job: job.update(created_at=1e300)),
    "a job that is no JSON": sql("UPDATE meta SET value = '{' WHERE key = 'job'"),
    "no job": sql("DELETE FROM meta WHERE key = 'job'"),
    "a start out of range": sql("UPDATE session SET started_at = 1e300"),
    "an end out of range": sql("UPDATE session SET ended_at = -1e300"),
    "an exit code out of range": sql("UPDATE session SET exit_code = 4711"),
    "no table of sessions": sql("DROP TABLE session"),
    "no view": sql("DROP VIEW stand"),
    "a schema that is none": sql("UPDATE sqlite_schema SET sql = 'CREATE TABLE row (x)' WHERE name = 'row'"),
}


OF_ROWS = {
    "a time out of range": "started_at = 1e300, finished_at = 1e300",
    "a duration out of range": "elapsed_ms = -1e300",
    "negative attempts": "attempts = -1",
    "a negative HTTP status": "http_status = -1",
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", DAMAGES)
def test_a_record_that_cannot_be_read_is_named_in_one_line(
    copy: Path, capsys: pytest.CaptureFixture[str], name: str, command: str
) -> None:
    damaged(copy, DAMAGES[name])
    assert_named(copy, main([command, str(copy)]), *capsys.readouterr())


@pytest.mark.parametrize("name", OF_ROWS)
def test_a_row_that_cannot_be_read_is_named_when_the_reports_come_to_it(
    copy: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    damaged(copy, sql(f"UPDATE outcome SET {OF_ROWS[name]} WHERE row = 2"))  # noqa: S608 - a test's own text
    _, err = assert_named(copy, main(["report", str(copy)]), *capsys.readouterr())
    assert "row 2 cannot be read" in err


@pytest.mark.parametrize("command", ["report", "resume"])
@pytest.mark.parametrize("column", ["width_s = 0", "at_s = 1e300", "sent = -1", "allowed_per_s = -1"])
def test_a_pace_that_cannot_be_read_is_named(
    copy: Path, capsys: pytest.CaptureFixture[str], column: str, command: str
) -> None:
    damaged(copy, sql(f"UPDATE pace SET {column}"))  # noqa: S608 - a test's own text
    assert_named(copy, main([command, str(copy)]), *capsys.readouterr())


def assert_named(folder: Path, code: int, out: str, err: str) -> tuple[str, str]:
    """One line that names the ledger and says what to do, and nothing else."""
    assert (code, out, err.count("\n")) == (74, "", 1), err
    assert err.startswith(f"csms-rekey: {folder / 'ledger.db'}: ")
    assert "start a new run with the manifest" in err
    return out, err


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"null", b'{"pid": "x"}', b"\x00" * 5_000])
@pytest.mark.parametrize("name", ["state.json", "run.lock", "summary.json", "outcomes.csv", "report.html", "run.log"])
def test_what_stands_beside_the_ledger_matters_to_no_command(
    copy: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes
) -> None:
    (copy / name).write_bytes(content)
    codes = [main([command, str(copy)]) for command in COMMANDS]
    assert codes == [1, 1, 0], capsys.readouterr().err


@dataclass(frozen=True)
class Run:
    """A run whose ledger is damaged by hypothesis, and what was in it before."""

    folder: Path
    whole: bytes = field(repr=False)


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory, ended: Path) -> Run:
    folder = tmp_path_factory.mktemp("spoilt") / "run"
    shutil.copytree(ended, folder)
    # Without the free pages, in which no byte matters.
    damaged(folder, sql("VACUUM"))
    return Run(folder, (folder / "ledger.db").read_bytes())


VALUES = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=5), st.binary(max_size=5))
TABLES = {
    "meta": ("key", "value"),
    "scope": ("id", "endpoint", "project_id", "region", "stopped"),
    "row": (
        *("row", "scope", "secret_name", "kms_key_id", "leader", "attempts", "spent", "doubt", "refused", "tried"),
        *("status", "http_status", "error_code", "error_message", "request_id"),
        *("description", "expected_kms_key_id", "region", "project_id"),
    ),
    "intent": ("row", "attempts", "spent"),
    "outcome": (
        *("row", "status", "attempts", "http_status", "error_code", "error_message", "request_id", "started_at"),
        *("finished_at", "elapsed_ms"),
    ),
    "session": ("id", "started_at", "timeout_s", "ended_at", "exit_code", "stopped"),
    "pace": ("session", "at_s", "width_s", "sent", "refused", "unanswered", "code", "allowed_per_s"),
}
CELLS = st.sampled_from([(table, column) for table, columns in TABLES.items() for column in columns])


@pytest.fixture
def commands_end_well(spoilt: Run, capsys: pytest.CaptureFixture[str]) -> Callable[[], None]:
    def run_all() -> None:
        for command in ("report", "status"):
            code = main([command, str(spoilt.folder)])
            _, err = capsys.readouterr()
            assert code in {0, 1, 2, 3, 74, 255}, err
            assert all(line.startswith("csms-rekey: ") for line in err.splitlines()), err
        # What a resume reads before it sends anything.
        with contextlib.suppress(LedgerError), Ledger(spoilt.folder) as ledger:
            ledger.told.require_readable()
            for scope in ledger.open_scopes(also_failed=True):
                assert all(isinstance(row, OpenRow) for row in ledger.open_rows(scope.id, 0, 10))

    return run_all


ONCE_MORE = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ONCE_MORE
@given(cell=CELLS, value=VALUES)
def test_no_value_in_a_ledger_is_an_internal_error(
    spoilt: Run, commands_end_well: Callable[[], None], cell: tuple[str, str], value: object
) -> None:
    (spoilt.folder / "ledger.db").write_bytes(spoilt.whole)
    table, column = cell
    with contextlib.suppress(sqlite3.IntegrityError):
        statement = f"UPDATE {table} SET {column} = ?"  # noqa: S608 - a test's own names
        damaged(spoilt.folder, lambda connection: connection.execute(statement, (value,)))
    commands_end_well()


SPOTS = st.dictionaries(st.integers(0, 2**17), st.integers(0, 255), min_size=1, max_size=8)


@ONCE_MORE
@given(spots=SPOTS, cut=st.sampled_from([0, 0, 1, 5_000]))
def test_no_byte_of_a_ledger_is_an_internal_error(
    spoilt: Run, commands_end_well: Callable[[], None], spots: dict[int, int], cut: int
) -> None:
    content = bytearray(spoilt.whole)
    for place, byte in spots.items():
        content[place % len(content)] = byte
    (spoilt.folder / "ledger.db").write_bytes(content[: len(content) - cut])
    commands_end_well()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=3,
)


@ONCE_MORE
@given(data=st.data(), value=JSON)
def test_no_field_of_a_job_is_an_internal_error(
    spoilt: Run, commands_end_well: Callable[[], None], data: st.DataObject, value: object
) -> None:
    (spoilt.folder / "ledger.db").write_bytes(spoilt.whole)

    def spoil(job: dict[str, Any]) -> None:
        part = job
        key = data.draw(st.sampled_from(sorted(part)))
        while isinstance(part[key], dict) and data.draw(st.booleans()):
            part = part[key]
            key = data.draw(st.sampled_from(sorted(part)))
        part[key] = value

    damaged(spoilt.folder, in_job(spoil))
    commands_end_well()


STATE = {"pid": 1, "started_at": 4e9, "written_at": 4e9, "total": 4, "open_rows": 1, "in_flight": 1, "counts": []}


@pytest.mark.parametrize(
    "change",
    [
        {"written_at": 1e300},
        {"started_at": -1e300},
        {"total": -5},
        {"counts": [{"status": "odd", "rows": 1}]},
        {"pid": {}},
    ],
)
def test_a_damaged_state_of_a_run_that_is_going_counts_as_none(
    copy: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any]
) -> None:
    holder = {"pid": 1, "host": "h", "since": 1.0, "purpose": "run"}
    with FileLock(copy / "run.lock", "run"):
        (copy / "run.lock").write_text(json.dumps(holder))
        (copy / "state.json").write_text(json.dumps(STATE))
        assert main(["status", str(copy)]) == 0
        (copy / "state.json").write_text(json.dumps(STATE | change))
        assert main(["status", str(copy)]) == 2
    assert capsys.readouterr().err.startswith(f"csms-rekey: {copy}: in use by pid 1 on h")
