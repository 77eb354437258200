"""The two streams a command speaks to: results on stdout, everything else on stderr, nothing unprintable on either."""

import contextlib
import sys
from pathlib import Path
from typing import TextIO

from reports import Summary, show_end
from reports.printable import printable


def say(line: str) -> None:
    """One line for a person, on stderr."""
    _write(sys.stderr, f"csms-rekey: {line}")


def tell(line: str) -> None:
    """One line of the result, on stdout."""
    _write(sys.stdout, line)


def show(folder: Path, summary: Summary, *, plain: bool) -> None:
    """The end of a run, on stdout."""
    from rich.console import Console  # noqa: PLC0415 - most commands show no table

    with contextlib.suppress(BrokenPipeError):
        show_end(summary, folder, Console(highlight=False), plain=plain)


def _write(stream: TextIO, line: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        stream.write(printable(line, stream.encoding or "ascii") + "\n")
        stream.flush()
