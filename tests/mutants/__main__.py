"""How much of the pure decisions the tests hold: mutants of them, and the share that a test notices.

    python -m tests.mutants [--lines N | --all] [--seed N] [MODULE ...]

The mutants are those of a random sample of lines of code, the same for the same seed. mutmut makes them, runs for each
the tests that call the changed function, and gives up on one that takes three times as long as it should. Mutants that
no test could notice are argued in equivalent.toml and do not count.
"""

import argparse
import ast
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.mutants.copying import copy_project, prepare

MODULES = (
    "batch/flow/*.py",
    "batch/engine/retry.py",
    "batch/engine/work.py",
    "batch/engine/fail_fast.py",
    "batch/csms/errors.py",
    "batch/csms/paging.py",
    "jobs/rules.py",
)
TESTS = ("tests/unit/flow", "tests/unit/engine", "tests/unit/csms", "tests/unit/jobs/manifest", "tests/engine")
LEFT_OUT = ("tests/engine/test_simulation.py", "tests/unit/csms/auth", "tests/unit/csms/test_signing.py")
ROOT = Path(__file__).parents[2]
_MUTMUT = Path(sys.executable).with_name("mutmut")
_LINES = 60
_NOTICED = frozenset({"killed", "timeout", "segfault", "suspicious"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A changed line, as it stands in the copy: with numbers in place of constants."""

    path: str
    function: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.function}\n    - {self.before}\n    + {self.after}"


def main() -> None:
    """Prints the share of mutants killed by module, and the survivors."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--lines", type=int, default=_LINES, help="lines of code to mutate")
    parser.add_argument("--all", action="store_true", help="mutate every line")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("modules", nargs="*", default=MODULES, help="instead of all, as patterns of paths")
    asked = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        place = Path(name)
        copy_project(ROOT, place)
        paths = sorted(path for pattern in asked.modules for path in place.glob(pattern))
        lines = prepare(paths, lines=None if asked.all else asked.lines, seed=asked.seed)
        print(f"{lines} lines of {len(paths)} modules, seed {asked.seed}", flush=True)
        (place / "pyproject.toml").write_text((place / "pyproject.toml").read_text() + _settings(asked.modules))
        _mutmut(place, "run")
        statuses = dict(_statuses(_mutmut(place, "results", "--all", "true")))
        alive = [key for key, status in statuses.items() if status not in _NOTICED]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            survivors = list(pool.map(partial(_mutant, place), alive))
    _print(statuses, survivors)
    print(f"{time.monotonic() - began_s:.0f} s")


def _settings(modules: Sequence[str]) -> str:
    left_out = [argument for path in LEFT_OUT for argument in ("--ignore", path)]
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=1", *left_out]
    return f"""
[tool.mutmut]
source_paths = {sorted({pattern.partition("/")[0] for pattern in modules})}
only_mutate = {list(modules)}
also_copy = ["batch", "jobs", "reports", "tests"]
pytest_add_cli_args_test_selection = {list(TESTS)}
pytest_add_cli_args = {options}
timeout_multiplier = 3.0
timeout_constant = 5.0
"""


def _mutmut(place: Path, *arguments: str) -> str:
    done = subprocess.run([_MUTMUT, *arguments], cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"mutmut {arguments[0]} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def _statuses(shown: str) -> list[tuple[str, str]]:
    pairs = (line.strip().rpartition(": ") for line in shown.splitlines() if "__mutmut_" in line)
    return [(key, status) for key, _, status in pairs]


def _mutant(place: Path, key: str) -> Mutant:
    """The change behind a key, looked up where the function stands."""
    head, *diff = _mutmut(place, "show", key).splitlines()[1:]
    path = head.removeprefix("--- ")
    function = key.rpartition(".")[2].rpartition("__mutmut_")[0].rpartition("ǁ")[2].removeprefix("x_")
    before = [line[1:].strip() for line in diff if line.startswith("-")]
    after = [line[1:].strip() for line in diff if line.startswith("+") and not line.startswith("+++")]
    return Mutant(
        path=path,
        function=function,
        line=_line(place / path, function, before[0]),
        before=" ".join(before),
        after=" ".join(after),
    )


def _line(path: Path, function: str, text: str) -> int:
    source = path.read_text(encoding="utf-8")
    rows = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function:
            for line in range(node.lineno, (node.end_lineno or 0) + 1):
                if rows[line - 1].strip() == text:
                    return line
    return 0


def _print(statuses: dict[str, str], survivors: list[Mutant]) -> None:
    argued = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8")).get("mutant", [])
    known = {(one["path"], one["function"], one["before"], one["after"]) for one in argued}
    alive = [one for one in survivors if (one.path, one.function, one.before, one.after) not in known]
    made = Counter(key.rpartition(".")[0].replace(".", "/") + ".py" for key in statuses)
    made.subtract(one.path for one in survivors if one not in alive)
    left = Counter(one.path for one in alive)
    for path in (*sorted(made), ""):
        total, survived = (made[path], left[path]) if path else (made.total(), left.total())
        print(f"{100 * (total - survived) / max(1, total):5.1f} % of {total:4} {path or 'together'}")
    late = sum(status == "timeout" for status in statuses.values())
    print(f"\n{len(survivors) - len(alive)} equivalent, {late} killed by the time limit alone, {len(alive)} survived\n")
    for one in sorted(alive, key=lambda one: (one.path, one.line)):
        print(one)


if __name__ == "__main__":
    main()
