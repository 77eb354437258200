from jobs.ledger import ToldRow
from jobs.model import Outcome, Status
from reports.summary.open_rows import MOST_BYTES, MOST_ROWS, OpenRows, place_name


def told(row: int, status: Status, message: str = "") -> ToldRow:
    """A row that ended so."""
    return ToldRow(
        secret_name=f"name-{row}",
        kms_key_id="k",
        region="eu-west-1",
        project_id="0123456789abcdef",
        outcome=Outcome(row=row, status=status, attempts=1, error_message=message),
    )


def kept(rows: list[ToldRow]) -> list[int]:
    """The numbers of the rows that are kept of these."""
    open_rows = OpenRows()
    for row in rows:
        open_rows.add(row)
    return [row.row for row in open_rows.kept()]


def test_all_are_kept_where_they_are_few() -> None:
    """In manifest order, whatever became of them."""
    statuses = [Status.NOT_ATTEMPTED, Status.FAILED, Status.NOT_ATTEMPTED, Status.REJECTED, Status.UNKNOWN]
    assert kept([told(row, status) for row, status in enumerate(statuses, 1)]) == [1, 2, 3, 4, 5]


def test_rows_with_a_reason_come_before_rows_without() -> None:
    """A run that stopped early does not hide what failed before it did."""
    waiting = [told(row, Status.NOT_ATTEMPTED) for row in range(1, MOST_ROWS + 1)]
    ended = [told(row, Status.REJECTED) for row in range(MOST_ROWS + 1, MOST_ROWS + 101)]
    found = kept([*waiting, *ended])
    assert found == [*range(1, MOST_ROWS - 99), *range(MOST_ROWS + 1, MOST_ROWS + 101)]


def test_their_number_is_bounded() -> None:
    """The first ones stay."""
    assert kept([told(row, Status.FAILED) for row in range(1, 2 * MOST_ROWS)]) == [*range(1, MOST_ROWS + 1)]


def test_their_texts_are_bounded() -> None:
    """Rows with a book each are fewer rows, none of them longer than a message may be."""
    open_rows = OpenRows()
    for row in range(1, 2501):
        open_rows.add(told(row, Status.FAILED, "x" * 5000))
    found = open_rows.kept()
    assert {len(row.message) for row in found} == {500}
    assert 1000 < len(found) < MOST_BYTES / 500


def test_a_place_is_short() -> None:
    """Region and the beginning of the project."""
    assert place_name("eu-west-1", "0123456789abcdef") == "eu-west-1 01234567"
    assert place_name(None, "0123456789abcdef") == "01234567"
    assert place_name("", "") == ""
