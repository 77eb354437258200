"""`outcomes.csv`: one line for every manifest row, in manifest order, whatever became of it."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

import msgspec

from jobs.ledger import ToldRow
from jobs.printable import MESSAGE_CHARS, cell, name_cell
from jobs.run_dir import names
from jobs.run_dir.report_files import ReportFiles
from reports.error import ReportError, blaming
from reports.moment import utc_text
from reports.summary.schema import FileFacts
from reports.summary.tally import Tally

HEADER = (
    "row",
    "line",
    "secret_name",
    "region",
    "project_id",
    "kms_key_id",
    "status",
    "http_status",
    "error_code",
    "error_message",
    "attempts",
    "request_id",
    "started_at",
    "finished_at",
    "elapsed_ms",
    "before_kms_key_id",
)
ACCOUNT = "account"
_BLOCK_ROWS = 2_000


class OutcomesLayout(msgspec.Struct, frozen=True, kw_only=True):
    """What the file is like: whether the manifest has `lines` to point to, there is a column for `accounts` at the end,
    and some rows of the manifest are not among these, so that there are `gaps`.
    """

    lines: bool
    accounts: bool = False
    gaps: bool = False


def write_outcomes(files: ReportFiles, rows: Iterable[ToldRow], layout: OutcomesLayout, tally: Tally) -> FileFacts:
    """Writes the file and counts every row into `tally`.

    Raises:
        ReportError: it cannot be written, or the rows do not count 1, 2, 3, ..., or with gaps do not ascend.
    """
    path = files.folder / names.OUTCOMES
    lines = _lines(path, rows, layout, tally)
    with blaming(path), files.place(names.OUTCOMES) as out:
        out.write(f"{','.join((*HEADER, ACCOUNT) if layout.accounts else HEADER)}\n".encode())
        while block := "".join(islice(lines, _BLOCK_ROWS)):
            out.write(block.encode())
    return FileFacts(name=files.name_of(names.OUTCOMES), sha256=out.sha256, bytes=out.size, rows=tally.rows)


def _lines(path: Path, rows: Iterable[ToldRow], layout: OutcomesLayout, tally: Tally) -> Iterator[str]:
    due = 1
    for row in rows:
        number = row.outcome.row
        if number < due or (number > due and not layout.gaps):
            raise ReportError(path, f"the ledger has row {number} where row {due} is due")
        due = number + 1
        tally.add(row)
        line = _line(row, str(due) if layout.lines else "")
        yield f"{line},{_common_name(row.account)}\n" if layout.accounts else f"{line}\n"


def _line(row: ToldRow, line: str) -> str:
    # One format string and a quoting of its own take half the time of csv.writer: there is no line break to quote.
    o = row.outcome
    return (
        f"{o.row},{line},{_name(row.secret_name)},{_common_name(row.region)},{_common_name(row.project_id)},"
        f"{_common_name(row.kms_key_id)},{o.status},{'' if o.http_status is None else o.http_status},"
        f"{_common_name(o.error_code)},{_message(o.error_message)},{o.attempts},"
        f"{_name(o.request_id)},{utc_text(o.started_at)},{utc_text(o.finished_at)},"
        f"{'' if o.elapsed_ms is None else f'{o.elapsed_ms:.1f}'},{_common_name(row.before_kms_key_id)}"
    )


def _name(text: str | None) -> str:
    return _quoted(name_cell(text)) if text else ""


def _common_name(text: str | None) -> str:
    return _kept_name(text) if text and len(text) <= MESSAGE_CHARS else _name(text)


def _message(text: str | None) -> str:
    if not text:
        return ""
    return _kept_cell(text) if len(text) <= MESSAGE_CHARS else _cell(text)


def _cell(text: str) -> str:
    return _quoted(cell(text))


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""')) if "," in text or '"' in text else text


# Regions, keys and what the service says come over and over; long texts are never kept, so memory stays bounded.
_kept_name = lru_cache(maxsize=4096)(_name)
_kept_cell = lru_cache(maxsize=1024)(_cell)
