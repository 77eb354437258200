"""A run that an earlier release began, was killed in, and this one is asked about and continues."""

import hashlib
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from batch.sandbox.assembly import sandbox_of
from batch.sandbox.options import SandboxOptions
from jobs.model import Status
from tests.e2e.tool import ROOT, Tool, manifest_of, outcomes_in, served
from tests.engine.rows import moves
from tests.kit.records import records_of

KEPT = ROOT / "tests/unit/jobs/ledger/format-2.tar.gz"
ENDED = frozenset({1, 2, 3, 5, 6, 8, 10, 16, 17, 18, 19, 20, 21, 23})
WITH_LOG = ("ledger.db", "ledger.db-wal")


def old_run(folder: Path, url: str, *, all_done: bool = False) -> Path:
    """The run directory of format 2, whose service is at `url` now; its log is not folded back."""
    folder.mkdir()
    with tarfile.open(KEPT) as archive:
        archive.extractall(folder, filter="data")
    file, kept = folder / "ledger.db", {}
    with closing(sqlite3.connect(file, isolation_level=None)) as ledger:
        ledger.execute("UPDATE meta SET value = json_set(value, '$.spec.endpoint', ?) WHERE key = 'job'", (url,))
        ledger.execute("UPDATE scope SET endpoint = ?", (url,))
        if all_done:
            ledger.execute("UPDATE row SET status = 'updated' WHERE leader IS NULL AND status IS NOT 'invalid'")
        kept = {name: (folder / name).read_bytes() for name in WITH_LOG}
    for name, data in kept.items():
        (folder / name).write_bytes(data)
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in WITH_LOG}


def url_of(tool: Tool) -> str:
    return tool.to(Path("x"))[0].partition("=")[2]


def test_a_run_of_an_earlier_format_is_shown_untouched_and_resumed_to_its_end(tmp_path: Path) -> None:
    sandbox = sandbox_of(SandboxOptions(secrets=24, projects=2, seed=3), epoch_s=0.0, keep=True)
    with served(sandbox, tmp_path) as tool:
        folder = old_run(tmp_path / "run", url_of(tool))
        before = digests(folder)
        shown, told = tool.run("report", str(folder)), tool.run("status", str(folder))
        assert (shown.code, told.code) == (3, 0)
        assert "unknown: 7 " in shown.out
        assert "unknown: 7 " in told.out
        assert digests(folder) == before
        ended = tool.run("resume", str(folder), "--max-attempts=3", "--rate=unlimited")
    assert (ended.code, "its ledger was of format 2 and is upgraded" in ended.err) == (1, True)
    claims = outcomes_in(folder)
    assert {claim.row for claim in claims if claim.status is not Status.UPDATED} == {4, 5, 6, 23}
    names = {claim.row: claim.secret_name for claim in claims}
    # A job of that time knows no --before: one list for each project.
    sent = [record.secret_name for record in records_of(sandbox.journal) if record.secret_name]
    assert len(records_of(sandbox.journal)) == len(sent) + 2
    assert sorted(sent) == sorted({names[row] for row in range(1, 28)} - {names[row] for row in {4, *ENDED}})


def test_a_finished_run_of_an_earlier_format_makes_room_for_the_next_one_whole(tmp_path: Path) -> None:
    sandbox = sandbox_of(SandboxOptions(secrets=24, projects=2, seed=3), epoch_s=0.0, keep=True)
    manifest = tmp_path / "next.csv"
    manifest.write_bytes(manifest_of(moves(sandbox)))
    with served(sandbox, tmp_path) as tool:
        folder = old_run(tmp_path / "run", url_of(tool), all_done=True)
        ended = tool.run("go", str(manifest), *tool.to(folder))
        (kept,) = folder.glob("done-*")
        told = tool.run("status", str(kept))
    assert (ended.code, len(outcomes_in(folder))) == (0, 24)
    assert ((kept / "ledger.db-wal").exists(), told.code, "updated: " in told.out) == (False, 0, True)


@pytest.mark.parametrize("command", ["report", "status", "resume"])
def test_what_a_later_release_wrote_is_refused_in_one_line_with_the_release_it_needs(
    tmp_path: Path, command: str
) -> None:
    sandbox = sandbox_of(SandboxOptions(secrets=24, projects=2, seed=3), epoch_s=0.0)
    with served(sandbox, tmp_path) as tool:
        folder = old_run(tmp_path / "run", url_of(tool))
        with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as ledger:
            ledger.execute("INSERT INTO meta VALUES ('release', '7.2.0')")
            ledger.execute("PRAGMA user_version = 40")
        ended = tool.run(command, str(folder))
    assert (ended.code, ended.out) == (74, "")
    assert ended.err.endswith("ledger.db: written in format 40, this release reads 6: use csms-rekey 7.2.0\n")
    assert ended.err.count("\n") == 1
