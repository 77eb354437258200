"""The shape of the house: which room may import which, what is imported when, and how large a room may be."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.cli.app import commands

ROOT = Path(__file__).parents[1]
PACKAGES = ("jobs", "batch", "reports")

# From the ground floor up: a room imports only from rooms that stand before it.
ROOMS = (
    "jobs",
    "jobs.run_dir",
    "jobs.ledger",
    "jobs.sightings",
    "jobs.manifest",
    "jobs.plan",
    "batch.redaction",
    "batch.process",
    "batch.csms",
    "batch.flow",
    "batch.inventory",
    "batch.engine",
    "reports",
    "batch.telemetry",
    "batch.run",
    "batch.look",
    "batch.fleet",
    "batch.sandbox",
    "batch.cli",
)
# Every arrow between rooms. A new one is a decision, so it is written down here; one that is gone goes from here too.
ARROWS = {
    "jobs": (),
    "jobs.run_dir": ("jobs",),
    "jobs.ledger": ("jobs", "jobs.run_dir"),
    # Beside the ledger, and opened, made durable and blamed as it is.
    "jobs.sightings": ("jobs", "jobs.run_dir", "jobs.ledger"),
    "jobs.manifest": ("jobs", "jobs.run_dir", "jobs.ledger"),
    # A plan is read back as the manifest of a run, whose ledger takes its other rows along.
    "jobs.plan": ("jobs", "jobs.run_dir", "jobs.ledger", "jobs.manifest"),
    "batch.redaction": (),
    "batch.process": (),
    "batch.csms": ("jobs", "batch.redaction"),
    "batch.flow": ("jobs", "batch.process", "batch.csms"),
    # Below the engine, which lists before it writes; what else looks at the service stands beside it.
    "batch.inventory": ("jobs", "jobs.ledger", "jobs.sightings", "batch.process", "batch.csms", "batch.flow"),
    "batch.engine": ("jobs", "jobs.ledger", "batch.process", "batch.csms", "batch.flow", "batch.inventory"),
    "reports": ("jobs", "jobs.run_dir", "jobs.ledger", "jobs.sightings", "jobs.manifest", "jobs.plan"),
    "batch.telemetry": ("jobs", "jobs.run_dir", "batch.redaction", "batch.process", "batch.csms", "reports"),
    "batch.run": ("jobs", "jobs.ledger", "batch.process", "batch.csms", "batch.engine", "reports", "batch.telemetry"),
    # As `batch.run`, for commands that change nothing.
    "batch.look": (
        "jobs",
        "jobs.sightings",
        "batch.process",
        "batch.csms",
        "batch.flow",
        "batch.inventory",
        "reports",
        "batch.telemetry",
    ),
    # Hands plans and jobs to other machines, and starts no run itself. Above the engine, whose session it guards. Its
    # ledgers, run directories and manifests are those of any run; of the reports it only withdraws a summary that is
    # not true any more.
    "batch.fleet": (
        "jobs",
        "jobs.run_dir",
        "jobs.ledger",
        "jobs.manifest",
        "jobs.plan",
        "batch.process",
        "batch.engine",
        "reports",
    ),
    "batch.sandbox": ("jobs",),
    "batch.cli": (
        "jobs",
        "jobs.run_dir",
        "jobs.ledger",
        "jobs.sightings",
        "jobs.manifest",
        "jobs.plan",
        "batch.redaction",
        "batch.process",
        "batch.csms",
        "batch.inventory",
        "reports",
        "batch.telemetry",
        "batch.run",
        "batch.look",
        "batch.sandbox",
        "batch.fleet",
    ),
}
MOST_ARROWS = 82
MOST_LINES = 250
MOST_FUNCTION_LINES = 40
MOST_CONSTRUCTOR_PARAMETERS = 7
MOST_IMPORT_LINES = 22
MOST_MODULES_IN_BATCH = 4
NAMES_THAT_SAY_NOTHING = {"utils", "helpers", "common", "manager"}

HELP = [[*command.split(), "--help"] for command in commands()]
ONLY_IN = {
    "pandas": {"jobs/manifest/readers"},
    "pyarrow": {"jobs/manifest/readers", "jobs/manifest/cut_batches.py"},
    "aiohttp": {
        "batch/csms/connections.py",
        "batch/csms/line.py",
        "batch/csms/wire.py",
        "batch/csms/wire_faults.py",
        "batch/sandbox",
    },
    "aiolimiter": {"batch/flow/pacer.py"},
    "sqlite3": {"jobs/ledger", "jobs/sightings"},
    "fsspec": {"batch/fleet/storage.py"},
    "distributed": {"batch/fleet/cluster.py", "batch/fleet/task.py"},
    "jinja2": {"reports/page/page.py"},
    "markupsafe": {"reports/page/page.py"},
    "backports": {"jobs/manifest/zstd.py"},
    "compression": {"jobs/manifest/zstd.py"},
    "prometheus_client": {"batch/telemetry/metrics.py"},
}

SOURCES = {path.relative_to(ROOT).as_posix(): path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def module_of(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {module_of(name): name for name in SOURCES}


def room_of(module: str) -> str | None:
    """The innermost room that a module stands in; the door of `python -m batch` belongs to the command line."""
    if module in {"batch", "batch.__main__"}:
        return "batch.cli"
    return next((room for room in sorted(ROOMS, reverse=True) if module == room or module.startswith(f"{room}.")), None)


def import_lines(tree: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of what is imported: for `from a import b` that is `a.b`, whether b is a module or a name in one."""
    for node in import_lines(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_modules(name: str) -> set[str]:
    """The modules of our own that a module imports."""
    return {
        module
        for imported in imports(TREES[name])
        for module in (imported, imported.rpartition(".")[0])
        if module in MODULES
    }


def functions() -> Iterator[tuple[str, Function]]:
    for name, tree in TREES.items():
        yield from ((name, node) for node in ast.walk(tree) if isinstance(node, Function))


def texts_of(node: ast.AST) -> str:
    """A constant text, or one with a blank for each value that is put into it."""
    match node:
        case ast.JoinedStr(values=values):
            return "".join(map(texts_of, values))
        case ast.Constant(value=str() as text):
            return text
        case ast.FormattedValue(value=ast.Call(func=ast.Name(id=maker))) if maker.endswith("versions_target"):
            return "/versions"
        case _:
            return " "


def test_every_arrow_between_rooms_is_one_that_was_decided() -> None:
    found: dict[str, set[str]] = {room: set() for room in ROOMS}
    for name, tree in TREES.items():
        here = room_of(module_of(name))
        assert here is not None, f"{name} stands in no room"
        found[here] |= {room for room in map(room_of, imports(tree)) if room is not None and room != here}
    assert found == {room: set(others) for room, others in ARROWS.items()}


def test_every_arrow_goes_down_and_there_are_few() -> None:
    assert set(ARROWS) == set(ROOMS)
    for room, others in ARROWS.items():
        assert all(ROOMS.index(other) < ROOMS.index(room) for other in others), room
    assert sum(map(len, ARROWS.values())) <= MOST_ARROWS


def test_the_engine_reaches_no_report_by_any_way() -> None:
    """Nor a screen, a page or a metric: whatever it imports may not import one either."""
    reached: set[str] = set()
    coming = [module for module in MODULES if room_of(module) == "batch.engine"]
    while coming:
        module = coming.pop()
        if module not in reached:
            reached.add(module)
            coming.extend(imported_modules(MODULES[module]))
    assert not {module for module in reached if room_of(module) in {"reports", "batch.telemetry"}}


def test_each_outside_library_has_its_one_place() -> None:
    for name, tree in TREES.items():
        for library in {module.split(".")[0] for module in imports(tree)} & set(ONLY_IN):
            assert any(name.startswith(place) for place in ONLY_IN[library]), f"{name} imports {library}"


def test_no_path_leads_to_one_version_of_a_secret() -> None:
    """The service answers there with the value, so nothing here may ask: no text has more behind `versions`."""
    behind = re.compile(r"versions/|versions%2f", re.IGNORECASE)
    for name, tree in TREES.items():
        # A path that is put together from parts counts with a blank for each value in it.
        for text in (texts_of(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.Constant)):
            assert not behind.search(text), f"{name}: {text!r}"
        added = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)]
        assert not any(texts_of(one.left).endswith("versions") for one in added), name
    makers = {name for name, tree in TREES.items() if "versions_target" in ast.unparse(tree)}
    assert makers == {"batch/csms/paths.py", "batch/csms/keys_and_versions.py"}


