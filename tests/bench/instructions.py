"""Instructions that one more request takes in user space: a figure that other load on the machine hardly moves.

Where the processor does not count, an emulator does, which is slow: then the tool would commit and show itself after
fewer rows than at its own speed, and so only its wire is counted.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.processes import Service, run, service
from tests.bench.throughput import bare_command, tool_command, wire_command

_PERF = ("perf", "stat", "--event=instructions:u", "--field-separator=;", "--output")
_VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
_VALGRIND_TOTAL = re.compile(r"I +refs: +([0-9,]+)")


def per_request(folder: Path, *, few: int, more: int) -> Iterator[str]:
    """Lines of a Markdown table: of whole processes, so that what starting takes cancels out."""
    counted = _perf_counts()
    if not (counted or shutil.which(_VALGRIND[0])):
        yield "nothing here counts instructions: neither perf nor valgrind"
        return
    names = ["bare aiohttp, default loop", "the wire alone", *(["csms-rekey, with loading and reports"] * counted)]
    totals = [_totals(folder / str(rows), rows, counted=counted) for rows in (few, more)]
    each = [(last - first) / (more - few) / 1000 for first, last in zip(*totals, strict=True)]
    yield "| client | thousands of instructions | bare / this |"
    yield "|---|---|---|"
    for name, thousands in zip(names, each, strict=True):
        yield f"| {name} | {thousands:.0f} | {each[0] / thousands:.2f} |"


def _totals(folder: Path, rows: int, *, counted: bool) -> list[int]:
    folder.mkdir(parents=True)
    with service(folder, f"--secrets={rows}") as there:
        commands = [bare_command(there, there.way_back), wire_command(there, there.way_back)]
        if counted:
            commands.append(("-m", "batch", *tool_command(there, there.manifest, folder / "run")))
        return [_total(there, command, folder / "total", counted=counted) for command in commands]


def _total(there: Service, command: Sequence[str | Path], report: Path, *, counted: bool) -> int:
    counter = (*_PERF, report, "--") if counted else (*_VALGRIND, f"--log-file={report}")
    used = run([*counter, sys.executable, *command], token=there.token)
    assert used.code == 0, used.out
    text = report.read_text()
    if counted:
        return int(next(line for line in text.splitlines() if "instructions" in line).split(";")[0])
    found = _VALGRIND_TOTAL.search(text)
    assert found is not None, text
    return int(found[1].replace(",", ""))


def _perf_counts() -> bool:
    if not shutil.which(_PERF[0]):
        return False
    tried = subprocess.run([*_PERF, "/dev/stderr", "true"], capture_output=True, text=True, check=False)
    return tried.returncode == 0 and "<not" not in tried.stderr
