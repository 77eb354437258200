"""Draws a run in progress: a value in, lines out, for a caller with a terminal."""

from collections.abc import Iterable, Iterator
from itertools import islice
from textwrap import wrap

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.text import Text

from jobs.model import Group as RowGroup
from jobs.printable import counted, printable, shortened
from jobs.run_view import RunView, ScopeState, ScopeView
from reports.screen.run_words import count_words, fault_words, pace_words, percent, scope_words, state_counts, wave_line
from reports.summary.open_rows import place_name

MOST_SCOPES = 6
MOST_FAULTS = 3
_GAP = "   "
_NARROWEST = 20
_INDENT = "  "
_STICKY = "\N{NO-BREAK SPACE}"
_STYLE = {
    ScopeState.STOPPED: "red",
    ScopeState.PAUSED: "yellow",
    ScopeState.OUTAGE: "red",
    ScopeState.THROTTLED: "yellow",
    ScopeState.SLOWED: "yellow",
    ScopeState.SETTLING: "yellow",
    ScopeState.RUNNING: "green",
    ScopeState.WAITING: "dim",
    ScopeState.ENDED: "dim",
}
_ORDER = dict.fromkeys(ScopeState, 3) | {
    ScopeState.STOPPED: 0,
    ScopeState.OUTAGE: 1,
    ScopeState.THROTTLED: 2,
    ScopeState.WAITING: 4,
    ScopeState.ENDED: 5,
}
"""What comes and goes within a second does not move a project up and down."""
_LINES_EACH = 2


class ProgressScreen:
    """A rich renderable of one moment; it fits any width, and any terminal by what that can show."""

    def __init__(self, view: RunView) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Group(*self._lines(console.encoding, options.max_width))

    def _lines(self, encoding: str, width: int) -> Iterator[RenderableType]:
        view = self._view
        yield from _bar(view, width)
        yield from _packed([*count_words(view)] or ["no rows finished yet"], width, _tone(view))
        yield from _packed([*pace_words(view)], width, "")
        if view.wave is not None:
            yield from _wrapped(wave_line(view.wave), encoding, width, "bold")
        if view.stopping is not None:
            yield _line(f"Stopping: {view.stopping}", encoding, width, "bold yellow")
        for scope in shown_scopes(view.scopes):
            words = f"{place_name(scope.region, scope.project_id)}  {scope_words(scope)}"
            yield from _wrapped(words, encoding, width, _STYLE[scope.state])
        if len(view.scopes) > MOST_SCOPES:
            yield _line(rest_words(view.scopes), encoding, width, "dim")
        for fault in islice(view.faults, MOST_FAULTS):
            yield _line(shortened(fault_words(fault), 500), encoding, width, "dim")


def shown_scopes(scopes: Iterable[ScopeView]) -> list[ScopeView]:
    """The few projects worth a line, those in trouble first and then those with most to do."""
    return sorted(scopes, key=_place)[:MOST_SCOPES]


def rest_words(scopes: tuple[ScopeView, ...]) -> str:
    """What the projects without a line on the screen do."""
    rest = sorted(scopes, key=_place)[MOST_SCOPES:]
    return f"and {counted(len(rest), 'more project')}: {', '.join(state_counts(rest))}"


def _place(scope: ScopeView) -> tuple[int, int]:
    return _ORDER[scope.state], -scope.open_rows


def _bar(view: RunView, width: int) -> Iterator[RenderableType]:
    words = f"{view.ended:,} of {counted(view.total, 'row')}  {percent(view)}"
    room = width - len(words) - 2
    if room < 10:  # noqa: PLR2004 - a shorter bar shows nothing
        yield Text(words[:width])
        return
    bar = ProgressBar(
        total=max(1, view.total), completed=view.ended if view.total else 1, width=room, complete_style=_tone(view)
    )
    row = Text(f"  {words}")
    yield _Beside(bar, room, row)


class _Beside:
    """A bar and words on one line."""

    def __init__(self, bar: ProgressBar, room: int, words: Text) -> None:
        self._bar = bar
        self._room = room
        self._words = words

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        drawn = Text()
        for segment in console.render(self._bar, options.update_width(self._room)):
            drawn.append(segment.text.rstrip("\n"), segment.style)
        drawn.truncate(self._room, pad=True)
        drawn.append_text(self._words)
        yield drawn


def _packed(parts: list[str], width: int, style: str) -> Iterator[Text]:
    """Puts as many parts on a line as fit."""
    line = ""
    for part in parts:
        if line and len(line) + len(_GAP) + len(part) > width:
            yield Text(line, style, no_wrap=True)
            line = ""
        line = f"{line}{_GAP if line else ''}{part}"[:width]
    yield Text(line, style, no_wrap=True)


def _wrapped(words: str, encoding: str, width: int, style: str) -> Iterator[Text]:
    """Two lines where one does not hold all of it; a line ends where a thought does, if it can."""
    text = printable(words, encoding)
    thoughts = text.split("; ")
    if max(map(len, thoughts)) + len(_INDENT) < width:
        text = "; ".join(thought.replace(" ", _STICKY) for thought in thoughts)
    room = max(width, _NARROWEST)
    for line in wrap(text, room, subsequent_indent=_INDENT, max_lines=_LINES_EACH, placeholder="..."):
        yield _line(line.replace(_STICKY, " "), encoding, width, style)


def _line(words: str, encoding: str, width: int, style: str) -> Text:
    shown = printable(words, encoding)
    text = Text(shown, style, no_wrap=True, overflow="crop")
    # Wide characters count twice.
    text.truncate(width, overflow="crop")
    return text


def _tone(view: RunView) -> str:
    if view.of_group(RowGroup.RUN_AGAIN):
        return "yellow"
    return "red" if view.of_group(RowGroup.FIX_FIRST) else "green"
