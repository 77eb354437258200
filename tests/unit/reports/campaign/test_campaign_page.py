"""The page of a command that looks: whatever a text holds, it is shown as a text, and nothing is loaded or run."""

import html
from pathlib import Path

import msgspec
import pytest

from jobs.model import Scope
from jobs.sightings import ListedSoFar, SeenSecret, Sightings, Wanted
from reports.campaign.page import Advice, CampaignPage, Table, Tile, render_campaign
from reports.campaign.table import line_of
from reports.campaign.verify_document import Verified, VerifyFacts, verified_words
from reports.campaign.verify_files import write_verified
from tests.unit.reports.page.test_page import HOSTILE, seen_in

PLACE = Scope(endpoint="https://a", project_id="p")
PAGE = CampaignPage(
    what="verify", name=HOSTILE, tone="done", verdict=HOSTILE, when=HOSTILE, version="1", notice=("Note", HOSTILE),
    tiles=(Tile(kind="done", name=HOSTILE, rows=1234, detail=HOSTILE),),
    advice=(Advice(why=HOSTILE, command=HOSTILE),),
    tables=(Table(title=HOSTILE, columns=("A", "B"), rows=((HOSTILE, 1234), (None, 0)), note=HOSTILE),),
    facts=((HOSTILE, HOSTILE),),
)  # fmt: skip


def test_every_text_is_escaped_and_no_script_may_run() -> None:
    page = render_campaign(PAGE, ())
    assert "<script" not in page
    assert "<img" not in page
    policy = html.unescape(page.partition('content="')[2].partition('"')[0])
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src 'none'" in policy
    assert "{{ 7 * 7 }}" in seen_in(page)
    assert "1,234" in page


def test_a_column_in_which_nothing_stands_is_left_out() -> None:
    table = Table(title="Rows", columns=("Row", "Region", "Why"), rows=((0, "", None), (2, "", "away")))
    shown = seen_in(render_campaign(msgspec.structs.replace(PAGE, tables=(table,)), ()))
    assert "Row Why 0 2 away" in shown
    assert "Region" not in shown


def test_a_cell_is_safe_in_a_spreadsheet() -> None:
    assert line_of((1, None, "=1+1", "a,b", 'c"d', "holds")) == '1,,\'=1+1,"a,b","c""d",holds\n'


def verified(folder: Path, **facts: object) -> Verified:
    """Three rows of one project: one that holds, one that has moved, one that is invalid."""
    rows = [
        Wanted(row=row, project=PLACE, name=name, kms_key_id="K", project_id="p") for row, name in ((1, "a"), (2, "b"))
    ]
    with Sightings(folder) as sightings:
        sightings.want([*rows, Wanted(row=3, project=None, name="=x", note="invalid")])
        page = [SeenSecret(project=PLACE, name=name, kms_key_id=key) for name, key in (("a", "k"), ("b", "L"))]
        sightings.see_page(PLACE, page, ListedSoFar(over=True))
        known = VerifyFacts(
            version="1", manifest="m.csv", manifest_sha256="0", run_dir=None, started_at=1.0, ended_at=2.0,
            stopped=None, unread_as=3, requests=1, invalid=1, not_selected=0, again="again",
        )  # fmt: skip
        return write_verified(folder, sightings, msgspec.structs.replace(known, **facts))


def test_the_files_of_a_verification_agree(tmp_path: Path) -> None:
    found = verified(tmp_path)
    assert (tmp_path / "verify.csv").read_text().splitlines() == [
        "row,secret_name,project_id,kms_key_id,shown_kms_key_id,result",
        "1,a,p,K,k,holds",
        "2,b,p,K,L,moved",
        "3,'=x,,,,not_asked (invalid)",
    ]
    assert msgspec.json.decode((tmp_path / "verify.json").read_bytes(), type=Verified) == found
    assert (found.exit_code, found.rows, found.holds, found.moved, found.invalid) == (1, 3, 1, 1, 1)
    assert "1 of 3 rows is not on its key." in seen_in((tmp_path / "verify.html").read_text())
    named = {line.split("  ")[1] for line in (tmp_path / "SHA256SUMS").read_text().splitlines()}
    assert named == {"verify.csv", "verify.json", "verify.html"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"unread": 2, "moved": 1}, "2 of 9 rows could not be read."),
        ({"moved": 1, "missing": 2}, "3 of 9 rows are not on their key."),
        ({"missing": 1}, "1 of 9 rows is not on its key."),
        ({"invalid": 2}, "No row could be checked: 2 invalid."),
        (
            {"invalid": 1, "holds": 8},
            "Every valid row is on its key, but 1 row cannot be used.",
        ),
        ({"invalid": 0, "holds": 1}, "Every row is on its key: 1 row."),
        ({"holds": 7, "carried": 2}, "Every row that the plan could do is on its key: 7 of 9 rows."),
    ],
)
def test_one_sentence_says_it_all(tmp_path: Path, changes: dict[str, int], expected: str) -> None:
    none = {"rows": 9, "holds": 0, "moved": 0, "missing": 0, "unread": 0, "invalid": 0}
    assert verified_words(msgspec.structs.replace(verified(tmp_path), **(none | changes))) == expected
