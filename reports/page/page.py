"""`report.html`: the run for people, one file that asks for nothing else and runs no script but its own."""

import base64
import functools
import hashlib
from importlib import resources
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from jobs.printable import counted
from jobs.run_dir import names
from jobs.run_dir.report_files import ReportFiles
from reports.error import blaming
from reports.moment import clock_text
from reports.page.facts import duration, page_of
from reports.screen.request_words import part_words
from reports.summary.open_rows import ListedRow
from reports.summary.schema import FileFacts, Summary

_TEMPLATE = "report.html"


def prepare() -> None:
    """Does all that is the same for every page."""
    compiled(asset(_TEMPLATE))


def write_page(files: ReportFiles, summary: Summary, open_rows: tuple[ListedRow, ...]) -> FileFacts:
    """Writes the page of a summary that lists every file but this one and itself.

    Raises:
        ReportError: it cannot be written.
    """
    text = render_page(summary, open_rows, files.folder)
    with blaming(files.folder / names.PAGE), files.place(names.PAGE) as out:
        out.write(text.encode())
    return FileFacts(name=files.name_of(names.PAGE), sha256=out.sha256, bytes=out.size, rows=summary.manifest.rows)


def render_page(summary: Summary, open_rows: tuple[ListedRow, ...], folder: Path) -> str:
    """The page as text."""
    page = page_of(summary, open_rows, folder)
    return rendered(asset(_TEMPLATE), style=asset("report.css"), script=asset("report.js"), page=page, s=summary)


def rendered(template: str, *, style: str, script: str, **values: object) -> str:
    """A template with its values. Everything is escaped but the style sheet, the script and the drawings, which are
    ours.
    """
    return compiled(template).render(
        policy=_policy(style, script),
        style=Markup(style),  # noqa: S704 # nosec B704 - a file of this package
        script=Markup(script),  # noqa: S704 # nosec B704 - a file of this package
        **values,
    )


@functools.cache
def compiled(template: str) -> Template:
    """To compile one takes several times as long as to fill it in."""
    environment = Environment(
        loader=FunctionLoader(asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=False,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "figure": _figure,
        "duration": duration,
        "clock": clock_text,
        "part": part_words,
        "counted": counted,
    }
    return environment.from_string(template)


def _figure(value: str | float | None) -> str:
    """A count with commas, a measurement with tenths too; a name stays, and nothing stays nothing."""
    match value:
        case float():
            return f"{value:,.1f}"
        case int():
            return f"{value:,}"
        case _:
            return value or ""


def asset(name: str) -> str:
    """A file of this package: a template, the style sheet or the script."""
    return resources.files("reports.page").joinpath("template", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Nothing may be loaded, sent or run; the one style sheet and the one script are allowed by their hashes."""
    scripts = _source(script) if script else "'none'"
    return (
        f"default-src 'none'; style-src {_source(style)}; script-src {scripts};"
        " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
