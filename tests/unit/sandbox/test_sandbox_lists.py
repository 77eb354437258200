"""Lists are cut as any site might cut them."""

import pytest

from batch.sandbox.lists import ListStyle, Markers
from batch.sandbox.terms import Terms
from tests.unit.sandbox.asking import Desk, json_of


def styled(desk: Desk, markers: Markers, page_size: int = 1000) -> Desk:
    desk.sandbox.exchange.service.terms = Terms(lists=ListStyle(markers=markers, page_size=page_size))
    return desk


def page(desk: Desk, query: str) -> tuple[list[int], str | None]:
    """Places of the secrets on a page, and its marker."""
    body = json_of(desk.ask(f"GET /v1/{{p}}/secrets?{query}"))
    info = body.get("page_info", {"next_marker": "none"})
    return [desk.project.names.index(one["name"]) for one in body["secrets"]], info["next_marker"]


@pytest.mark.parametrize(
    ("markers", "leads_to", "second"),
    [
        (Markers.EXCLUSIVE, 2, [3, 4, 5]),
        (Markers.INCLUSIVE, 2, [2, 3, 4]),
        (Markers.NEXT, 3, [3, 4, 5]),
    ],
)
def test_a_marker_is_the_last_item_or_the_first_of_the_next_page(
    desk: Desk, markers: Markers, leads_to: int, second: list[int]
) -> None:
    styled(desk, markers)
    marker = desk.project.names[leads_to]
    assert page(desk, "limit=3") == ([0, 1, 2], marker)
    assert page(desk, f"limit=3&marker={marker}")[0] == second


def test_a_site_without_markers_shows_none_and_continues_behind_any_item(desk: Desk) -> None:
    styled(desk, Markers.NONE)
    assert "page_info" not in json_of(desk.ask("GET /v1/{p}/secrets"))
    assert page(desk, f"limit=3&marker={desk.project.names[2]}")[0] == [3, 4, 5]


def test_no_page_has_more_than_the_site_gives(desk: Desk) -> None:
    styled(desk, Markers.EXCLUSIVE, 4)
    assert page(desk, "limit=1000") == ([0, 1, 2, 3], desk.project.names[3])
    listed = json_of(desk.ask("POST /v1.0/{p}/kms/list-keys", {"limit": "1000", "key_spec": "ALL"}))
    assert (len(listed["keys"]), listed["next_marker"]) == (4, "4")


@pytest.mark.parametrize("markers", [Markers.EXCLUSIVE, Markers.INCLUSIVE, Markers.NEXT])
def test_versions_are_cut_in_the_same_way(desk: Desk, markers: Markers) -> None:
    styled(desk, markers)
    for _ in range(12):
        desk.ask("POST /v1/{p}/secrets/{s}/versions", {"secret_string": "x"})
    seen, marker = list[str](), ""
    for _ in range(20):
        body = json_of(desk.ask(f"GET /v1/{{p}}/secrets/{{s}}/versions?limit=3{marker}"))
        seen += [one["id"] for one in body["version_metadatas"]]
        if body["page_info"]["next_marker"] is None:
            break
        marker = f"&marker={body['page_info']['next_marker']}"
    assert list(dict.fromkeys(seen)) == [one.id for one in desk.project.versions[desk.name]]


def test_a_hidden_secret_leaves_a_gap_on_its_page_and_can_be_read_by_its_name(desk: Desk) -> None:
    names = desk.project.names
    desk.project.hidden.update(names[2:6])
    assert page(desk, "limit=3") == ([0, 1], names[2])
    assert page(desk, f"limit=3&marker={names[2]}") == ([], names[5])
    assert page(desk, f"limit=3&marker={names[5]}") == ([6, 7, 8], names[8])
    assert desk.ask(f"GET /v1/{{p}}/secrets/{names[2]}").status == 200


def test_projects_are_counted_in_pages_where_pages_are_asked_for(desk: Desk) -> None:
    whole = json_of(desk.ask("GET /v3/projects"))
    assert (len(whole["projects"]), whole["links"]["next"]) == (1, None)
    beyond = json_of(desk.ask("GET /v3/projects?page=2&per_page=5"))
    assert (beyond["projects"], beyond["links"]["previous"]) == ([], "/v3/projects?page=1&per_page=5")
    assert desk.ask("GET /v3/projects?page=0&per_page=5").status == 400
