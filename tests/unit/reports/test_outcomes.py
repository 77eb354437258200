import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.ledger import ToldRow
from jobs.model import Outcome, Status
from jobs.printable import cell, name_cell
from jobs.run_dir.report_files import ReportFiles
from reports.error import ReportError
from reports.moment import utc_text
from reports.outcomes import OutcomesLayout, write_outcomes
from reports.summary.tally import Tally
from tests.unit.reports.blocks import block_of
from tests.unit.reports.runs import MakeRun

HEADER = (
    b"row,line,secret_name,region,project_id,kms_key_id,status,http_status,error_code,error_message,attempts,"
    b"request_id,started_at,finished_at,elapsed_ms,before_kms_key_id\n"
)
PROJECT = b"a" * 32
KEY = b"11111111-2222-3333-4444-555555555555"
OLD = b"99999999-2222-3333-4444-555555555555"


def told(row: int, **texts: str) -> ToldRow:
    """A row whose texts are given and whose name is plain otherwise."""
    outcome = Outcome(
        row=row,
        status=Status.REJECTED,
        attempts=1,
        error_code=texts.get("error_code"),
        error_message=texts.get("error_message"),
        request_id=texts.get("request_id"),
    )
    return ToldRow(secret_name=texts.get("secret_name", "a"), kms_key_id="", region="", project_id="", outcome=outcome)


def written(folder: Path, *rows: ToldRow, with_lines: bool = True) -> str:
    """The text of an outcomes file of these rows."""
    write_outcomes(ReportFiles(folder), [block_of(*rows)], OutcomesLayout(lines=with_lines), Tally())
    return (folder / "outcomes.csv").read_bytes().decode()


def test_every_row_has_its_line_in_manifest_order(make_run: MakeRun) -> None:
    """The contract of the file: its header, its empty cells, its moments, its line ends."""
    run = make_run(
        b"secret_name,kms_key_id\na,k\nb,k\nc,k\n",
        [
            Outcome(
                row=1,
                status=Status.UPDATED,
                attempts=2,
                http_status=200,
                request_id="f" * 32,
                started_at=1_787_313_600.0,
                finished_at=1_787_313_601.2345,
                elapsed_ms=1234.5,
            ),
            Outcome(
                row=2,
                status=Status.REJECTED,
                attempts=1,
                http_status=404,
                error_code="CSMS.0404",
                error_message='no such "secret", sorry',
            ),
            Status.NOT_ATTEMPTED,
        ],
        names=["a", "-b", "c"],
    )
    with run.opened() as (ledger, _):
        ledger._run("UPDATE row SET before_kms_key_id = ? WHERE row = 1", (OLD.decode(),))
    run.write()
    where = b"eu-west-1," + PROJECT + b"," + KEY
    assert run.read("outcomes.csv") == b"".join(
        (
            HEADER,
            b"1,2,a," + where + b",updated,200,,,2," + b"f" * 32,
            b",2026-08-21T12:00:00.000Z,2026-08-21T12:00:01.234Z,1234.5," + OLD + b"\n",
            b"2,3,-b," + where + b',rejected,404,CSMS.0404,"no such ""secret"", sorry",1,,,,,\n',
            b"3,4,c," + where + b",not_attempted,,,,0,,,,,\n",
        )
    )


def test_a_run_of_no_rows_has_a_header(make_run: MakeRun) -> None:
    """And nothing else."""
    run = make_run(b"secret_name,kms_key_id\n", [])
    run.write(0)
    assert run.read("outcomes.csv") == HEADER


