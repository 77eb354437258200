"""The end of a run on a terminal: what became of the rows, why, which files there are, and what to do next."""

from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from jobs.model import Group, Status
from jobs.printable import counted, printable, shortened
from reports.moment import clock_text
from reports.screen.merged_words import merged_words
from reports.screen.plain import SHOWN_CHARS, SHOWN_CODES, SHOWN_KEYS, SHOWN_SESSIONS, SHOWN_WAVES, example, plain_lines
from reports.screen.request_words import slowed_words
from reports.screen.session_words import (
    before_words,
    end_words,
    ended_words,
    error_key_words,
    key_words,
    option_words,
    planned_words,
    who_words,
)
from reports.screen.shard_words import shard_words
from reports.screen.verdict import cause, headline, left_out_words
from reports.screen.wave_words import wave_counts, wave_name
from reports.screen.wording import file_notes, group_words, next_steps, worst_group
from reports.summary.schema import Summary

_STYLE = {Group.DONE: "green", Group.FIX_FIRST: "red", Group.RUN_AGAIN: "yellow"}


def show_end(summary: Summary, folder: Path, console: Console, *, plain: bool = False) -> None:
    """Shows the end of a run; as plain lines where asked for, and where the console is not a terminal."""
    if plain or not console.is_terminal:
        for line in plain_lines(summary, folder, console.encoding):
            console.print(Text(line), soft_wrap=True)
        return
    _Screen(console).show(summary, folder)


class _Screen:
    """Draws on one console. All text goes through `_text`: nothing is read as markup, nothing drives the terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, summary: Summary, folder: Path) -> None:
        self._console.print()
        self._console.print(self._text(headline(summary), f"bold {_STYLE[worst_group(summary)]}"))
        if (because := cause(summary)) is not None:
            self._console.print(self._text(because))
        if (slowed := slowed_words(summary)) is not None:
            self._console.print(self._text(slowed))
        self._console.print()
        self._console.print(self._counts(summary))
        if summary.errors:
            self._section("Why", self._errors(summary))
        if summary.keys:
            self._section("Keys", self._keys(summary))
        if summary.waves:
            self._section("Waves", self._waves(summary))
        if before := before_words(summary):
            self._section("Keys before", self._plain(before))
        if shards := shard_words(summary):
            self._section("Shards", self._plain(shards))
        if summary.sessions:
            self._section("Who ran it", self._sessions(summary))
        self._section(f"Files in {folder}", self._files(summary))
        for step in next_steps(summary, folder):
            self._console.print()
            self._console.print(self._text(f"Next: {step.why}", "bold"))
            # The terminal wraps it, so that it is copied as one line.
            self._console.print(self._text(f"  {step.command}", "cyan"), soft_wrap=True)
        self._console.print()
        self._console.print(self._text(summary.notice, "dim"))

    def _text(self, text: str, style: str = "") -> Text:
        return Text(printable(text, self._console.encoding), style)

    def _section(self, title: str, body: Table) -> None:
        self._console.print()
        self._console.print(self._text(title, "bold"))
        self._console.print(Padding(body, (0, 0, 0, 2)))

    def _counts(self, summary: Summary) -> Padding:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(justify="right")
        for status in Status:
            if rows := summary.by_status.of(status):
                style = _STYLE[status.group]
                words = self._text(group_words(status), style)
                grid.add_row(self._text(f"{rows:,}", style), self._text(status), words)
        for count, why in left_out_words(summary.left_out, summary.carried):
            grid.add_row(self._text(f"{count:,}"), self._text("left out"), self._text(why))
        grid.add_row(self._text(f"{summary.manifest.rows:,}", "bold"), self._text("rows", "bold"))
        return Padding(grid, (0, 0, 0, 2))

    def _errors(self, summary: Summary) -> Table:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(overflow="fold")
        for error in summary.errors[:SHOWN_CODES]:
            head = "  ".join(filter(None, (error.status, error.error_code, error_key_words(error))))
            grid.add_row(self._text(f"{error.rows:,}"), self._text(head, _STYLE[error.status.group]))
            grid.add_row("", self._text(example(error), "dim"))
        if (more := len(summary.errors) - SHOWN_CODES) > 0:
            grid.add_row("", self._text(f"and {counted(more, 'more code')}, in summary.json"))
        return grid

    def _keys(self, summary: Summary) -> Table:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(overflow="fold")
        for key in summary.keys[:SHOWN_KEYS]:
            state = self._text(f"  {key.state}" if key.state else "", "red")
            grid.add_row(self._text(f"{key.rows:,}"), self._text(key.kms_key_id).append_text(state))
            grid.add_row("", self._text(key_words(key), "dim"))
        if (more := len(summary.keys) - SHOWN_KEYS + summary.more_keys) > 0:
            grid.add_row("", self._text(f"and {counted(more, 'more key')}, in summary.json"))
        return grid

    def _waves(self, summary: Summary) -> Table:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(overflow="fold")
        grid.add_column()
        for wave in summary.waves[:SHOWN_WAVES]:
            grid.add_row(self._text(shortened(wave_name(wave), SHOWN_CHARS)), self._text(wave_counts(wave), "dim"))
        if (more := len(summary.waves) - SHOWN_WAVES) > 0:
            grid.add_row("", self._text(f"and {counted(more, 'more wave')}, in summary.json"))
        return grid

    def _plain(self, lines: tuple[str, ...]) -> Table:
        grid = Table.grid()
        grid.add_column(overflow="fold")
        for line in lines:
            grid.add_row(self._text(line, "yellow"))
        return grid

    def _sessions(self, summary: Summary) -> Table:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        if summary.plan is not None:
            grid.add_row(self._text("Plan"), self._text(planned_words(summary.plan)))
        if aspects := merged_words(summary):
            for one in aspects:
                grid.add_row(self._text(one.name), self._text(one.words))
            return grid
        if (more := len(summary.sessions) - SHOWN_SESSIONS) > 0:
            grid.add_row("", self._text(f"{counted(more, 'earlier session')} in summary.json"))
        for session in summary.sessions[-SHOWN_SESSIONS:]:
            grid.add_row(self._text(clock_text(session.started_at)), self._text(who_words(session)))
            grid.add_row("", self._text(option_words(session, summary.job), "dim"))
            grid.add_row("", self._text(f"{ended_words(session)}; {end_words(session)}", "dim"))
        return grid

    def _files(self, summary: Summary) -> Table:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column()
        for note in file_notes(summary):
            grid.add_row(self._text(note.name), self._text(note.purpose, "dim"))
        return grid
