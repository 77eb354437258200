"""The shape of the house: which package may import which, what is imported when, and how large a room may be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.cli.app import app

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {"jobs": {"jobs"}, "reports": {"reports", "jobs"}, "batch": {"batch", "reports", "jobs"}}
HELP = [[command, "--help"] for command in app if not command.startswith("-")]
ONLY_IN = {
    "pandas": {"jobs/manifest/readers"},
    "pyarrow": {"jobs/manifest/readers", "jobs/manifest/cut_batches.py"},
    "aiohttp": {"batch/csms/wire.py", "batch/csms/wire_faults.py", "batch/sandbox"},
    "aiolimiter": {"batch/flow/pacer.py"},
    "sqlite3": {"jobs/ledger"},
    "jinja2": {"reports/page/page.py"},
    "markupsafe": {"reports/page/page.py"},
    "prometheus_client": {"batch/telemetry/metrics.py"},
}


def sources() -> list[Path]:
    return [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def test_packages_import_only_in_the_agreed_direction() -> None:
    for path in sources():
        package = path.relative_to(ROOT).parts[0]
        found = {name.split(".")[0] for name in imports(path)} & set(MAY_IMPORT)
        assert found <= MAY_IMPORT[package], path


def test_each_outside_library_has_its_one_place() -> None:
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        for library in {module.split(".")[0] for module in imports(path)} & set(ONLY_IN):
            assert any(name.startswith(place) for place in ONLY_IN[library]), f"{name} imports {library}"


def test_every_module_says_what_it_is_for_and_stays_small() -> None:
    for path in sources():
        text = path.read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), path
        assert text.count("\n") <= 250, path


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["frobnicate"], *HELP])
def test_help_answers_without_the_heavy_libraries(arguments: list[str]) -> None:
    script = (
        "import sys; from batch.cli.app import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print('heavy:', sorted({'pandas', 'pyarrow', 'aiohttp'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("heavy: []\n"), done.stdout + done.stderr
