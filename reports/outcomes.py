"""`outcomes.csv`: one line for every manifest row, in manifest order, whatever became of it."""

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

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
_BLOCK_ROWS = 500
_MOST_KEPT = 4_096


def write_outcomes(files: ReportFiles, rows: Iterable[ToldRow], *, with_lines: bool, tally: Tally) -> FileFacts:
    """Writes the file and counts every row into `tally`; `with_lines` says whether the manifest has lines to point to.

    Raises:
        ReportError: it cannot be written, or the rows do not count 1, 2, 3, ...
    """
    path = files.folder / names.OUTCOMES
    coming = iter(rows)
    with blaming(path), files.place(names.OUTCOMES) as out:
        out.write(f"{','.join(HEADER)}\n".encode())
        while block := list(islice(coming, _BLOCK_ROWS)):
            _count(path, block, tally)
            lines = [_line(row, str(row.outcome.row + 1) if with_lines else "") for row in block]
            out.write("".join(lines).encode())
    return FileFacts(name=files.name_of(names.OUTCOMES), sha256=out.sha256, bytes=out.size, rows=tally.rows)


def _count(path: Path, block: list[ToldRow], tally: Tally) -> None:
    for due, row in enumerate(block, tally.rows + 1):
        if row.outcome.row != due:
            raise ReportError(path, f"the ledger has row {row.outcome.row} where row {due} is due")
        tally.add(row)


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
        f"{'' if o.elapsed_ms is None else f'{o.elapsed_ms:.1f}'},{_NAMES[row.before_kms_key_id]}\n"
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