def test_every_module_says_what_it_is_for() -> None:
    for name, tree in TREES.items():
        assert ast.get_docstring(tree), name
        assert not set(module_of(name).split(".")) & NAMES_THAT_SAY_NOTHING, name


def test_no_module_is_too_long() -> None:
    lines = {name: path.read_text(encoding="utf-8").count("\n") for name, path in SOURCES.items()}
    assert not {name: count for name, count in lines.items() if count > MOST_LINES}


def test_no_module_imports_too_much() -> None:
    lines = {name: len(import_lines(tree)) for name, tree in TREES.items()}
    assert not {name: count for name, count in lines.items() if count > MOST_IMPORT_LINES}


def test_no_function_is_too_long() -> None:
    lines = {
        f"{name}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1 for name, node in functions()
    }
    assert not {name: count for name, count in lines.items() if count > MOST_FUNCTION_LINES}


def test_no_constructor_takes_too_much() -> None:
    """Beside self."""
    taken = {
        f"{name}:{node.lineno}": len([*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]) - 1
        for name, node in functions()
        if node.name == "__init__"
    }
    assert not {name: count for name, count in taken.items() if count > MOST_CONSTRUCTOR_PARAMETERS}


def test_batch_itself_holds_hardly_anything_but_rooms() -> None:
    assert len(list((ROOT / "batch").glob("*.py"))) <= MOST_MODULES_IN_BATCH


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["frobnicate"], *HELP])
def test_help_answers_without_the_heavy_libraries(arguments: list[str]) -> None:
    script = (
        "import sys; from batch.cli.app import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print('heavy:', sorted({'pandas', 'pyarrow', 'aiohttp', 'fsspec', 'distributed'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("heavy: []\n"), done.stdout + done.stderr


SESSION = """
import os, sys
from batch.cli.app import main
from batch.engine.session import Session
async def begun(self):
    print("heavy:", sorted({"pandas", "pyarrow", "numpy", "rich", "jinja2"} & set(sys.modules)))
    sys.stdout.flush()
    os._exit(0)
Session.run = begun
main(["run", sys.argv[1], "--endpoint=http://127.0.0.1:9", "--project-id=" + "0" * 32, "--run-dir=" + sys.argv[2]])
"""


@pytest.mark.parametrize(("quote", "heavy"), [("", []), ('"', ["numpy", "pandas", "pyarrow"])])
def test_a_run_begins_without_what_it_does_not_need_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quote: str, heavy: list[str]
) -> None:
    """Neither what draws a screen or a page nor, where nothing is quoted, pandas: each is a good part of the start."""
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"secret_name,kms_key_id\n{quote}a{quote},{'0' * 32}\n")
    monkeypatch.setenv("CSMS_REKEY_TOKEN", "x")
    monkeypatch.setenv("CSMS_REKEY_LOCK_DIR", str(tmp_path))
    command = [sys.executable, "-c", SESSION, str(manifest), str(tmp_path / "run")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.stdout == f"heavy: {heavy}\n", done.stdout + done.stderr
