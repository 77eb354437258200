"""Draws the help of a command as plain columns: the options that most runs need, or with --help-all every one."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions, RenderableType

ALL = "--help-all"
FLAGS = ("--help", "-h", ALL)

RARE = frozenset(
    {
        "--accounts",
        "--agency-domain",
        "--allow-network-fs",
        "--before",
        "--between",
        "--burst",
        "--ca-file",
        "--concurrency",
        "--delimiter",
        "--encoding",
        "--grace",
        "--keep-versions",
        "--key-life",
        "--key-pattern",
        "--latency",
        "--lock-dir",
        "--log-level",
        "--markers",
        "--max-attempts",
        "--metadata",
        "--metrics-port",
        "--metrics-textfile",
        "--mix",
        "--new-versions",
        "--notify-format",
        "--notify-url",
        "--owner-column",
        "--page-size",
        "--plan-sha256",
        "--profile",
        "--progress",
        "--project-pattern",
        "--proxy",
        "--revoke-after",
        "--rival",
        "--shard",
        "--shard-by",
        "--soak",
        "--strict",
        "--timeout",
        "--token-uses",
        "--versions",
        "--wait",
    }
)
"""Options that few runs need: the short page leaves them out, and says so."""

_VALUES = {
    "--agency": "NAME",
    "--agency-domain": "ACCOUNT",
    "--auth": "KIND",
    "--before": "list|off",
    "--between": "COMMAND",
    "--deny": "RIGHT",
    "--dir": "DIR",
    "--encoding": "NAME",
    "--endpoint": "URL",
    "--exclude": "GLOB",
    "--fault": "KIND=SHARE",
    "--key-life": "TIME",
    "--key-pattern": "REGEX",
    "--latency": "TIME",
    "--log-level": "LEVEL",
    "--max-duration": "TIME",
    "--max-failures": "N|N%",
    "--max-outage": "TIME",
    "--grace": "TIME",
    "--mix": "KIND=SHARE",
    "--new-key": "ID",
    "--new-versions": "PACE",
    "--notify-url": "URL",
    "--old-key": "ID",
    "--only": "GLOB",
    "--owner-column": "NAME",
    "--plan-sha256": "HEX",
    "--project-id": "ID",
    "--project-pattern": "REGEX",
    "--proxy": "URL",
    "--region": "REGION",
    "--rate": "RATE",
    "--rate-limit": "RATE",
    "--rival": "RATE",
    "--shard": "I/N",
    "--soak": "TIME",
    "--timeout": "TIME",
    "--token-life": "TIME",
    "--wait": "TIME",
    "--wave-by": "COLUMN",
}
_KINDS = {"STR": "TEXT", "INT": "N", "FLOAT": "N", "CHOICE": "WORD"}
"""What stands for the value of an option: its own word, or one for its type."""

_INDENT, _COLUMN, _GAP = 2, 24, 2
_WIDEST = 100
_ONE_LINE = 50
_NO_BREAK = "\0"
_NARROWEST = 40


class HelpPage:
    """A formatter for cyclopts, which hands over one group of a page after the other; `full` leaves nothing out."""

    def __init__(self, *, full: bool = False) -> None:
        self._full = full

    def __call__(self, console: "Console", options: "ConsoleOptions", panel: "HelpPanel") -> None:
        """Prints one group."""
        shown = [one for one in panel.entries if self._full or not RARE.intersection(one.positive_names)]
        if not panel.entries or not shown:
            return
        width = _width(options)
        hidden = len(panel.entries) - len(shown)
        more = f" ({hidden} more: {ALL})" if hidden else ""
        rows = [(_label(one), _text(one, console)) for one in shown]
        lines = ["", f"{panel.title}{more}:", *_columns(rows, width)]
        console.print("\n".join(lines), markup=False, emoji=False, highlight=False, soft_wrap=True)

    def render_usage(self, console: "Console", _options: "ConsoleOptions", usage: object) -> None:
        """Prints the first line."""
        # Where it has no width at all, as in some containers, nothing is printed.
        console.width = max(_NARROWEST, console.width)
        words = f"Usage: {str(usage).strip()}"
        console.print(words, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def render_description(self, console: "Console", options: "ConsoleOptions", description: "RenderableType") -> None:
        """Prints what the command is for."""
        width = _width(options)
        text = textwrap.fill(_plain(description, console), width, break_on_hyphens=False)
        console.print(f"\n{text}", markup=False, emoji=False, highlight=False, soft_wrap=True)


def _width(options: "ConsoleOptions") -> int:
    """A terminal without a size, or one too narrow for two columns, breaks the lines itself."""
    return max(_NARROWEST, min(options.max_width, _WIDEST))


def _label(entry: "HelpEntry") -> str:
    if entry.positional_label is not None:
        return entry.positional_label
    name, *others = (*entry.positive_names, *entry.positive_shorts)
    if entry.negative_names:
        name = name.replace("--", "--[no-]", 1)
    words = ", ".join((name, *others))
    if entry.metavar is None:
        return words
    return f"{words} {_VALUES.get(entry.positive_names[0], _KINDS.get(entry.metavar, entry.metavar))}"


def _text(entry: "HelpEntry", console: "Console") -> str:
    parts = [_plain(entry.description, console)]
    if entry.choices:
        parts.append(f"One of {', '.join(entry.choices)}.")
    if entry.default not in {None, "False", "()"}:
        parts.append(f"[default: {entry.default}]")
    if entry.required and entry.positional_label is None:
        parts.append("[required]")
    # What stands in brackets stays on one line, where there is room; a long one would be cut within a word.
    whole = (part.rpartition("[") for part in parts)
    return " ".join(
        "".join((first, bracket, last.replace(" ", _NO_BREAK) if bracket and len(last) < _ONE_LINE else last))
        for first, bracket, last in whole
        if last
    )


def _plain(text: "RenderableType", console: "Console") -> str:
    """The words of something that rich can draw, without breaks."""
    wide = console.options.update(width=10_000)
    return " ".join("".join(one.text for one in console.render(text, wide)).split()) if text else ""


def _columns(rows: Sequence[tuple[str, str]], width: int) -> Iterable[str]:
    """Two columns; a label that is too long for its own has its text on the next line."""
    column = min(_COLUMN, _INDENT + max(len(label) for label, _ in rows) + _GAP)
    for label, text in rows:
        lines = [
            one.replace(_NO_BREAK, " ") for one in textwrap.wrap(text, width - column, break_on_hyphens=False)
        ] or [""]
        first = f"{'':{_INDENT}}{label}"
        if len(first) + _GAP > column:
            yield first
        else:
            lines[0] = f"{first:<{column}}{lines[0]}"
            yield lines.pop(0).rstrip()
        yield from (f"{'':{column}}{line}" for line in lines)
