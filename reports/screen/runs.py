"""The runs in a folder, one line each: where each stands, and what to do next."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from jobs.printable import printable, shortened
from reports.exit_code import Exit
from reports.moment import clock_text
from reports.screen.wording import next_steps
from reports.summary.schema import Summary

_SIGNALS = frozenset({Exit.SIGHUP, Exit.SIGINT, Exit.SIGTERM})
_WIDEST_NAME = 40


class RunState(StrEnum):
    """The state of a run."""

    LOADING = "loading"
    """A process reads its manifest, or waits for something."""
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    """Every row is done."""
    FINISHED = "finished"
    """It came to its end, and some rows are not done."""
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    KILLED = "killed"
    """No end is on record."""
    NOT_LOADED = "not loaded"
    """Its manifest was never fully read, and nothing was sent."""
    UNREADABLE = "unreadable"


class RunLine(msgspec.Struct, frozen=True, kw_only=True):
    """One run; encodes to JSON directly. `open` rows are to be run again, or have not ended yet. `reason` says why it
    cannot be read, `next` is the command that continues it.
    """

    path: str
    state: RunState
    rows: int = 0
    done: int = 0
    open: int = 0
    exit_code: int | None = None
    started_at: str | None = None
    next: str | None = None
    reason: str | None = None


def ended_line(folder: Path, summary: Summary) -> RunLine:
    """A run that has written its reports."""
    steps = next_steps(summary, folder)
    # A report of what a killed run left has an exit code, the run itself has none.
    killed = not summary.shards and bool(summary.sessions) and summary.sessions[-1].ended_at is None
    return RunLine(
        path=str(folder),
        state=RunState.KILLED if killed else state_of(summary.exit_code),
        rows=summary.manifest.rows,
        done=summary.by_group.done,
        open=summary.by_group.run_again,
        exit_code=None if killed else summary.exit_code,
        started_at=summary.timing.started_at,
        next=steps[0].command if steps else None,
    )


def state_of(exit_code: int) -> RunState:
    """What an exit code on record says."""
    if exit_code in _SIGNALS:
        return RunState.INTERRUPTED
    named = {Exit.DONE: RunState.DONE, Exit.NOT_ALL_DONE: RunState.FINISHED}
    return {int(code): state for code, state in named.items()}.get(exit_code, RunState.STOPPED)


def run_lines(runs: Sequence[RunLine], *, width: int | None = None, encoding: str = "utf-8") -> Iterator[str]:
    """Yields a line for each, none longer than `width`; the columns that matter most come first. A command that has no
    room stands below its line, and is never cut.
    """
    names = [shortened(Path(run.path).name, _WIDEST_NAME, encoding) for run in runs]
    rows = [f"{run.done:,} of {run.rows:,} done" for run in runs]
    name_width, rows_width = max(map(len, names), default=0), max(map(len, rows), default=0)
    state_width = max((len(run.state) for run in runs), default=0)
    for run, name, done in zip(runs, names, rows, strict=True):
        parts = (f"{name:<{name_width}}", f"{run.state:<{state_width}}", f"{done:>{rows_width}}", *_rest(run))
        line = printable("  ".join(parts), encoding)
        command = "" if run.next is None else printable(f"  next: {run.next}", encoding)
        if width is None or len(line) + len(command) <= width:
            yield line + command
            continue
        yield shortened(line, max(width, len("...")), encoding)
        if command:
            yield command


def _rest(run: RunLine) -> Iterator[str]:
    yield f"{run.open:,} open"
    if run.exit_code is not None:
        yield f"exit {run.exit_code}"
    if run.started_at is not None:
        yield f"started {clock_text(run.started_at)}Z"
    if run.reason is not None:
        yield run.reason
