"""The page of a run as a browser shows it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reports.campaign.page import Advice, CampaignPage, Table, render_campaign
from reports.summary.schema import FileFacts
from tests.pages.browser import Browser

CELLS = "[...document.querySelectorAll('#open tbody tr')].map(row => row.cells[{}].innerText.trim())"
# Texts of less contrast than 4.5 to 1.
CONTRAST = """(() => {
    const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
    const linear = value => value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map(value => linear(value / 255));
        return .2126 * x + .7152 * y + .0722 * z;
    };
    const under = node => {
        for (; node; node = node.parentElement) {
            const color = parse(getComputedStyle(node).backgroundColor);
            if (color.length === 3 || color[3] === 1) return color;
        }
        return [255, 255, 255];
    };
    const weak = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.data.trim();
        const node = walker.currentNode.parentElement;
        if (!text || !node.getClientRects().length || node.closest('button:disabled, option, title, desc')) continue;
        const style = getComputedStyle(node);
        const [a, b] = [light(parse(node.closest('svg') ? style.fill : style.color)), light(under(node))];
        const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (contrast < 4.5) weak.push(`${contrast.toFixed(2)} ${node.className} ${text.slice(0, 30)}`);
    }
    return [...new Set(weak)];
})()"""


def column(browser: Browser, place: int) -> list[str]:
    """A column of the table as it stands."""
    found: list[str] = browser.run(CELLS.format(place))
    return found


def fill(browser: Browser, field: str, value: str) -> None:
    """Gives a field a value as a person does."""
    browser.run(
        f"(() => {{ const field = document.getElementById('{field}'); field.value = {json.dumps(value)};"
        " field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input')); })()"
    )


def found(browser: Browser) -> str:
    """How many rows the page says there are."""
    text: str = browser.run("document.getElementById('found').textContent")
    return text


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1440, 768, 390])
def test_it_asks_for_nothing_and_complains_of_nothing(browser: Browser, page: Path, width: int, *, dark: bool) -> None:
    """No request but the page's own, no error on the console, nothing wider than the window."""
    browser.open(page, width=width, dark=dark)
    assert browser.heard.requests == [page.as_uri()]
    assert browser.heard.complaints == []
    assert browser.run("document.documentElement.scrollWidth") == width


def test_the_policy_holds(browser: Browser, page: Path) -> None:
    """A script, a style, a picture and a request that are not the page's own are all refused."""
    browser.open(page)
    refused: list[str] = browser.run("""new Promise(resolve => {
        const refused = [];
        document.addEventListener('securitypolicyviolation', event => refused.push(event.effectiveDirective));
        const image = document.createElement('img'); image.src = 'https://example.com/x.png';
        const style = document.createElement('style'); style.textContent = 'body{display:none}';
        document.body.append(image, style);
        fetch('https://example.com/').catch(() => {});
        setTimeout(() => resolve(refused.sort()), 200);
    })""")
    assert refused == ["connect-src", "img-src", "style-src-elem"]


def test_hostile_names_and_messages_are_shown_as_text(browser: Browser, page: Path) -> None:
    """Script tags, escapes, overrides and two thousand characters: all of it is there to be read, and only read."""
    browser.open(page)
    assert browser.run("document.title").startswith("The run finished")
    assert column(browser, 1)[0].startswith("<script>document.title='taken'</script>\\x1b[31m\\u202egnp.exe")
    message = column(browser, 5)[0]
    assert message.startswith('<img src="https://example.com/x.png"')
    assert len(message) == 500
    assert message.endswith("...")
    assert browser.run("document.querySelectorAll('img, iframe, object, main script').length") == 0


def test_search_finds_rows_by_any_word(browser: Browser, page: Path) -> None:
    """Name, message or request id; all words must be there; the count is reported."""
    browser.open(page)
    assert found(browser) == "150 rows"
    fill(browser, "find", "APP/db-30")
    assert column(browser, 0) == ["30", "300"]
    fill(browser, "find", "secret missing 298")
    assert column(browser, 0) == ["298"]
    assert found(browser) == "1 row"
    fill(browser, "find", f"{250:032x}")
    assert column(browser, 0) == ["250"]
    fill(browser, "find", "no such thing")
    assert column(browser, 0) == []
    assert browser.run("document.getElementById('part').textContent") == "no row is like that"


def test_filters_narrow_by_status_and_code(browser: Browser, page: Path) -> None:
    """Together with the search."""
    browser.open(page)
    fill(browser, "status", "failed")
    assert set(column(browser, 2)) == {"failed"}
    assert found(browser) == "50 rows"
    fill(browser, "code", "CSMS.0404")
    assert found(browser) == "0 rows"
    fill(browser, "status", "")
    assert found(browser) == "100 rows"


def test_a_click_on_a_header_sorts(browser: Browser, page: Path) -> None:
    """Numbers as numbers; a second click turns it round; the header says which way."""
    browser.open(page)
    click = "document.querySelectorAll('#open th button')[{}].click()"
    browser.run(click.format(0))
    assert column(browser, 0)[:3] == ["300", "298", "296"]
    state = "[...document.querySelectorAll('#open th')].map(head => head.getAttribute('aria-sort'))"
    assert browser.run(state)[0] == "descending"
    browser.run(click.format(4))
    assert column(browser, 4)[0] == "1"
    browser.run(click.format(4))
    assert column(browser, 4)[0] == "5"
    assert browser.run(state) == [None, None, None, None, "descending", None, None]


