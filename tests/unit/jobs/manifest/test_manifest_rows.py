"""Which rows of a manifest are usable, and what is said of the others."""

import re
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.manifest.planner import read_manifest
from jobs.manifest.source import ManifestCopy
from jobs.model import InvalidRow, PlannedRow, Scope, SecretUpdate
from jobs.problem import Problem
from jobs.spec import JobSpec

KEY = "0d0466b0-e727-4d9c-b35d-f84bb474a37f"
OTHER_KEY = "c1b6d5a8f0e94c2b9d3e7a6f5b4c3d2e"
PROJECT = "0123456789abcdef0123456789abcdef"
OTHER_PROJECT = "f" * 32
HOME = JobSpec(project_id=PROJECT, region="cn-north-4")
Rows = list[PlannedRow | InvalidRow]


def read_file(path: Path, spec: JobSpec = HOME) -> tuple[Rows, list[Problem]]:
    """All rows and problems of a file."""
    copy = ManifestCopy(path=path, sha256="", size=0, name=f"m{path.suffix}")
    batches = list(read_manifest(copy, spec))
    return [row for batch in batches for row in batch.rows], [one for batch in batches for one in batch.problems]


def read(text: str, spec: JobSpec = HOME) -> tuple[Rows, list[str]]:
    """All rows of a CSV manifest, and its problems as they are shown."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.csv"
        path.write_text(text, newline="", encoding="utf-8")
        rows, problems = read_file(path, spec)
        return rows, [str(problem) for problem in problems]


def test_a_sound_row_is_planned_as_it_stands() -> None:
    """All columns, in any order, with others between them."""
    rows, problems = read(
        "region,secret_name,team,kms_key_id,expected_kms_key_id,description,project_id\n"
        f"la-south-2,db.pass-1_A,x,{KEY.upper()},{OTHER_KEY},new key,{OTHER_PROJECT}\n"
        f",-,x,{OTHER_KEY},,,\n"
    )
    assert problems == []
    assert rows == [
        PlannedRow(
            row=1,
            scope=Scope(
                endpoint="https://kms.la-south-2.myhuaweicloud.com", project_id=OTHER_PROJECT, region="la-south-2"
            ),
            update=SecretUpdate(
                secret_name="db.pass-1_A",
                kms_key_id=KEY.upper(),
                description="new key",
                expected_kms_key_id=OTHER_KEY,
            ),
        ),
        PlannedRow(
            row=2,
            scope=Scope(endpoint="https://kms.cn-north-4.myhuaweicloud.com", project_id=PROJECT, region="cn-north-4"),
            update=SecretUpdate(secret_name="-", kms_key_id=OTHER_KEY),
        ),
    ]


@pytest.mark.parametrize("name", ["NA", "null", "007", "1e5", "1" * 40, "x" * 64, "...", "-rf", "_", "A.b-C_9"])
def test_a_name_stays_what_it_is(name: str) -> None:
    """None of these is a gap or a number."""
    [row], problems = read(f"secret_name,kms_key_id\n{name},{KEY}\n")
    assert problems == []
    assert isinstance(row, PlannedRow)
    assert row.update.secret_name == name


def test_an_invalid_row_keeps_its_texts_and_stops_no_other() -> None:
    """With its line, and the column at fault."""
    reason = "'a\\xa0' has whitespace around it (U+00A0 NO-BREAK SPACE); remove it"
    rows, problems = read(f"secret_name,kms_key_id,project_id\na\u00a0,{KEY},{PROJECT}\nok,{KEY},\n")
    assert problems == [f"m.csv:2: secret_name: {reason}"]
    assert rows[0] == InvalidRow(
        row=1,
        secret_name="a\u00a0",
        kms_key_id=KEY,
        region="",
        project_id=PROJECT,
        column="secret_name",
        reason=reason,
    )
    assert isinstance(rows[1], PlannedRow)


def test_the_expected_key_is_judged_like_the_new_one() -> None:
    """An empty one expects nothing; the new key itself may be expected."""
    rows, problems = read(
        f"secret_name,kms_key_id,expected_kms_key_id\na,{KEY},\nb,{KEY},{KEY}\nc,{KEY},{OTHER_KEY[:-1]}\n"
    )
    assert [type(row) for row in rows] == [PlannedRow, PlannedRow, InvalidRow]
    assert problems == [
        f"m.csv:4: expected_kms_key_id: '{OTHER_KEY[:-1]}' is not a UUID or 32 hexadecimal digits (--key-pattern)"
    ]


def test_every_fault_of_a_row_is_told_and_the_first_is_the_rows() -> None:
    """In the order of the columns as they are documented."""
    [row], problems = read(
        f"secret_name,kms_key_id,project_id,region,description,expected_kms_key_id\na/b,x1,{PROJECT}0,mars,\t\t,y1\n"
    )
    assert [problem.split(": ")[1] for problem in problems] == [
        "secret_name",
        "kms_key_id",
        "project_id",
        "region",
        "description",
        "expected_kms_key_id",
    ]
    assert isinstance(row, InvalidRow)
    assert (row.column, row.region, row.project_id) == ("secret_name", "mars", f"{PROJECT}0")


def test_what_no_row_can_have_is_told_once() -> None:
    """Not once for each of a million rows; other faults of the rows are reported all the same."""
    rows, problems = read(f"secret_name,kms_key_id\na,{KEY}\nb/c,{KEY}\n", JobSpec())
    assert [type(row) for row in rows] == [InvalidRow, InvalidRow]
    assert problems == [
        "m.csv: project_id: no row names a project; add the column or say --project-id",
        "m.csv: region: no row names a region; add the column or say --region or --endpoint",
        "m.csv:3: secret_name: 'b/c' is not a secret name: letters, digits, '.', '_' and '-' only",
    ]


def test_a_cell_without_a_default_is_that_rows_fault() -> None:
    """Where other rows have one."""
    _, problems = read(f"secret_name,kms_key_id,project_id,region\na,{KEY},,\nb,{KEY},{PROJECT},cn-east-3\n", JobSpec())
    assert problems == [
        "m.csv:2: project_id: is missing; fill the column or say --project-id",
        "m.csv:2: region: is missing; fill the column or say --region",
    ]


def test_problems_of_structure_and_of_rows_come_in_order() -> None:
    """As they are met reading down the file; only the former make it unusable."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.csv"
        path.write_bytes(f"secret_name,kms_key_id\na,{KEY},\nb,x1\n\nc\nd,\n\xff".encode("latin-1"))
        rows, problems = read_file(path)
    assert [(problem.line, problem.row, problem.structural) for problem in problems] == [
        (2, 1, True),
        (3, 2, False),
        (4, 3, True),
        (5, 4, True),
        (6, 5, False),
        (7, None, True),
    ]
    assert [row.row for row in rows] == [2, 5]


