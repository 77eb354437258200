"""The runs of a folder as lines: aligned, and never wider than the terminal."""

from pathlib import Path

import msgspec
import pytest

from reports.screen.runs import RunLine, RunState, ended_line, run_lines, state_of
from tests.unit.summaries import summary_of

RUNS = (
    RunLine(
        path="runs/a", state=RunState.RUNNING, rows=12_000, done=9, open=11_991, started_at="2026-08-21T12:00:00.000Z"
    ),
    RunLine(
        path="runs/longer", state=RunState.STOPPED, rows=2, done=1, open=1, exit_code=3, next="csms-rekey resume x"
    ),
    RunLine(path=f"runs/{'x' * 90}", state=RunState.UNREADABLE, reason="file is not a database"),
)


@pytest.mark.parametrize("width", [1, 20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal_but_for_a_command_which_is_never_cut(width: int) -> None:
    lines = list(run_lines(RUNS, width=width))
    assert all(len(line) <= max(width, 3) for line in lines if not line.endswith("  next: csms-rekey resume x"))
    assert sum("next: csms-rekey resume x" in line for line in lines) == 1
    assert len(lines) == len(RUNS) + (width < 200)


def test_columns_stand_below_each_other_and_the_command_comes_last() -> None:
    first, second, third = run_lines(RUNS)
    assert first.index("running") == second.index("stopped") == third.index("unreadable")
    assert first.index(" done") == second.index(" done")
    assert second.endswith("exit 3  next: csms-rekey resume x")


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (0, RunState.DONE),
        (1, RunState.FINISHED),
        (3, RunState.STOPPED),
        (70, RunState.STOPPED),
        (130, RunState.INTERRUPTED),
    ],
)
def test_an_exit_code_is_told_by_what_it_says(code: int, state: RunState) -> None:
    assert state_of(code) is state


def test_a_killed_run_is_still_called_killed_once_its_report_was_written(tmp_path: Path) -> None:
    """The exit code of such a report is that of `report`; the run has none on record."""
    summary = summary_of(tmp_path)
    session = msgspec.structs.replace(summary.sessions[-1], ended_at=None, exit_code=None)
    killed = ended_line(tmp_path, msgspec.structs.replace(summary, sessions=(session,), exit_code=3))
    assert (killed.state, killed.exit_code) == (RunState.KILLED, None)
    assert ended_line(tmp_path, summary).state is not RunState.KILLED
