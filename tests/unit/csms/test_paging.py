"""Lists are read whole and once, whatever markers mean; one that cannot be true comes to an end and is said to lie."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.csms.paging import MOST_BARREN, MOST_PAGES, ListEnd, ListLies, Paging, Turn, turn
from batch.sandbox.lists import ListStyle, Markers
from batch.sandbox.terms import Terms
from tests.unit.sandbox.asking import Desk, json_of, small_sandbox


@dataclass(frozen=True)
class Shown:
    ids: tuple[str, ...]
    next_marker: str | None = None
    marked: bool = True


def page(text: str, marker: str | None = None, *, marked: bool = True) -> Shown:
    return Shown(tuple(text), marker, marked)


def at(marker: str | None, before: str = "") -> Paging:
    return Paging(marker=marker, before=frozenset(before))


def going_to(found: Turn) -> str | type:
    return found.then.marker or "" if isinstance(found.then, Paging) else type(found.then)


@pytest.mark.parametrize(
    ("case", "paging", "shown", "fresh", "then"),
    [
        ("the only page", at(None), page("abc"), "abc", ListEnd),
        ("no items at all", at(None), page(""), "", ListEnd),
        ("more to come", at(None), page("abc", "c"), "abc", "c"),
        ("the last page", at("c", "abc"), page("de"), "de", ListEnd),
        ("an empty page at the end", at("c", "abc"), page(""), "", ListEnd),
        ("the marker's own item once more", at("c", "abc"), page("cde", "e"), "de", "e"),
        ("the first of the next page as marker", at("d", "abc"), page("def", "g"), "def", "g"),
        ("an opaque marker", at("MTAw", "abc"), page("def", "MjAw"), "def", "MjAw"),
        ("an empty page in the middle", at("c", "abc"), page("", "f"), "", "f"),
        ("the same item twice on a page", at(None), page("aba", "a"), "ab", "a"),
        ("a page with nothing new", at("c", "abc"), page("abc", "d"), "", "d"),
        ("at the end the marker stands still", at("c", "abc"), page("c", "c"), "", ListEnd),
        ("the same after a crash, when nothing is remembered", at("c"), page("c", "c"), "c", ListEnd),
        ("an empty page with the same marker", at("c", "abc"), page("", "c"), "", ListEnd),
        ("a service that takes no notice of markers", at("c", "abc"), page("abc", "c"), "", ListLies),
        ("a marker that stands still although there is more", at("c", "abc"), page("de", "c"), "de", ListLies),
        ("no word on where it stands: its last item is tried", at(None), page("abc", marked=False), "abc", "c"),
        ("the same until a page is empty", at("c", "abc"), page("", marked=False), "", ListEnd),
        ("or shows what was there", at("c", "abc"), page("c", marked=False), "", ListEnd),
        ("or the whole list once more", at("c", "abc"), page("abc", marked=False), "", ListEnd),
        ("a marker that no request line takes", at(None), page("a", "x" * 3000), "a", ListLies),
    ],
)
def test_one_page(case: str, paging: Paging, shown: Shown, fresh: str, then: str | type) -> None:
    found = turn(paging, shown)
    assert "".join(shown.ids[place] for place in found.fresh) == fresh, case
    assert going_to(found) == then, case


@pytest.mark.parametrize(
    ("paging", "shown", "known", "repeats"),
    [
        (at(None), page("abc", "c"), "", 0),
        (at("c", "abc"), page("cde", "e"), "", 0),
        (at("c", "abc"), page("bcd", "d"), "", 1),
        (at(None), page("aab", "b"), "", 1),
        (at("c", "abc"), page("de", "e"), "d", 1),
        (at("c", "abc"), page("abc", "d"), "", 2),
    ],
)
def test_repeats_are_counted_but_for_the_one_item_that_markers_repeat(
    paging: Paging, shown: Shown, known: str, repeats: int
) -> None:
    assert turn(paging, shown, known=known).repeats == repeats


def test_a_page_that_was_recorded_before_a_crash_and_is_asked_for_again_ends_nothing() -> None:
    """All of it is known, and yet there is more behind it, even where pages have no markers."""
    for marked, marker in ((True, "f"), (False, None)):
        found = turn(at("c"), page("def", marker, marked=marked), known="abcdef")
        assert (found.fresh, going_to(found)) == ((), "f")


def read_all(answer: Callable[[str | None], Shown]) -> tuple[list[str], ListEnd | ListLies, int]:
    paging, items, asked = Paging(), list[str](), 0
    while True:
        shown = answer(paging.marker)
        asked += 1
        found = turn(paging, shown)
        items += [shown.ids[place] for place in found.fresh]
        if not isinstance(found.then, Paging):
            return items, found.then, asked
        paging = found.then


@pytest.mark.parametrize("length", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("lead", [0, 1, 5])
def test_a_list_that_goes_round_in_a_circle_is_noticed_soon(lead: int, length: int) -> None:
    def answer(marker: str | None) -> Shown:
        number = 0 if marker is None else int(marker)
        following = number + 1 if number + 1 < lead + length else lead
        return Shown((f"name-{number}", f"other-{number}"), str(following))

    items, then, asked = read_all(answer)
    assert isinstance(then, ListLies)
    assert asked <= 3 * (lead + length) + 3
    assert set(items) == {f"{kind}-{n}" for n in range(lead + length) for kind in ("name", "other")}


def test_a_list_that_never_shows_anything_new_again_is_cut_short() -> None:
    items, then, asked = read_all(lambda marker: Shown(("a",), str(int(marker or 0) + 1)))
    assert (items, asked) == (["a"], MOST_BARREN + 1)
    assert then == ListLies(f"{MOST_BARREN} pages in a row show nothing new")


def test_a_list_without_end_is_cut_short_and_no_more_than_a_page_of_it_is_kept() -> None:
    paging: Paging | ListEnd | ListLies = Paging()
    asked = 0
    while isinstance(paging, Paging):
        asked += 1
        paging = turn(paging, Shown((f"n{asked}",), f"n{asked}")).then
        assert not isinstance(paging, Paging) or len(paging.before) == 1
    assert (asked, paging) == (MOST_PAGES, ListLies(f"it has no end after {MOST_PAGES} pages"))


PAGES = st.lists(st.tuples(st.text("abcdef", max_size=4), st.sampled_from([None, *"uvwxyz"])), min_size=7, max_size=7)


@given(PAGES)
def test_whatever_a_service_answers_it_comes_to_an_end(pages: Sequence[tuple[str, str | None]]) -> None:
    """Seven places that lead to one another at random: each item was shown, and none twice on neighbouring pages."""
    places = dict(zip([None, *"uvwxyz"], pages, strict=True))
    items, then, asked = read_all(lambda marker: page(*places[marker]))
    assert asked <= 3 * len(pages) + 3
    assert set(items) <= {item for text, _ in pages for item in text}
    reached, marker = set[str | None](), None
    while marker not in reached:
        reached.add(marker)
        marker = places[marker][1]
        if marker is None:
            break
    if isinstance(then, ListLies):
        assert marker is not None


@given(
    count=st.integers(0, 40),
    size=st.integers(2, 12),
    markers=st.sampled_from(Markers),
    hidden=st.sets(st.integers(0, 39)),
)
def test_every_kind_of_marker_gives_each_secret_once(count: int, size: int, markers: Markers, hidden: set[int]) -> None:
    desk = Desk(small_sandbox(secrets=count))
    desk.sandbox.exchange.service.terms = Terms(lists=ListStyle(markers=markers, page_size=size))
    names = desk.project.names
    if markers is not Markers.NONE:
        # Without markers a page that was emptied looks like the end.
        desk.project.hidden.update(names[place] for place in hidden if place < count)

    def answer(marker: str | None) -> Shown:
        query = "" if marker is None else f"&marker={quote(marker)}"
        body = json_of(desk.ask(f"GET /v1/{{p}}/secrets?limit=1000{query}"))
        info = body.get("page_info")
        return Shown(tuple(one["name"] for one in body["secrets"]), info and info["next_marker"], info is not None)

    items, then, _ = read_all(answer)
    assert items == [name for name in names if name not in desk.project.hidden]
    assert then == ListEnd()


def test_how_far_a_list_was_read_is_a_value_that_can_be_kept() -> None:
    paging = turn(Paging(), page("abc", "c")).then
    assert isinstance(paging, Paging)
    assert msgspec.json.decode(msgspec.json.encode(paging), type=Paging) == paging
