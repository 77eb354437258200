"""A browser for all tests of this folder, where there is one."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from jobs.model import Outcome, Status
from tests.pages.browser import CHROMIUM, Browser, browsing
from tests.unit.reports.runs import run_maker

STARTED = 1_787_313_600.0
HOSTILE = "<script>document.title='taken'</script>\x1b[31m\u202egnp.exe"
MESSAGE = '<img src="https://example.com/x.png" onerror="document.title=\'taken\'">' + "long " * 400


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all of them."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; apt-get install chromium")  # the only browser that these tests drive
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with 300 rows: every other one is not done, one of them hostile."""
    rows = [_ended(row) for row in range(1, 301)]
    names = [f"app/db-{row}" for row in range(1, 301)]
    names[1] = HOSTILE
    run = run_maker(tmp_path_factory)(b"secret_name,kms_key_id\n" + b"a,k\n" * 300, rows, names=names)
    run.write()
    return run.folder / "report.html"


def _ended(row: int) -> Outcome:
    done = Outcome(
        row=row,
        status=Status.UPDATED,
        attempts=1,
        http_status=200,
        finished_at=STARTED + row / 32,
        elapsed_ms=float(row),
    )
    if row % 2:
        return done
    status = Status.REJECTED if row % 3 else Status.FAILED
    code, message = ("CSMS.0404", f"secret {row} is missing") if row % 3 else ("APIG.0201", "the backend is away")
    bad = msgspec.structs.replace(
        done, status=status, attempts=1 + row % 5, http_status=404, error_code=code, request_id=f"{row:032x}"
    )
    return msgspec.structs.replace(bad, error_message=MESSAGE if row == 2 else message)
