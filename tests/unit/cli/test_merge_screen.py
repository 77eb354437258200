"""`merge` shows how far it is: on a terminal as it goes, otherwise with one line where it takes a while."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batch.cli.app import main
from batch.cli.merge_screen import MergeScreen, OnceLate
from batch.cli.screen import say
from tests.unit.cli.test_merge import PROJECTS, manifest_of, sharded

ROWS = [(name, place, 0) for name in "ab" for place in range(len(PROJECTS))]


@contextmanager
def terminal() -> Iterator[int]:
    """The other end of a terminal that stderr is meanwhile."""
    own, its = os.openpty()
    with pytest.MonkeyPatch.context() as patch, os.fdopen(its, "w") as stream:
        patch.setenv("TERM", "xterm")
        patch.setattr("sys.stderr", stream)
        yield own
    os.close(own)


def shown(own: int) -> str:
    os.set_blocking(own, False)
    return os.read(own, 1 << 16).decode()


def test_a_terminal_shows_which_shard_is_taken_in_and_then_the_writing(tmp_path: Path) -> None:
    with sharded(tmp_path, manifest_of(ROWS), 3) as (_, shards), terminal() as own:
        main(["merge", *map(str, shards), "--into", str(tmp_path / "all")])
        text = shown(own)
    steps = ("taking in shard 1", "taking in shard 2 of 3", "taking in shard 3 of 3", "writing the reports of 3 shards")
    places = [text.find(step) for step in steps]
    assert places == sorted(places)
    assert min(places) >= 0
    # The last of it is taken away: the end of the run has the screen for itself.
    assert text.endswith("\x1b[2K")


def test_nothing_is_shown_with_json(tmp_path: Path) -> None:
    with sharded(tmp_path, manifest_of(ROWS), 2) as (_, shards), terminal() as own:
        main(["merge", *map(str, shards), "--into", str(tmp_path / "all"), "--json"])
        say("over")
        assert shown(own) == "csms-rekey: over\r\n"


def test_a_short_merge_says_nothing_where_there_is_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sharded(tmp_path, manifest_of(ROWS), 2) as (_, shards):
        main(["merge", *map(str, shards), "--into", str(tmp_path / "all")])
    assert "shard 2" not in capsys.readouterr().err


def test_a_long_one_says_one_line() -> None:
    """The first that comes after five seconds."""
    lines: list[str] = []
    now = [100.0]
    screen = MergeScreen(OnceLate(lines.append, lambda: now[0]))
    screen.opening("s3://bucket/campaign")
    for _ in range(200):
        screen.fetching(200)
        screen.taking(200)
        now[0] += 0.125
    screen.writing()
    assert lines == ["fetching shard 41 of 200"]
