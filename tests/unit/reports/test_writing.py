"""Writing all reports: whole files or none, and a summary only where everything is in place."""

import contextlib
import errno
import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import jobs
from jobs.model import Status
from jobs.run_dir import durable
from reports import ReportError, withdraw_summary
from tests.unit.reports.runs import MakeRun, Run

MANIFEST = b"secret_name,kms_key_id\na,k\nb,k\nc,k\n"
ROOT = Path(jobs.__file__).parents[1]
STATUSES = (Status.UPDATED, Status.REJECTED, Status.FAILED)
REPORTS = ("outcomes.csv", "retry.csv", "rejected.csv", "report.html", "summary.json")
ALWAYS = ("ledger.db", "manifest.csv", "SHA256SUMS")


class Killed(BaseException):
    """The process is gone at this point: nothing after it happens, no cleaning up either."""


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    """A run whose reports are written, with marks in them that writing again takes away: to all appearances an earlier
    session wrote them so.
    """
    run = make_run(MANIFEST, STATUSES)
    run.write()
    for name in REPORTS[:-1]:
        with (run.folder / name).open("ab") as file:
            file.write(b"old\n")
    sums = (f"{hashlib.sha256(run.read(name)).hexdigest()}  {name}\n" for name in REPORTS)
    (run.folder / "SHA256SUMS").write_text("".join(sums))
    return run


@contextlib.contextmanager
def failing(at: int, fail: Callable[[], BaseException], *, for_good: bool) -> Iterator[list[str]]:
    """Makes the `at`-th operation on the disk fail, and with `for_good` all that follow; yields what has been done."""
    done: list[str] = []

    def guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            done.append(name)
            if len(done) == at or (for_good and len(done) > at):
                raise fail()
            return function(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durable.HashingFile, "write", guarded("write", durable.HashingFile.write))
        patch.setattr(os, "fsync", guarded("fsync", os.fsync))
        patch.setattr(Path, "replace", guarded("replace", Path.replace))
        if for_good:
            patch.setattr(Path, "unlink", guarded("unlink", Path.unlink))
        yield done


def state(run: Run, new: dict[str, bytes]) -> dict[str, str]:
    """Which report is old, new or absent; anything else fails."""
    found = {}
    for name in REPORTS:
        path = run.folder / name
        data = path.read_bytes() if path.exists() else None
        old = new[name] + b"old\n"
        found[name] = {None: "absent", new[name]: "new", old: "old"}[data]
    return found


def refusal(run: Run) -> ReportError | None:
    """Why the reports cannot be written; None where they have been."""
    try:
        run.write()
    except ReportError as error:
        return error
    return None


def parts(run: Run) -> list[str]:
    """What is in the folder besides the ledger, the manifest and the reports."""
    return sorted(p.name for p in run.folder.iterdir() if p.name not in {*REPORTS, *ALWAYS})


def new_files(run: Run) -> dict[str, bytes]:
    """The reports of a run as they were before they were marked."""
    return {name: run.read(name).removesuffix(b"old\n") for name in REPORTS}


def test_a_full_disk_leaves_whole_files_and_no_parts(run: Run) -> None:
    """At whichever operation it fills up: the error is typed, and nothing looks complete that is not."""
    new = new_files(run)
    operations = 0
    for at in range(1, 100):
        with failing(at, lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), for_good=False) as done:
            error = refusal(run)
        if error is None:
            break
        assert (error.path.parent, error.reason) == (run.folder, "No space left on device")
        operations = len(done)
        found = state(run, new)
        # The folder's own sync is the one operation after which a new summary stands although an error was told.
        assert found["summary.json"] == "absent" or set(found.values()) == {"new"}
        assert not parts(run)
    assert operations >= 15
    assert set(state(run, new).values()) == {"new"}


