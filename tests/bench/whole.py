"""Whole processes beside each other: what it takes from the start of the command to its last report."""

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.processes import TOOL, Used, run, service
from tests.bench.throughput import bare_command, spread, tool_command


def against_bare(folder: Path, *, rows: int, rounds: int) -> Iterator[str]:
    """Interleaved pairs of the bare loop and this tool with everything on; yields the lines of a Markdown table."""
    place = folder / "whole-processes"
    place.mkdir()
    found: dict[str, list[Used]] = {"bare aiohttp, default loop": [], "csms-rekey": []}
    bare, ours = found.values()
    with service(place, f"--secrets={rows}") as there:
        for number in range(rounds):
            bare.append(run([sys.executable, *bare_command(there, there.manifest)]))
            ours.append(run([*TOOL, *tool_command(there, there.way_back, place / str(number))], token=there.token))
    assert not any(used.code for used in (*bare, *ours))
    yield f"{rows:,} rows."
    yield ""
    yield "| client | rows/s | / bare | CPU s | bare / this |"
    yield "|---|---|---|---|---|"
    for name, all_used in found.items():
        pairs = list(zip(all_used, bare, strict=True))
        yield (
            f"| {name} | {rows / statistics.median(used.wall_s for used in all_used):,.0f}"
            f" | {spread([base.wall_s / used.wall_s for used, base in pairs], '.2f')}"
            f" | {statistics.median(used.cpu_s for used in all_used):.2f}"
            f" | {spread([base.cpu_s / used.cpu_s for used, base in pairs], '.2f')} |"
        )
