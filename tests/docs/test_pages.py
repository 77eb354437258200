"""The pages under docs/ say what the program does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from batch.cli import other_tools
from batch.cli.app import app
from batch.cli.environment import NO_OPTIONS, PREFIX
from batch.cli.options import OPTIONS
from batch.csms.auth.clouds import CLOUD, REGION_PREFIX
from batch.csms.auth.variables import NO_PART, REFUSED, TAKEN
from batch.csms.errors import _KIND_OF_CODE
from batch.csms.faults import FaultKind
from batch.sandbox import chance, rights, variety
from batch.sandbox.model import KeyIds
from batch.sandbox.ready import Ready
from batch.telemetry.metrics import serving, write_textfile
from jobs.manifest.layout import MANIFEST_LAYOUT
from jobs.model import Status
from reports.outcomes import ACCOUNT, HEADER
from tests.docs import made_pages
from tests.test_architecture import ROOMS
from tests.unit.summaries import summary_of
from tests.unit.telemetry.scraping import VIEW, figures, scraped

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LEVELS = {"debug", "info", "warning", "error", "critical"}
SHOWN_AS = {"exc_info": "exception"}
"""What the log calls a field in its lines, where its caller calls it otherwise."""


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
            fields = (keyword.arg or "**" for keyword in node.keywords)
            yield name.value, node.func.attr, tuple(SHOWN_AS.get(field, field) for field in fields)


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


def test_the_page_on_the_sandbox_has_all_that_a_rehearsal_can_ask_for() -> None:
    """Every fault with its own row, every kind of secret, key and right, and every field of its first line."""
    assert {
        cells[0].strip("`") for cells in table("sandbox.md", r"\| `[a-z]*\d*` \| (no|half|yes|2 s)")
    } == chance.KINDS
    words = set(re.findall(r"`([^`]+)`", (DOCS / "sandbox.md").read_text(encoding="utf-8")))
    fields = {*Ready.__struct_fields__, *KeyIds.__struct_fields__}
    assert {*fields, *variety.KINDS, *rights.RIGHTS} <= words


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
    # A row of a table cannot be broken.
    assert max(len(line) for line in text.splitlines() if not line.startswith(("|", "* `"))) <= 200


PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), ROOT / "tests" / "README.md"])


def anchors(path: Path) -> set[str]:
    """What the headings of a page may be linked by: as a forge makes it of their text."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    """To a file that exists, and to a heading of it; also the tests that a page names as its proof."""
    text = path.read_text(encoding="utf-8")
    for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        target = path.parent / link if link else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), f"{link}#{anchor}"
    for name in re.findall(r"`(tests/[a-z0-9_/.]+)`", text):
        assert (ROOT / name).exists(), name


def test_the_index_names_every_page() -> None:
    linked = set(re.findall(r"\]\(([^)#:]+)", (DOCS / "README.md").read_text(encoding="utf-8")))
    assert {path.name for path in DOCS.glob("*.md")} - {"README.md"} <= linked


def test_the_first_page_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_page_of_commands_and_the_list_of_variables_are_what_the_program_says() -> None:
    """`make pages` writes both."""
    assert made_pages.COMMANDS.read_text(encoding="utf-8") == made_pages.commands_page()
    written = made_pages.ENVIRONMENT.read_text(encoding="utf-8")
    assert made_pages.environment_page(written) == written


def test_every_variable_that_is_read_is_on_the_page_of_variables_and_no_other() -> None:
    ours = {PREFIX + name.upper() for name in (*OPTIONS, *NO_OPTIONS)}
    logins = {name for one in (*TAKEN, *REFUSED) for name in one.names} | set(NO_PART)
    places = {CLOUD, REGION_PREFIX, *(name for names in other_tools.NAMES.values() for name in names)}
    page = made_pages.ENVIRONMENT.read_text(encoding="utf-8").partition("## The system's own")[0]
    named = set(re.findall(r"\b(?:CSMS_REKEY|HUAWEICLOUD|HW|OS|HC|ACTIONS)_[A-Z0-9_]+\b", page))
    assert named - {f"{REGION_PREFIX}EU_DE", f"{PREFIX}SERVICE_", f"{PREFIX}PORT", PREFIX} == ours | logins | places


# What the page of error codes calls that which is done about each kind.
TAKEN_AS = {
    FaultKind.THROTTLED: "slows",
    FaultKind.CREDENTIAL: "logs in again",
    FaultKind.SIGNATURE: "stops the login",
    FaultKind.MISCONFIGURED: "stops the project",
    FaultKind.FORBIDDEN: "asks twice",
    FaultKind.KEY: "asks twice",
    FaultKind.ABSENT: "asks twice",
    FaultKind.REJECTED: "rejects",
    FaultKind.UNAVAILABLE: "retries",
}


def test_every_error_code_of_the_service_is_explained_and_no_other() -> None:
    """With its meaning, what is done about it, and what a person can do."""
    explained = {cells[0].strip("`"): cells[1:] for cells in table("errors.md", r"\| `[A-Z]+\.\d{4}`")}
    assert set(explained) == set(_KIND_OF_CODE)
    for code, (meaning, taken_as, cure) in explained.items():
        assert taken_as == TAKEN_AS[_KIND_OF_CODE[code]], code
        assert meaning, code
        assert cure.rstrip("| ").endswith("."), code


def test_every_code_of_our_own_is_explained() -> None:
    """A fault that is made here carries a code that no service gave."""
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "batch" / "csms").rglob("*.py")))
    made = set(re.findall(r'(?:code=|lost\(|_sent_or_not\(|_unsent\([^,"]+, )"([a-z]+)"', source))
    never_shown = {
        "cancelled",
        "stopped",
        "paused",
    }  # they say that a request was withheld, or its answer is not wanted
    explained = {cells[0].split("`")[1] for cells in table("errors.md", r"\| `[a-z]+`")}
    assert explained == made - never_shown


def test_every_column_of_outcomes_and_of_a_manifest_has_a_row() -> None:
    columns = {cells[0].strip("`") for cells in table("outcomes.md", r"\| `[a-z_]+` \|")}
    assert {*HEADER, ACCOUNT, *(status.value for status in Status)} <= columns
    named = {cells[0].strip("`") for cells in table("manifest.md", r"\| `[a-z_]+` \|")}
    assert named == set(MANIFEST_LAYOUT.used)


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
