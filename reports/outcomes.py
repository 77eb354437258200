"""`outcomes.csv`: one line for every manifest row, in manifest order, whatever became of it."""

from collections.abc import Callable, Iterable
from itertools import islice, repeat
from pathlib import Path

import msgspec

from jobs.ledger import ToldRow
from jobs.printable import MESSAGE_CHARS, cell, name_cell, plain_name
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
_BLOCK_ROWS = 500
_MOST_KEPT = 4_096


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
    coming = iter(rows)
    with blaming(path), files.place(names.OUTCOMES) as out:
        out.write(f"{','.join((*HEADER, ACCOUNT) if layout.accounts else HEADER)}\n".encode())
        due = 1
        while block := list(islice(coming, _BLOCK_ROWS)):
            due = _counted(path, block, due, layout, tally)
            out.write("".join(_lines(block, layout)).encode())
    return FileFacts(name=files.name_of(names.OUTCOMES), sha256=out.sha256, bytes=out.size, rows=tally.rows)


def _counted(path: Path, block: list[ToldRow], due: int, layout: OutcomesLayout, tally: Tally) -> int:
    """Counts rows of which the first is `due`; returns which one is due next."""
    for row in block:
        number = row.outcome.row
        if number < due or (number > due and not layout.gaps):
            raise ReportError(path, f"the ledger has row {number} where row {due} is due")
        due = number + 1
        tally.add(row)
    return due


def _lines(block: list[ToldRow], layout: OutcomesLayout) -> list[str]:
    ends = (f",{_NAMES[row.account]}\n" for row in block) if layout.accounts else repeat("\n")
    lines = (str(row.outcome.row + 1) for row in block) if layout.lines else repeat("")
    return [_line(row, line) + end for row, line, end in zip(block, lines, ends, strict=False)]


def _line(row: ToldRow, line: str) -> str:
    # One format string and a quoting of its own take half the time of csv.writer: there is no line break to quote.
    o = row.outcome
    name, request_id = row.secret_name, o.request_id
    return (
        f"{o.row},{line},{name if plain_name(name) else _name(name)},{_NAMES[row.region]},{_NAMES[row.project_id]},"
        f"{_NAMES[row.kms_key_id]},{o.status},{'' if o.http_status is None else o.http_status},"
        f"{_NAMES[o.error_code]},{_MESSAGES[o.error_message]},{o.attempts},"
        f"{request_id if request_id and plain_name(request_id) else _name(request_id)},"
        f"{utc_text(o.started_at)},{utc_text(o.finished_at)},"
        f"{'' if o.elapsed_ms is None else f'{o.elapsed_ms:.1f}'},{_NAMES[row.before_kms_key_id]}"
    )


def _name(text: str | None) -> str:
    return _quoted(name_cell(text)) if text else ""


def _message(text: str | None) -> str:
    return _quoted(cell(text)) if text else ""


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""')) if "," in text or '"' in text else text


class _Kept(dict[str | None, str]):
    """Texts as they are written. Regions, keys and what the service says come over and over; long ones are never kept,
    and of others not many, so that memory stays bounded.
    """

    def __init__(self, written: Callable[[str | None], str]) -> None:
        super().__init__()
        self._written = written

    def __missing__(self, text: str | None) -> str:
        written = self._written(text)
        if text is None or len(text) <= MESSAGE_CHARS:
            if len(self) >= _MOST_KEPT:
                self.clear()
            self[text] = written
        return written


_NAMES = _Kept(_name)
_MESSAGES = _Kept(_message)
