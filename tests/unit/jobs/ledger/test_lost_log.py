"""A killed session whose write-ahead log is gone: what it may have sent is in doubt, and every command says so."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from batch.cli.app import main
from jobs.ledger import Intent, Ledger, Loader, SessionStart
from jobs.ledger.record import JobRecord, ManifestFacts, to_meta
from jobs.model import Outcome, PlannedRow, Scope, SecretUpdate, Status
from jobs.spec import JobSpec
from reports import Exit

KEY, OLD = "11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555"
MANIFEST = b"secret_name,kms_key_id\na,b\nc,d\ne,f\n"
ROWS = [
    PlannedRow(
        row=row,
        scope=Scope(endpoint="http://127.0.0.1:9", project_id="a" * 32),
        update=SecretUpdate(secret_name=name, kms_key_id=KEY, expected_kms_key_id=OLD),
    )
    for row, name in enumerate("ace", 1)
]


def begin(ledger: Ledger) -> None:
    ledger.begin_session(SessionStart(started_at=1_800_000_000.0))


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A run that was killed after it had sent one row and heard of another."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "manifest.csv").write_bytes(MANIFEST)
    facts = ManifestFacts(name="m.csv", copy="manifest.csv", sha256="", size_bytes=len(MANIFEST), rows=3)
    loader = Loader(folder)
    loader.add(ROWS)
    record = JobRecord(version="1", spec=JobSpec(endpoint="http://127.0.0.1:9"), manifest=facts, created_at=1.0)
    loader.finish(to_meta(record))
    with Ledger(folder) as ledger:
        begin(ledger)
        ledger.commit(intents=[Intent(row=1, attempts=1), Intent(row=2, attempts=1)])
        ledger.commit(outcomes=[Outcome(row=2, status=Status.UPDATED, attempts=1)])
        shutil.copytree(folder, tmp_path / "killed")
    return tmp_path / "killed"


def lose_log(folder: Path) -> None:
    (folder / "ledger.db-wal").unlink()


def doubts(folder: Path) -> list[bool | None]:
    """Of each row whether it is in doubt; None where it has ended."""
    with Ledger(folder) as ledger:
        open_rows = {row.row: row.doubt for row in ledger.open_rows(1, 0, 9)}
    return [open_rows.get(row) for row in (1, 2, 3)]


def test_with_its_log_a_killed_session_has_lost_nothing(killed: Path) -> None:
    for _ in range(2):
        with Ledger(killed) as ledger:
            assert ledger.loss is None
    assert doubts(killed) == [True, None, False]


@pytest.mark.parametrize("how", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_without_its_log_every_open_row_is_in_doubt_until_the_next_session_has_begun(
    killed: Path, how: Callable[[Path], object]
) -> None:
    how(killed / "ledger.db-wal")
    for _ in range(2):
        with Ledger(killed) as ledger:
            assert ledger.loss == (
                f"{killed / 'ledger.db'}: ledger.db-wal is lost, and so is what the last session recorded;"
                " `resume` reads before it sends"
            )
            assert [told.outcome.status for told in ledger.told.rows()] == [Status.UNKNOWN] * 3
    assert doubts(killed) == [True, True, True]
    with Ledger(killed) as ledger:
        begin(ledger)
    with Ledger(killed) as ledger:
        assert ledger.loss is None
    assert doubts(killed) == [True, True, True]


def test_a_session_that_broke_off_and_closed_its_ledger_has_lost_nothing(killed: Path) -> None:
    with Ledger(killed) as ledger:
        begin(ledger)
        ledger._run("BEGIN")
    with Ledger(killed) as ledger:
        assert ledger.loss is None


def test_a_ledger_without_a_log_of_its_own_never_loses_one(killed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.ledger.schema.network_filesystem", lambda _: "nfs4")
    with Ledger(killed) as ledger:
        begin(ledger)
        again = shutil.copytree(killed, killed.parent / "again")
    with Ledger(again) as ledger:
        assert ledger.loss is None


@pytest.mark.parametrize("command", ["report", "status"])
def test_commands_that_look_say_it(
    killed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("reports.writing.check_copy", lambda _: None)
    lose_log(killed)
    main([command, str(killed)])
    out, err = capsys.readouterr()
    assert "3" in out
    assert "ledger.db-wal is lost" in err
    assert err.count("\n") == 1


def test_a_run_whose_rows_may_have_been_sent_is_never_taken_for_one_that_sent_nothing(
    killed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger(killed) as ledger:
        ledger._run("DELETE FROM intent")
        ledger._run("DELETE FROM outcome")
        begin(ledger)
        shutil.copytree(killed, killed.parent / "lost")
    lost = killed.parent / "lost"
    lose_log(lost)
    manifest = killed.parent / "m.csv"
    manifest.write_bytes(MANIFEST)
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "t")
    assert main(["run", str(manifest), f"--run-dir={lost}", "--endpoint=http://127.0.0.1:9"]) == Exit.USAGE
    assert "exists already, with a run; resume it" in capsys.readouterr().err
    assert doubts(lost) == [True, True, True]
