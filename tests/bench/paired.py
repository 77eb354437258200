"""CPU time of check, load, report and start beside an earlier commit of this repository, each in pairs of runs."""

import contextlib
import shutil
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.processes import ROOT, environment, run
from tests.bench.scale import NOWHERE, write_manifest

OLD = "c843db7"
_OLD_PYTHON = ROOT / ".venv" / "old" / "bin" / "python"
"""Made by `make bench`, by the lock of that commit."""
# Everything of a run up to its session, of this tree or of the old one.
_LOAD = """
import sys
try:
    import batch.cli.starting as starting
    from batch.cli.app import main
    starting.apply = lambda *_, **__: 0
except ImportError:
    import batch.commands.run as starting
    from batch.cli import main
    starting._go = lambda *_, **__: 0
sys.exit(main())
"""
_END_ALL = "import pathlib, sys; from tests.bench.scale import _end_all; _end_all(pathlib.Path(sys.argv[1]))"
_Measure = Callable[[Path, Path], tuple[float, float]]
"""Takes a tree of sources and an empty folder, and gives CPU seconds and megabytes."""


def beside_old(folder: Path, *, rows: int, rounds: int) -> Iterator[str]:
    """This tree and the old one in turn, as ratios of CPU time; nothing where the old one is not in the repository."""
    old, manifest, few = folder / "old", folder / f"paired{rows}.csv", folder / "paired500.csv"
    write_manifest(manifest, rows)
    write_manifest(few, 500)
    if _git("worktree", "add", "--detach", old, OLD):
        yield f"{OLD} is not in this repository"
        return
    try:
        yield f"| {rows:,} rows | s | {OLD} s | ratio, median of {rounds} pairs (range) | MB | its MB |"
        yield "|---|---|---|---|---|---|"
        measures: dict[str, _Measure] = {
            "check": lambda tree, _: _used(tree, ["-m", "batch", "check", manifest, *NOWHERE]),
            "load": lambda tree, place: _used(tree, ["-c", _LOAD, *_run(manifest, place)]),
            "report": lambda tree, _: _used(tree, ["-m", "batch", "report", _ended(tree, manifest, folder)]),
            "start to first request, 500 rows": lambda tree, place: _first_request(tree, few, place),
        }
        for name, measure in measures.items():
            yield _line(name, measure, old, folder / "pair", rounds)
    finally:
        _git("worktree", "remove", "--force", old)


def _python(tree: Path) -> str:
    """The interpreter of a tree: the old one needs libraries that this one has done without since."""
    return str(_OLD_PYTHON) if tree != ROOT and _OLD_PYTHON.exists() else sys.executable


def _git(*words: str | Path) -> int:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False).returncode  # noqa: S607 - any git


def _line(name: str, measure: _Measure, old: Path, place: Path, rounds: int) -> str:
    pairs = []
    for _ in range(rounds + 1):
        found = []
        for tree in (ROOT, old):
            shutil.rmtree(place, ignore_errors=True)
            found.append(measure(tree, place))
        pairs.append(found)
    # The first pair makes what is compiled or loaded once.
    new_s, old_s = ([pair[at][0] for pair in pairs[1:]] for at in (0, 1))
    ratios = [new / before for new, before in zip(new_s, old_s, strict=True)]
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    peaks = " | ".join(f"{max(pair[at][1] for pair in pairs):.0f}" for at in (0, 1))
    return f"| {name} | {statistics.median(new_s):.2f} | {statistics.median(old_s):.2f} | {spread} | {peaks} |"


def _run(manifest: Path, place: Path) -> list[str]:
    return ["run", str(manifest), *NOWHERE, f"--run-dir={place}", "--progress=off"]


def _used(tree: Path, command: list[str | Path]) -> tuple[float, float]:
    used = run([_python(tree), *command], cwd=tree, tree=tree)
    # A report ends with the code of its run. Anything else has not done what is measured.
    assert used.code in {0, 1, 3}, used.code
    return used.cpu_s, used.peak_mb


def _ended(tree: Path, manifest: Path, folder: Path) -> Path:
    """A run directory whose rows have all ended; each tree has its own format."""
    place = folder / f"ended-{tree.name}"
    if not place.exists():
        run([_python(tree), "-m", "batch", *_run(manifest, place), "--max-outage=0"], cwd=tree, tree=tree)
        run([sys.executable, "-c", _END_ALL, place], cwd=tree, tree=tree)
    return place


def _first_request(tree: Path, manifest: Path, place: Path) -> tuple[float, float]:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        where = f"--endpoint=http://127.0.0.1:{server.getsockname()[1]}"
        command = [
            _python(tree),
            "-m",
            "batch",
            "run",
            str(manifest),
            where,
            NOWHERE[1],
            f"--run-dir={place}",
            "--progress=off",
        ]
        with subprocess.Popen(command, cwd=tree, env=environment(tree), stderr=subprocess.DEVNULL) as process:
            connection, _ = server.accept()
            with connection:
                connection.recv(1)
                tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
                used_s = sum(int(task.read_text().split()[0]) for task in tasks) / 1e9
            process.kill()
    return used_s, 0.0
