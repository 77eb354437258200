"""Writes the rows of a plan: `manifest.csv`, which a run takes, and `preview.csv`, with a reason for each row."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import repeat

from jobs.plan.document import PREVIEW, ROWS
from jobs.printable import cell, name_cell
from jobs.run_dir.durable import HashingFile
from jobs.run_dir.report_files import ReportFiles
from reports.campaign.account_column import AccountColumn
from reports.error import blaming
from reports.plan.lines import PlanLine
from reports.plan.tally import PlanTally
from reports.summary.schema import FileFacts

PREVIEW_HEADER = (
    "row", "secret_name", "project_id", "region", "current_kms_key_id", "kms_key_id", "action", "reason",
)  # fmt: skip
OWN = ("secret_name", "kms_key_id", "expected_kms_key_id", "project_id", "region", "description")


class CsvFile:
    """Lines of CSV that go into a file."""

    def __init__(self, out: HashingFile, header: Sequence[str]) -> None:
        self._out = out
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, lineterminator="\n")
        self.rows = -1
        self.write(header)

    def write(self, cells: Iterable[object]) -> None:
        """One line."""
        self._writer.writerow(cells)
        self._out.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()
        self.rows += 1


def write_rows(
    files: ReportFiles,
    lines: Iterable[PlanLine],
    tally: PlanTally,
    accounts: AccountColumn,
    *,
    names: tuple[str, ...],
    cells: Iterator[tuple[str, ...]] | None,
) -> tuple[FileFacts, FileFacts]:
    """Writes both and counts every line into `tally`; `names` are the columns that the source has besides, and `cells`
    go in step with its rows.

    Raises:
        ReportError: one cannot be written.
    """
    with ExitStack() as stack:
        stack.enter_context(blaming(files.folder))
        rows_out = stack.enter_context(files.place(ROWS))
        preview_out = stack.enter_context(files.place(PREVIEW))
        rows, preview = CsvFile(rows_out, (*OWN, *names)), CsvFile(preview_out, accounts.header(PREVIEW_HEADER))
        for line, carried in zip(lines, repeat(()) if cells is None else cells, strict=False):
            tally.add(line)
            preview.write(accounts.line(_preview(line), name_cell(line.project_id)))
            if line.runs:
                rows.write((*_row(line), *carried))
    return (
        FileFacts(name=files.name_of(ROWS), sha256=rows_out.sha256, bytes=rows_out.size, rows=rows.rows),
        FileFacts(name=files.name_of(PREVIEW), sha256=preview_out.sha256, bytes=preview_out.size, rows=preview.rows),
    )


def _row(line: PlanLine) -> tuple[str, ...]:
    """As a manifest has it: its own words, and the key that was seen."""
    update = line.update
    return (
        update.secret_name,
        update.kms_key_id,
        line.current_kms_key_id,
        line.project_id,
        line.region,
        update.description or "",
    )


def _preview(line: PlanLine) -> tuple[object, ...]:
    return (
        "" if line.row is None else line.row,
        name_cell(line.update.secret_name),
        name_cell(line.project_id),
        name_cell(line.region),
        name_cell(line.current_kms_key_id),
        name_cell(line.update.kms_key_id),
        "" if line.decision is None else line.decision.action,
        "not selected" if line.decision is None else cell(line.decision.reason),
    )
