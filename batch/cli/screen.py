"""The two streams a command speaks to: results on stdout, everything else on stderr, nothing unprintable on either."""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from batch.process.standard_input import StandardInput
from batch.redaction.redactor import PROCESS_REDACTOR, StandardStream
from jobs.printable import printable, printable_json
from reports import Summary
from reports.summary.schema import summary_json

if TYPE_CHECKING:
    from rich.console import Console


# More than any answer: a terminal hands over a line at a time.
_ANSWER_BYTES = 1 << 10


def say(line: str) -> None:
    """One line for a person, on stderr; a closed terminal stops nothing."""
    with contextlib.suppress(OSError):
        _write(sys.stderr, f"csms-rekey: {line}")


def ask(question: str) -> bool:
    """Asks a person at the terminal; anything but a yes is a no, also the end of input."""
    with contextlib.suppress(OSError):
        stream = sys.stderr
        stream.write(printable(f"csms-rekey: {question} [y/N] ", stream.encoding or "ascii"))
        stream.flush()
    answer = b""
    try:
        # An error means that the terminal is gone.
        with contextlib.suppress(OSError):
            answer = StandardInput().read(_ANSWER_BYTES)
    finally:
        if not answer.endswith(b"\n"):
            with contextlib.suppress(OSError):
                sys.stderr.write("\n")
    return answer.strip().lower() in {b"y", b"yes"}


def tell(line: str) -> None:
    """One line of the result, on stdout."""
    _write(sys.stdout, line)


def tell_written(lines: Iterable[str]) -> None:
    """What was written, line by line on stdout; a failure to print does not change how the command ends."""
    with _shown_if_possible():
        for line in lines:
            tell(line)


def show(folder: Path, summary: Summary, *, plain: bool) -> None:
    """The end of a run, on stdout."""
    from rich.console import Console  # noqa: PLC0415 - most commands show no table

    from reports.screen.end import show_end  # noqa: PLC0415 - the same

    class _Patient(Console):
        def on_broken_pipe(self) -> None:
            """Otherwise it ends the process, with another exit code."""
            raise BrokenPipeError

    _say_kept(folder, summary)
    with _shown_if_possible():
        # Said here, because FORCE_COLOR and its like would turn a pipe into a terminal.
        console = _Patient(file=_strict(sys.stdout), highlight=False, force_terminal=sys.stdout.isatty())
        show_end(summary, folder, console, plain=plain)


def show_json(folder: Path, summary: Summary) -> None:
    """The same for a program: the summary, as its file has it, and nothing else on stdout."""
    _say_kept(folder, summary)
    with _shown_if_possible():
        _write_json(summary_json(summary).decode().rstrip("\n"))


def _say_kept(folder: Path, summary: Summary) -> None:
    for one in summary.kept_files:
        say(f"{folder / one.name}: changed since it was written, so it is kept; the new file is {one.written_as}")


def tell_json(text: str) -> None:
    """A result for a program: lines of JSON on stdout, whatever the terminal's encoding."""
    with contextlib.suppress(OSError):
        _write_json(text)


def live_console(progress: str) -> "Console | None":
    """Where a run that is going may be drawn: stderr, if it is a terminal that can move its cursor; else None."""
    if progress == "off" or not sys.stderr.isatty() or os.environ.get("TERM", "") in {"dumb", "unknown"}:
        return None
    from rich.console import Console  # noqa: PLC0415 - see show

    return Console(file=_strict(sys.stderr), highlight=False)


def say_lost() -> None:
    """Says on stderr that a result could not be written to stdout: the exit code does not change."""
    if isinstance(sys.stdout, StandardStream) and sys.stdout.lost is not None:
        say(f"stdout: cannot be written: {sys.stdout.lost.strerror}")


@contextlib.contextmanager
def _shown_if_possible() -> Iterator[None]:
    """The end of a run is on record; whether it can be shown does not change how it ended."""
    try:
        yield
    except BrokenPipeError:
        pass
    except OSError as error:
        say(f"stdout: cannot be written: {error.strerror}; the reports are whole")
        if isinstance(sys.stdout, StandardStream):
            sys.stdout.abandon()


def _write(stream: TextIO, line: str) -> None:
    stream.write(printable(line, stream.encoding or "ascii") + "\n")
    stream.flush()


def _write_json(text: str) -> None:
    # Bytes go past the stream's own redactor.
    lines = (printable_json(PROCESS_REDACTOR.clean(line)) for line in text.split("\n"))
    stream = _strict(sys.stdout)
    stream.buffer.write("".join(f"{line}\n" for line in lines).encode())
    stream.flush()


def _strict(stream: TextIO) -> TextIO:
    """The stream without its guard, for a caller that handles errors; `sys` knows its streams by one type only."""
    strict: TextIO = getattr(stream, "strict", stream)
    return strict
