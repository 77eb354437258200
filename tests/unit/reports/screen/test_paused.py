"""A paused run in words: on a line, on the screen, and in `status`."""

import io

from rich.console import Console

from jobs.run_view import RunView, ScopeState, ScopeView
from reports.screen.changes import Changes
from reports.screen.progress import ProgressScreen
from reports.screen.run_words import progress_line
from reports.screen.status import Standing, status_lines

SCOPE = ScopeView(
    project_id="a" * 32, region="eu-west-1", state=ScopeState.PAUSED, open_rows=80, in_flight=2, allowed_per_s=10.0
)
VIEW = RunView(
    total=100, open_rows=80, in_flight=2, counts=(), elapsed_s=65.0, rows_per_s=9.0, eta_s=8.0, requests_per_s=9.0,
    requests=20, scopes=(SCOPE,), paused=True,
)  # fmt: skip


def test_a_line_says_that_it_is_paused_and_names_no_rate_and_no_time_left() -> None:
    assert progress_line(VIEW) == "20 of 100 rows (20 %); paused by `set`, 2 in flight, 1 min 05 s elapsed"


def test_the_screen_says_it_of_the_run_and_of_each_project() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=False, _environ={})
    console.print(ProgressScreen(VIEW))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "paused by `set`   2 in flight" in shown
    assert "eu-west-1 aaaaaaaa  80 rows left, paused, 2 in flight" in shown
    assert "left" not in shown.replace("rows left", "")


def test_a_pause_is_no_news_of_a_project() -> None:
    assert Changes().note(VIEW) == ()


def test_status_names_the_rate_only_where_it_was_changed() -> None:
    changed = Standing(at=0.0, running=True, rows=1, counts=(), rate="5/s", full_rate="10/s")
    assert "rate: 5/s by `set`, 10/s at the start" in list(status_lines(changed, 0.0))
    usual = Standing(at=0.0, running=True, rows=1, counts=(), rate="10/s", full_rate="10/s")
    assert not [line for line in status_lines(usual, 0.0) if line.startswith("rate")]