def test_a_kill_leaves_old_or_new_files_and_no_summary(run: Run) -> None:
    """At whichever operation: a summary is there only when all is new, and writing again mends everything."""
    new = new_files(run)
    seen = set()
    for at in range(1, 100):
        with failing(at, Killed, for_good=True), contextlib.suppress(Killed):
            run.write()
        found = state(run, new)
        seen.add(tuple(found.values()))
        if at > 1:  # the very first operation is the removal itself
            assert found["summary.json"] == "absent" or set(found.values()) == {"new"}
        if found["summary.json"] == "new" and at > 1:
            break
    assert ("new", "old", "old", "old", "absent") in seen
    assert ("new", "new", "new", "new", "absent") in seen
    durable.sweep_parts(run.folder)
    run.write()
    assert set(state(run, new).values()) == {"new"}
    assert not parts(run)


def test_every_file_is_its_owners_alone(run: Run) -> None:
    """Names of secrets are for their owner only, whatever the umask."""
    before = os.umask(0)
    try:
        run.write()
    finally:
        os.umask(before)
    assert {stat.S_IMODE((run.folder / name).stat().st_mode) for name in REPORTS} == {0o600}


def test_a_symbolic_link_is_replaced_and_not_followed(run: Run, tmp_path: Path) -> None:
    """What it points to stays unchanged."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for name in REPORTS:
        (run.folder / name).unlink()
        (run.folder / name).symlink_to(victim)
    run.write()
    assert victim.read_bytes() == b"precious"
    assert not [name for name in REPORTS if (run.folder / name).is_symlink()]


def test_writing_again_gives_the_same_bytes(run: Run) -> None:
    """Reports are a projection of the ledger and nothing else."""
    run.write()
    first = [run.read(name) for name in REPORTS]
    run.write()
    assert [run.read(name) for name in REPORTS] == first


def test_a_summary_can_be_taken_away(run: Run) -> None:
    """Before a run continues, say; it is no error when there is none."""
    withdraw_summary(run.folder)
    withdraw_summary(run.folder)
    assert not (run.folder / "summary.json").exists()


def test_a_report_that_cannot_be_replaced_is_named(run: Run) -> None:
    """A folder stands where the file should."""
    (run.folder / "retry.csv").unlink()
    (run.folder / "retry.csv").mkdir()
    with pytest.raises(ReportError, match=r"retry\.csv: Is a directory") as caught:
        run.write()
    assert caught.value.path == run.folder / "retry.csv"
    assert not (run.folder / "summary.json").exists()
    assert not parts(run)


def test_the_systems_own_limit_is_reported_like_a_full_disk(make_run: MakeRun) -> None:
    """A real failing write, in a separate process; Parquet writes through Arrow, which must not hide it."""
    names = [os.urandom(24).hex() for _ in range(2000)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"secret_name": names, "kms_key_id": names}), sink)
    run = make_run(sink.getvalue().to_pybytes(), [Status.FAILED] * 2000, copy="manifest.parquet")
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom jobs.ledger import Ledger\n"
        "from jobs.ledger.record import read_record\nfrom reports.retry_file import write_retry\n"
        "from jobs.run_dir.report_files import ReportFiles\n"
        "from reports.error import ReportError\nfolder = Path(sys.argv[1])\n"
        "with Ledger(folder) as ledger:\n"
        "    record = read_record(ledger)\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "    try:\n        write_retry(ReportFiles(folder), record, range(1, 2_001))\n"
        "    except ReportError as error:\n        print(error.path.name, error.reason)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(run.folder)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert told.stdout == "retry.parquet File too large\n"
    assert not told.stderr
    assert not list(run.folder.glob(".part-*"))
    assert not (run.folder / "retry.parquet").exists()


def test_reports_of_a_text_manifest_do_without_the_heavy_libraries(run: Run) -> None:
    """Neither importing the reporter nor writing loads pandas or pyarrow."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom jobs.ledger import Ledger\n"
        "from jobs.ledger.record import read_record\n"
        "import reports\nimport reports.screen.status\nfolder = Path(sys.argv[1])\nwith Ledger(folder) as ledger:\n"
        "    reports.write_reports(folder, ledger, read_record(ledger), 1)\n"
        "print(sorted({'aiohttp', 'numpy', 'pandas', 'pyarrow'} & set(sys.modules)))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(run.folder)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert told.stdout == "[]\n"
