"""`outcomes.csv`: one line for every manifest row, in manifest order, whatever became of it."""

from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path

import msgspec

from jobs.ledger import RowKind, ToldBlock
from jobs.printable import MESSAGE_CHARS, all_plain, cell, name_cell, plain_name
from jobs.run_dir import names
from jobs.run_dir.report_files import ReportFiles
from reports.error import ReportError, blaming
from reports.moment import utc_texts
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
_MOST_KEPT = 10_000


class OutcomesLayout(msgspec.Struct, frozen=True, kw_only=True):
    """What the file is like: whether the manifest has `lines` to point to, there is a column for `accounts` at the end,
    and some rows of the manifest are not among these, so that there are `gaps`.
    """

    lines: bool
    accounts: bool = False
    gaps: bool = False


def write_outcomes(files: ReportFiles, blocks: Iterable[ToldBlock], layout: OutcomesLayout, tally: Tally) -> FileFacts:
    """Writes the file and counts every row into `tally`.

    Raises:
        ReportError: it cannot be written, or the rows do not count 1, 2, 3, ..., or with gaps do not ascend.
    """
    path, shared = files.folder / names.OUTCOMES, _Shared(layout)
    with blaming(path), files.place(names.OUTCOMES) as out:
        out.write(f"{','.join((*HEADER, ACCOUNT) if layout.accounts else HEADER)}\n".encode())
        due = 1
        for block in blocks:
            due = _next_due(path, block.numbers, due, layout)
            tally.add(block)
            out.write("".join(_lines(block, shared, layout)).encode())
    return FileFacts(name=files.name_of(names.OUTCOMES), sha256=out.sha256, bytes=out.size, rows=tally.rows)


def _next_due(path: Path, numbers: Sequence[int], due: int, layout: OutcomesLayout) -> int:
    """Which row is due after some of which the first is `due`."""
    if numbers == tuple(range(due, due + len(numbers))):
        return due + len(numbers)
    for number in numbers:
        if number < due or (number > due and not layout.gaps):
            raise ReportError(path, f"the ledger has row {number} where row {due} is due")
        due = number + 1
    return due


def _lines(block: ToldBlock, shared: "_Shared", layout: OutcomesLayout) -> list[str]:
    # One format string and its own quoting take half the time of csv.writer: there is no line break to quote.
    # Columns, and parts of a line that many rows share, take half of what is left.
    return [
        f"{number},{line},{name}{head}{message}{middle}{request_id},{start},{end},{took_ms}{tail}"
        for number, line, name, message, request_id, start, end, took_ms, (head, middle, tail) in zip(
            block.numbers,
            [number + 1 for number in block.numbers] if layout.lines else repeat(""),
            _names(block.names),
            ["" if message is None else _MESSAGES[message] for message in block.messages],
            _names(block.request_ids),
            utc_texts(block.started_at),
            utc_texts(block.finished_at),
            _tenths(block.elapsed_ms),
            map(shared.__getitem__, block.kinds),
            strict=False,
        )
    ]


class _Shared(dict[RowKind, tuple[str, str, str]]):
    """What the lines of a kind have in common: between name and message, message and request id, and at the end."""

    def __init__(self, layout: OutcomesLayout) -> None:
        super().__init__()
        self._layout = layout

    def __missing__(self, kind: RowKind) -> tuple[str, str, str]:
        if len(self) >= _MOST_KEPT:
            self.clear()
        end, place = kind.end, (kind.region, kind.project_id, kind.kms_key_id)
        http_status = "" if end.http_status is None else end.http_status
        head = f",{','.join(map(_name, place))},{end.status},{http_status},{_name(end.error_code)},"
        account = f",{_name(kind.account)}" if self._layout.accounts else ""
        parts = self[kind] = (head, f",{end.attempts},", f",{_name(kind.before_kms_key_id)}{account}\n")
        return parts


def _tenths(figures: Sequence[float | None]) -> list[str]:
    """Each to one digit; by one format where all are known, which takes half the time."""
    try:
        return ("%.1f\n" * len(figures) % tuple(figures)).split("\n")
    except TypeError:
        return ["" if figure is None else f"{figure:.1f}" for figure in figures]


def _names(texts: Sequence[str | None]) -> list[str]:
    """Each in its written form, all at once where nothing can be wrong with any of them."""
    found = [text or "" for text in texts]
    return found if all_plain(found) else [text if plain_name(text) else _name(text) for text in found]


def _name(text: str | None) -> str:
    return _quoted(name_cell(text)) if text else ""


def _message(text: str) -> str:
    return _quoted(cell(text))


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""')) if "," in text or '"' in text else text


class _Messages(dict[str, str]):
    """Messages as they are written. They come over and over; long ones are never kept, and of others not many, so that
    memory stays bounded.
    """

    def __missing__(self, text: str) -> str:
        written = _message(text)
        if len(text) <= MESSAGE_CHARS:
            if len(self) >= _MOST_KEPT:
                self.clear()
            self[text] = written
        return written


_MESSAGES = _Messages()