def test_rows_of_parquet_have_no_line(tmp_path: Path) -> None:
    """The cell is empty rather than wrong."""
    assert written(tmp_path, told(1), with_lines=False).splitlines()[1] == "1,,a,,,,rejected,,,,1,,,,,"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("-1", "-1", "'-1"),
        ("\x1b]0;owned\x07", r"'\x1b]0;owned\x07", r"'\x1b]0;owned\x07"),
        ('a\r\nb,"c"', 'a\\r\\nb,"c"', 'a\\r\\nb,"c"'),
        ("\u202ecod.exe", r"\u202ecod.exe", r"\u202ecod.exe"),
        ("x" * 2000, "x" * 497 + "...", "x" * 497 + "..."),
    ],
)
def test_hostile_text_is_one_harmless_cell(tmp_path: Path, text: str, name: str, message: str) -> None:
    """No formula, no terminal control, no separate line; a valid name stays unchanged."""
    row = told(1, secret_name=text, error_code=text, error_message=text, request_id=text)
    cells = list(csv.reader(io.StringIO(written(tmp_path, row)), strict=True))[1]
    assert (cells[2], cells[8], cells[11]) == (name, name, name)
    assert cells[9] == message


@given(st.text(), st.text())
def test_any_text_keeps_the_file_readable(tmp_path_factory: pytest.TempPathFactory, name: str, message: str) -> None:
    """A line break, quote or comma anywhere can neither add a line nor shift a column."""
    row = told(1, secret_name=name, error_message=message)
    text = written(tmp_path_factory.getbasetemp(), row)
    assert len(text.splitlines()) == 2
    assert list(map(len, csv.reader(io.StringIO(text), strict=True))) == [16, 16]


TEXT = st.one_of(st.none(), st.text(max_size=6), st.sampled_from(["a,b", '"', "=1", "x" * 600, "APIG.0201", "-a"]))
MOMENT = st.one_of(st.none(), st.floats(0, 2e9), st.sampled_from([0.0005, 1.0005, 59.9995, 1.8e9 + 0.9996]))


@given(data=st.data())
def test_every_line_is_what_csv_would_write(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever was kept of the rows before it."""
    rows = []
    for number in range(1, data.draw(st.integers(1, 4)) + 1):
        code, message, request_id, key, before = (data.draw(TEXT) for _ in range(5))
        outcome = Outcome(
            row=number,
            status=data.draw(st.sampled_from(Status)),
            attempts=1,
            error_code=code,
            error_message=message,
            request_id=request_id,
            started_at=data.draw(MOMENT),
            elapsed_ms=data.draw(st.one_of(st.none(), st.floats(0, 1e6))),
        )
        row = ToldRow(secret_name=code or "", kms_key_id=key or "", region="", project_id="", outcome=outcome)
        rows.append(msgspec.structs.replace(row, before_kms_key_id=before))
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(map(plain_cells, rows))
    lines = written(tmp_path_factory.getbasetemp(), *rows).partition("\n")[2]
    assert lines == out.getvalue()


def plain_cells(row: ToldRow) -> tuple[object, ...]:
    def moment(seconds: float | None) -> str:
        if seconds is None:
            return ""
        whole, thousandths = divmod(round(seconds * 1000), 1000)
        return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{thousandths:03d}Z"

    o = row.outcome
    names = (row.secret_name, row.region, row.project_id, row.kms_key_id)
    end = (moment(o.started_at), moment(o.finished_at), "" if o.elapsed_ms is None else f"{o.elapsed_ms:.1f}")
    texts = (name_cell(o.error_code or ""), cell(o.error_message or ""), o.attempts, name_cell(o.request_id or ""))
    head = (o.row, o.row + 1, *map(name_cell, names), o.status.value, "")
    return (*head, *texts, *end, name_cell(row.before_kms_key_id or ""))


@pytest.mark.parametrize("numbers", [(2,), (1, 3), (1, 1)])
def test_a_ledger_with_a_gap_is_refused(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    """A row that is missing, or there twice, is never passed over in silence."""
    with pytest.raises(ReportError, match=r"outcomes\.csv: the ledger has row"):
        written(tmp_path, *map(told, numbers))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("moment_s", "text"),
    [
        (None, ""),
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_787_313_599.9996, "2026-08-21T12:00:00.000Z"),
        (1_787_313_600.25, "2026-08-21T12:00:00.250Z"),
    ],
)
def test_moments_are_utc_with_milliseconds(moment_s: float | None, text: str) -> None:
    """Rounded to the nearest, with a fixed width."""
    assert utc_text(moment_s) == text
