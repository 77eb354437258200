"""The table of docs/capacity.md follows from the figures that the page gives."""

from pathlib import Path

from tests.fleet.needs import (
    MANIFEST_BYTES,
    NEEDS,
    OTHERS_BYTES,
    OUTCOME_BYTES,
    PROCESS_MB,
    PROJECT_CPU_S,
    PROJECT_MB,
    READ_CPU_S,
    ROW_CPU_S,
    SNAPSHOT_BYTES,
    WAIT_CPU_S,
    line_of,
)

PAGE = (Path(__file__).parents[2] / "docs" / "capacity.md").read_text(encoding="utf-8")


def test_the_table_follows_from_the_figures() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    assert lines[1 : 1 + len(NEEDS)] == [line_of(need) for need in NEEDS]


def test_the_figures_are_those_of_the_page() -> None:
    for words in (
        f"| {ROW_CPU_S * 1e6:g} us of CPU |",
        f"| {PROJECT_CPU_S * 1e3:g} ms |", f"| {WAIT_CPU_S * 1e6:g} us a second |",
        f"| {READ_CPU_S * 1e6:g} us a row |", f"| {PROCESS_MB:g} MB |", f"| {PROJECT_MB:g} MB |",
        f"| {OTHERS_BYTES} a row of the *whole*", f"| {OUTCOME_BYTES} a row |", f"| {SNAPSHOT_BYTES} bytes a row |",
        f"| {MANIFEST_BYTES} a row with",
    ):  # fmt: skip
        assert words in PAGE, words
