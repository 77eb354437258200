"""CSV files of commands that look: one line for each row, texts made safe as in `outcomes.csv`."""

from collections.abc import Iterable
from itertools import islice

from jobs.printable import name_cell
from jobs.run_dir.report_files import ReportFiles
from reports.error import blaming
from reports.summary.schema import FileFacts

_BLOCK_ROWS = 2_000


def write_table(files: ReportFiles, name: str, header: Iterable[str], lines: Iterable[Iterable[object]]) -> FileFacts:
    """Writes a file; None stands for an empty cell.

    Raises:
        ReportError: it cannot be written.
    """
    rows = 0
    coming = iter(lines)
    with blaming(files.folder / name), files.place(name) as out:
        out.write(f"{','.join(header)}\n".encode())
        while block := [line_of(one) for one in islice(coming, _BLOCK_ROWS)]:
            rows += len(block)
            out.write("".join(block).encode())
    return FileFacts(name=files.name_of(name), sha256=out.sha256, bytes=out.size, rows=rows)


def line_of(cells: Iterable[object]) -> str:
    """One line with its end."""
    return ",".join(map(_cell, cells)) + "\n"


def _cell(value: object) -> str:
    text = "" if value is None else name_cell(str(value))
    return '"{}"'.format(text.replace('"', '""')) if "," in text or '"' in text else text
