"""Which rows of a run go back and why the others do not, as a table; and what is written of them."""

import csv
from pathlib import Path

import pytest

from jobs.ledger import ToldRow
from jobs.model import Outcome, Status
from jobs.rules import KEY_PATTERN, key_check
from reports import ReportError
from reports.way_back import Back, Left, WayBack, left_out_of, way_back, write_way_back

OLD, NEW = "0ed90475-9531-485d-9d9d-c9f81818e811", "4a23d596-2217-4ead-9bc4-96cb8e81973e"
CHECK = key_check(KEY_PATTERN)


def told(status: Status, before: str | None = OLD, *, row: int = 1, left_out: bool = False) -> ToldRow:
    return ToldRow(
        secret_name=f"name-{row}",
        kms_key_id=NEW,
        region="r",
        project_id="p",
        outcome=Outcome(row=row, status=status, attempts=1),
        left_out=left_out,
        before_kms_key_id=before,
    )


BACK = Back(secret_name="name-1", kms_key_id=OLD, expected_kms_key_id=NEW, project_id="p", region="r")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (told(Status.UPDATED), BACK),
        (told(Status.VERIFIED), BACK),
        (told(Status.UNKNOWN), BACK),
        (told(Status.UPDATED, None), Left(reason="its key before is not known", stuck=True)),
        (told(Status.UNKNOWN, None), Left(reason="its key before is not known", stuck=True)),
        (told(Status.UPDATED, "=1+1"), Left(reason="its key before is not one that a manifest can name", stuck=True)),
        (told(Status.VERIFIED, NEW.upper()), Left(reason="it was on this key before")),
        (told(Status.UPDATED, left_out=True), Left(reason="not selected for the run")),
        *(
            (told(status), Left(reason=f"not changed by the run: {status}"))
            for status in Status
            if status not in {Status.UPDATED, Status.VERIFIED, Status.UNKNOWN}
        ),
    ],
)
def test_a_row_goes_back_where_it_was_changed_and_its_key_before_is_known(row: ToldRow, expected: Back | Left) -> None:
    assert way_back(row, CHECK) == expected


def test_every_row_is_in_one_of_the_two_files(tmp_path: Path) -> None:
    rows = [told(Status.UPDATED), told(Status.REJECTED, row=2), told(Status.UPDATED, None, row=3)]
    out = tmp_path / "back.csv"
    found = write_way_back(out, rows, CHECK)
    assert found == WayBack(
        back=1, stuck={"its key before is not known": 1}, others={"not changed by the run: rejected": 1}
    )
    with out.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["secret_name", "kms_key_id", "expected_kms_key_id", "project_id", "region"],
            ["name-1", OLD, NEW, "p", "r"],
        ]
    with left_out_of(out).open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["row", "secret_name", "reason"],
            ["2", "name-2", "not changed by the run: rejected"],
            ["3", "name-3", "its key before is not known"],
        ]
    assert out.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.csv", "back.csv.left-out.csv"]


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "back.csv"
    out.write_text("mine")
    with pytest.raises(ReportError, match="exists already"):
        write_way_back(out, [told(Status.UPDATED)], CHECK)
    assert out.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [out]