def test_pages_can_be_turned(browser: Browser, page: Path) -> None:
    """Twenty-five rows at a time, to the last one and back."""
    browser.open(page)
    assert column(browser, 0)[0] == "2"
    for _ in range(10):
        browser.run("document.getElementById('on').click()")
    assert browser.run("document.getElementById('part').textContent") == "126 to 150 of 150"
    assert column(browser, 0)[-1] == "300"
    browser.run("document.getElementById('back').click()")
    assert column(browser, 0)[0] == "202"


def test_a_request_id_can_be_copied(browser: Browser, page: Path) -> None:
    """By a button that says so, and by selecting it, which takes all of it."""
    browser.open(page)
    told: Any = browser.run("""(async () => {
        let copied = null;
        Object.defineProperty(navigator, 'clipboard', {value: {writeText: async text => { copied = text; }}});
        const button = document.querySelector('#open tbody td:last-child button');
        button.click();
        await new Promise(resolve => setTimeout(resolve, 20));
        return [copied, button.textContent, getComputedStyle(button.previousElementSibling).userSelect];
    })()""")
    assert told == [f"{2:032x}", "copied", "all"]


def test_the_keyboard_reaches_everything(browser: Browser, page: Path) -> None:
    """Tab goes from the commands to the table; Enter on a header sorts; what has the focus can be seen."""
    browser.open(page)
    browser.run("document.getElementById('code').focus()")
    browser.press("Tab")  # the table's own frame, which scrolls
    browser.press("Tab")
    assert browser.run("document.activeElement.textContent") == "Row"
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.press("Enter")
    assert column(browser, 0)[0] == "300"


def test_without_script_all_is_there_but_the_filter(browser: Browser, page: Path) -> None:
    """Every row, every drawing, and no button that does nothing."""
    browser.open(page, script=False)
    try:
        document = browser.call("DOM.getDocument", depth=0)["root"]["nodeId"]
        count = {
            selector: len(browser.call("DOM.querySelectorAll", nodeId=document, selector=selector)["nodeIds"])
            for selector in ("#open tbody tr", "svg.chart", "form:not([hidden])", ".pages:not([hidden])", "pre.copy")
        }
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert count == {
        "#open tbody tr": 150,
        "svg.chart": 5,
        "form:not([hidden])": 0,
        ".pages:not([hidden])": 0,
        "pre.copy": 2,
    }


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_what_it_stands_on(browser: Browser, page: Path, *, dark: bool) -> None:
    """4.5 to 1 at least, as WCAG 2.2 asks of small text, for every text of the page in both schemes."""
    browser.open(page, dark=dark)
    assert browser.run(CONTRAST) == []


def test_images_and_tables_are_told_to_those_who_do_not_see_them(browser: Browser, page: Path) -> None:
    """As the browser's own accessibility tree has it: every drawing is named, every cell of a head is a header."""
    browser.open(page)
    browser.call("Accessibility.enable")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    roles = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    images = [name for role, name in roles if role in {"image", "img"}]
    assert len(images) == 6
    assert all(images)
    headers = {name for role, name in roles if role == "columnheader"}
    assert {"Row", "Secret", "Status", "Code", "Attempts", "Message", "Request id"} <= headers
    assert ("heading", "What to do next") in roles
    fields = {name for role, name in roles if role in {"searchbox", "combobox"}}
    assert fields == {"Search", "Status", "Code"}


def test_on_a_phone_and_on_paper_no_table_and_no_command_is_cut_off(
    browser: Browser, page: Path, tmp_path: Path
) -> None:
    """On a phone each row is a block that names its columns; the page of a look follows the same rules."""
    key, sums = "0ed90475-9531-485d-9d9d-c9f81818e811", FileFacts(name="verify.csv", sha256="0" * 64, bytes=1, rows=1)
    names = ("Old key", "Verdict", "Secrets on an old key", "What KMS says")
    look = CampaignPage(
        what="retire", name="run", tone="done", verdict="Free.", when="now", version="1",
        advice=(Advice(why="Again.", command=f"csms-rekey retire run --old-key {key} --old-key {key}"),),
        tables=(Table(title="Keys", columns=names, rows=((key, "needed", 1_234, f"enabled in {'0' * 32}"),)),),
    )  # fmt: skip
    (tmp_path / "look.html").write_text(render_campaign(look, (sums,)), encoding="utf-8")
    cut = "[...document.querySelectorAll('table.list, pre')].map(one => one.closest('.wide') || one)"
    too_wide = f"{cut}.filter(one => one.scrollWidth > one.clientWidth).map(one => one.ariaLabel)"
    for shown in (tmp_path / "look.html", page):
        browser.open(shown, width=703)
        # What is left of A4 between the margins.
        browser.call("Emulation.setEmulatedMedia", media="print")
        assert browser.run(too_wide) == []
        browser.call("Emulation.setEmulatedMedia", media="")
    for shown in (page, tmp_path / "look.html"):
        browser.open(shown, width=390)
        assert browser.run(too_wide) == []
    labels = "[...document.querySelectorAll('td')].map(td => getComputedStyle(td, '::before').content)"
    assert [json.loads(label) for label in browser.run(labels)] == [*names, "Rows", "Bytes", "SHA-256"]


def test_it_prints_on_a4(browser: Browser, page: Path, tmp_path: Path) -> None:
    """With a few pages, not with one for every few rows."""
    browser.open(page)
    paper = tmp_path / "paper.pdf"
    browser.paper(paper)
    data = paper.read_bytes()
    boxes = {tuple(round(float(n)) for n in box.split()) for box in re.findall(rb"/MediaBox ?\[([^]]*)\]", data)}
    assert boxes == {(0, 0, 595, 842)}
    assert 2 <= len(re.findall(rb"/Type ?/Page\b", data)) <= 6
