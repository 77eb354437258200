"""How a row of a verification stands, as a table, and the exit code that follows from all of them."""

import pytest

from jobs.model import Scope
from jobs.sightings import Matched, SeenProject, SeenSecret, Wanted
from reports.campaign.verified import Count, Judged, Result, judge
from reports.campaign.verify_document import verify_exit_code

PLACE = Scope(endpoint="https://a", project_id="p")
KEY, OTHER = "0ed90475-9531-485d-9d9d-c9f81818e811", "4a23d596-2217-4ead-9bc4-96cb8e81973e"


def row(secret: SeenSecret | None, *, note: str | None = None) -> Matched:
    wanted = Wanted(row=1, project=None if note else PLACE, name="a", kms_key_id=KEY, project_id="p", note=note)
    return Matched(wanted=wanted, secret=secret)


def seen(**fields: object) -> SeenSecret:
    return SeenSecret(**{"project": PLACE, "name": "a", **fields})  # type: ignore[arg-type]


def project(**fields: object) -> SeenProject:
    return SeenProject(**{"endpoint": PLACE.endpoint, "project_id": "p", **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "of_project", "expected"),
    [
        (row(seen(kms_key_id=KEY)), project(), Judged(result=Result.HOLDS, shown_kms_key_id=KEY)),
        # Neither case nor dashes say anything about a key.
        (
            row(seen(kms_key_id=KEY.upper().replace("-", ""))),
            project(),
            Judged(result=Result.HOLDS, shown_kms_key_id=KEY.upper().replace("-", "")),
        ),
        (row(seen(kms_key_id=OTHER)), project(), Judged(result=Result.MOVED, shown_kms_key_id=OTHER)),
        (row(seen(kms_key_id="")), project(), Judged(result=Result.MOVED)),
        (row(seen(missing=True)), project(), Judged(result=Result.MISSING)),
        (row(seen(trouble="503")), project(), Judged(result=Result.UNREAD, why="503")),
        (row(None), project(trouble="CSMS.0302"), Judged(result=Result.UNREAD, why="CSMS.0302")),
        (row(None), project(stopped="401", trouble="x"), Judged(result=Result.UNREAD, why="401")),
        (row(None), project(reads_trouble="r", trouble="x"), Judged(result=Result.UNREAD, why="r")),
        (row(None, note="invalid"), None, Judged(result=Result.NOT_ASKED, why="invalid")),
    ],
)
def test_a_row_stands_as_its_secret_was_shown(one: Matched, of_project: SeenProject | None, expected: Judged) -> None:
    assert judge(one, of_project) == expected


def test_rows_are_counted_by_project_and_those_that_do_not_hold_are_kept() -> None:
    count = Count([project(listed=True)])
    for secret in (seen(kms_key_id=KEY), seen(kms_key_id=OTHER), seen(missing=True), None):
        count.judge(row(secret))
    count.judge(row(None, note="not selected"))
    (found,) = count.projects()
    assert (found.listed, found.holds, found.moved, found.missing, found.unread) == (True, 1, 1, 1, 1)
    assert [one.result for one in count.odd] == [Result.MOVED, Result.MISSING, Result.UNREAD]
    assert count.results[Result.NOT_ASKED] == 1


@pytest.mark.parametrize(
    ("results", "invalid", "unread_as", "expected"),
    [
        ({Result.HOLDS: 3}, 0, 3, 0),
        ({Result.HOLDS: 3, Result.NOT_ASKED: 2}, 0, 3, 0),
        ({Result.HOLDS: 3, Result.NOT_ASKED: 2}, 2, 3, 1),
        ({Result.HOLDS: 3, Result.MOVED: 1}, 0, 3, 1),
        ({Result.MISSING: 1}, 0, 3, 1),
        ({Result.MOVED: 1, Result.UNREAD: 1}, 1, 3, 3),
        ({Result.UNREAD: 1}, 0, 130, 130),
        # A signal that came too late to cost a row changes nothing.
        ({Result.HOLDS: 1}, 0, 130, 0),
    ],
)
def test_what_could_not_be_read_wins_over_what_does_not_hold(
    results: dict[Result, int], invalid: int, unread_as: int, expected: int
) -> None:
    all_of_them = dict.fromkeys(Result, 0) | results
    assert verify_exit_code(all_of_them, invalid=invalid, unread_as=unread_as) == expected
