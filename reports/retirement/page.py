"""`retire.html`: whether the old keys may be retired, for people, with one sentence at the top."""

from jobs.retirement import Verdict
from jobs.run_dir.report_files import ReportFiles
from reports.error import blaming
from reports.moment import clock_text
from reports.page.page import rendered
from reports.retirement.document import PAGE, USES, Retirement

_MOST = 100
_TONES = {Verdict.FREE: "done", Verdict.NEEDED: "fix_first", Verdict.INCOMPLETE: "run_again"}
"""The colours of the report."""


def write_retirement_page(files: ReportFiles, document: Retirement) -> None:
    """Writes the page.

    Raises:
        ReportError: it cannot be written.
    """
    text = rendered(
        "reports.retirement",
        "retire.html",
        d=document,
        tone=_TONES[document.verdict],
        tones=_TONES,
        began_at=clock_text(document.began_at),
        ended_at=clock_text(document.ended_at),
        pointer=sum(key.uses.pointer for key in document.keys),
        versions=sum(key.uses.versions for key in document.keys),
        keys=document.keys[:_MOST],
        projects=document.projects[:_MOST],
        not_read=[one for one in document.projects if one.not_read][:_MOST],
        owners=document.owners[:_MOST],
        by_owner=document.owner_column is not None,
        uses_file=USES,
    )
    with blaming(files.folder / PAGE), files.place(PAGE) as out:
        out.write(text.encode())
