"""`man`: the manual page, made from the help of every command."""

import io
from collections.abc import Iterator

from rich.console import Console

from batch.cli.app import app, commands
from batch.cli.help_page import HelpPage
from batch.cli.screen import tell_written
from batch.process.version import version

_WIDTH = 76


def man() -> None:
    """Prints it on stdout, as roff."""
    tell_written(_page())


def _page() -> Iterator[str]:
    yield f'.TH CSMS-REKEY 1 "" "csms-rekey {version()}"'
    yield ".SH NAME"
    yield rf"csms-rekey \- {_roff(str(app.help))}"
    yield ".SH SYNOPSIS"
    yield from _shown(())
    yield ".SH COMMANDS"
    for command in commands():
        yield f".SS {command}"
        yield from _shown(tuple(command.split()))


def _shown(words: tuple[str, ...]) -> Iterator[str]:
    """The help of a command, its lines kept."""
    app.help_formatter = HelpPage(full=True)
    console = Console(file=io.StringIO(), width=_WIDTH, no_color=True)
    with console.capture() as page:
        app.help_print(list(words), console=console)
    yield ".nf"
    yield from map(_roff, page.get().rstrip("\n").split("\n"))
    yield ".fi"


def _roff(line: str) -> str:
    r"""One line as roff takes it: `\&` keeps a dot or a quote at its start from being a request."""
    text = line.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text
