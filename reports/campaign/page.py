"""The page of a command that looks: one file in the style of the report, which asks for nothing and runs no script."""

import msgspec

from jobs.run_dir.report_files import ReportFiles
from reports.error import blaming
from reports.page.page import asset, rendered
from reports.summary.schema import FileFacts


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """A count of the first screen; `kind` is its class in the style sheet: all, done, fix_first, run_again or none."""

    kind: str
    name: str
    rows: int
    detail: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table with its `title` and a note on it. A number in a cell is set to the right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | None, ...], ...]
    note: str = ""


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do, and the command for it, if there is one."""

    why: str
    command: str = ""


class CampaignPage(msgspec.Struct, frozen=True, kw_only=True):
    """All that a page shows, in its order. `what` is the kind of page, `tone` done, fix_first or run_again, `verdict`
    one sentence with its `cause`, and each of the `facts` a name and a value. Texts are printable but may be hostile:
    all are escaped.
    """

    what: str
    name: str
    tone: str
    verdict: str
    when: str
    version: str
    cause: str | None = None
    tiles: tuple[Tile, ...] = ()
    notice: tuple[str, str] | None = None
    advice: tuple[Advice, ...] = ()
    tables: tuple[Table, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


def write_campaign_page(files: ReportFiles, name: str, page: CampaignPage, *, also: tuple[FileFacts, ...]) -> FileFacts:
    """Writes it, with the files beside it.

    Raises:
        ReportError: it cannot be written.
    """
    text = render_campaign(page, also)
    with blaming(files.folder / name), files.place(name) as out:
        out.write(text.encode())
    return FileFacts(name=files.name_of(name), sha256=out.sha256, bytes=out.size, rows=0)


def render_campaign(page: CampaignPage, also: tuple[FileFacts, ...]) -> str:
    """The page as text."""
    shown = msgspec.structs.replace(page, tables=tuple(map(_without_blanks, page.tables)))
    return rendered(asset("campaign.html"), style=asset("report.css"), script="", page=shown, files=also)


def _without_blanks(table: Table) -> Table:
    """Columns in which nothing stands only take room."""
    filled = [place for place in range(len(table.columns)) if any(row[place] not in {"", None} for row in table.rows)]
    return msgspec.structs.replace(
        table,
        columns=tuple(table.columns[place] for place in filled),
        rows=tuple(tuple(row[place] for place in filled) for row in table.rows),
    )
