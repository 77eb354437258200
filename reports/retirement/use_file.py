"""`key-use.csv`: one line for every pointer at an old key, and for every version that was made with it."""

from collections.abc import Iterable

from jobs.printable import cell, name_cell
from jobs.retirement import KeyUse
from jobs.run_dir.report_files import ReportFiles
from reports.error import blaming
from reports.moment import utc_text
from reports.retirement.document import USES, UseFile

HEADER = ("project_id", "secret_name", "version_id", "stages", "version_kms_key_id", "create_time", "use")
ACCOUNT = "account"
_BLOCK = 2_000


def write_uses(files: ReportFiles, uses: Iterable[KeyUse], *, accounts: bool) -> UseFile:
    """Writes the file; with `accounts` there is a column for them at the end.

    Raises:
        ReportError: it cannot be written.
    """
    rows, block = 0, []
    with blaming(files.folder / USES), files.place(USES) as out:
        block.append(",".join((*HEADER, ACCOUNT) if accounts else HEADER))
        for one in uses:
            rows += 1
            block.append(_line(one, accounts=accounts))
            if len(block) >= _BLOCK:
                out.write("".join(f"{line}\n" for line in block).encode())
                block.clear()
        out.write("".join(f"{line}\n" for line in block).encode())
    return UseFile(name=files.name_of(USES), sha256=out.sha256, rows=rows)


def _line(one: KeyUse, *, accounts: bool) -> str:
    cells = [
        name_cell(one.project.project_id),
        name_cell(one.secret_name),
        name_cell(one.version_id),
        cell(";".join(one.stages)),
        name_cell(one.kms_key_id),
        utc_text(one.created_s),
        one.use.value,
    ]
    if accounts:
        cells.append(name_cell(one.account or ""))
    return ",".join(map(_quoted, cells))


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""')) if any(mark in text for mark in ',"\r\n') else text