def test_parquet_rows_are_told_by_number_and_can_clear_a_description(tmp_path: Path) -> None:
    """There are no lines; an empty description is one, an empty cell of another optional column is none."""
    columns = {
        "secret_name": ["a", None, "c"],
        "kms_key_id": [KEY, KEY, None],
        "description": ["", None, "a\nb"],
        "region": ["", None, "cn-east-3"],
        "project_id": ["", None, None],
        "expected_kms_key_id": ["", None, None],
    }
    pq.write_table(pa.table(columns), tmp_path / "manifest.parquet")
    rows, problems = read_file(tmp_path / "manifest.parquet")
    assert isinstance(rows[0], PlannedRow)
    assert rows[0].update == SecretUpdate(secret_name="a", kms_key_id=KEY, description="")
    assert rows[0].scope.region == "cn-north-4"
    assert [str(problem) for problem in problems] == [
        "m.parquet: row 2: secret_name: is null",
        "m.parquet: row 3: kms_key_id: is null",
        "m.parquet: row 3: description: 'a\\nb' holds U+000A control character at character 2; remove it",
    ]


def test_no_rows_are_no_problem() -> None:
    """A run of zero rows is a run."""
    assert read("secret_name,kms_key_id\n") == ([], [])


def test_reports_of_an_earlier_run_are_a_manifest() -> None:
    """The columns a rejected file adds are carried like any other."""
    rows, problems = read(
        f'secret_name,kms_key_id,status,error_code,error_message\na,{KEY},rejected,CSMS.0401,"no, not there"\n'
    )
    assert problems == []
    assert isinstance(rows[0], PlannedRow)


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\0\r\n"'), max_size=8)


@settings(max_examples=150, deadline=None)
@given(table=st.lists(st.tuples(*[CELL | st.sampled_from([KEY, PROJECT, "cn-east-3", "a"])] * 6), max_size=5))
def test_every_row_is_planned_with_its_own_texts_or_invalid_with_a_reason(table: list[tuple[str, ...]]) -> None:
    """No row is lost, none is changed, and what is planned obeys the rules."""
    text = "secret_name\tkms_key_id\tproject_id\tregion\tdescription\texpected_kms_key_id\n" + "".join(
        "\t".join(cell.replace("\t", " ") for cell in row) + "\n" for row in table
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.tsv"
        path.write_text(text, newline="", encoding="utf-8")
        rows, problems = read_file(path)
    assert [row.row for row in rows] == list(range(1, len(table) + 1))
    assert {problem.row for problem in problems} == {row.row for row in rows if isinstance(row, InvalidRow)}
    for row, cells in zip(rows, table, strict=True):
        if isinstance(row, PlannedRow):
            name, key, project, _, description, _ = (cell.replace("\t", " ") for cell in cells)
            assert (row.update.secret_name, row.update.kms_key_id) == (name, key)
            assert (row.update.description or "", row.scope.project_id) == (description, project or PROJECT)
            assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name)
            assert key in {KEY, PROJECT}
    assert all(str(problem).isprintable() for problem in problems)
