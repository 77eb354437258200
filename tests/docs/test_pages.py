"""The pages under docs/ say what the program does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.cli.app import app
from batch.telemetry.metrics import serving, write_textfile
from tests.test_architecture import ROOMS
from tests.unit.summaries import summary_of
from tests.unit.telemetry.scraping import VIEW, figures, scraped

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}


def events() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Every event that any module logs: name, level and fields."""
    for path in [path for package in ("batch", "jobs", "reports") for path in sorted((ROOT / package).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "_log"):
                continue
            name = node.args[0]
            assert isinstance(name, ast.Constant), f"{path}: the name of an event is a constant"
            assert isinstance(name.value, str)
            yield name.value, node.func.attr, tuple(keyword.arg or "**" for keyword in node.keywords)


def table(page: str, row: str) -> list[list[str]]:
    """The cells of the rows of a page's tables that begin so."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if re.match(row, line)]


def test_every_event_of_the_log_is_documented_and_no_other() -> None:
    """With its level and its fields, by names that are lower case and dotted."""
    documented = {cells[0].strip("`"): (cells[1], cells[2]) for cells in table("run-log.md", r"\| `[a-z]+\.")}
    logged = {name: (level, " ".join(f"`{field}`" for field in fields)) for name, level, fields in events()}
    assert documented == logged
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", name) for name in logged)


def test_every_metric_is_documented_and_no_other(tmp_path: Path) -> None:
    """With its labels."""
    with serving(0, lambda: VIEW) as port:
        text = scraped(port)
    write_textfile(tmp_path / "x", summary_of(tmp_path))
    found = {}
    for sample in [*figures(text), *figures((tmp_path / "x").read_text())]:
        name, _, labels = sample.partition("{")
        found[name] = set(re.findall(r"([a-z_]+)=", labels))
    documented = {
        cells[0].strip("`"): set(re.findall("`([a-z_]+)`", cells[2])) for cells in table("metrics.md", r"\| `csms")
    }
    assert documented == found


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_commands_that_are_named_exist(path: Path) -> None:
    """And so do the files beside the page."""
    text = path.read_text(encoding="utf-8")
    commands = {command for command in app if not command.startswith("-")}
    for command in re.findall(r"^ {4,}(?:\$ )?csms-rekey ([a-z]+)", text, flags=re.MULTILINE):
        assert command in commands
    for name in re.findall(r"`(examples/[^`]+)`", text):
        assert (DOCS / name).is_file(), name
    assert max(map(len, text.splitlines())) <= 200


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")]), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    """Also the tests that a page names as its proof."""
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (path.parent / link).exists(), link
    for name in re.findall(r"`(tests/[a-z0-9_/.]+)`", text):
        assert (ROOT / name).exists(), name


def test_the_plan_of_the_house_names_every_room_and_proofs_that_exist() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = {
        name.rstrip("/").removesuffix(".py").replace("/", ".")
        for name in re.findall(r"^\| `([a-z_/.]+)` \|", text, re.MULTILINE)
    }
    assert named == set(ROOMS)
    for cells in table("architecture.md", r"\| (I|F)\d+ \|"):
        for name in re.findall(r"`([a-z0-9_/.]+)`", cells[-1]):
            assert (ROOT / "tests" / name).exists(), name
