"""Decides after each page of a list whether to ask for another one, whatever the service makes of its markers.

No document says whether a marker is the last item of a page or the first of the next, nor whether a page begins with it
or behind it, so it is sent back as it came, and an item that was on the page before is dropped. A list that would
never end is cut short and said to be untrue, with whatever it has shown.
"""

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Protocol

MOST_PAGES = 20_000
"""A million items, fifty a page."""
MOST_BARREN = 100
"""Pages in a row with nothing new: a service that filters what it has cut into pages shows some that are empty."""
_MOST_MARKER = 2_048


class Page(Protocol):
    """A page of any list. `marked` says that it shows where it stands: then no next marker means the end."""

    @property
    def ids(self) -> tuple[str, ...]:
        """What its items are known by, in its order."""

    @property
    def next_marker(self) -> str | None:
        """What to ask for the next page with."""

    @property
    def marked(self) -> bool:
        """Whether it shows where in its list it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How far a list was read: the page to ask for next is that of `marker`, None for the first.

    It holds no more than the last page, so a list of any length can be read. To continue after a crash, the marker is
    enough: `Paging(marker=...)`.
    """

    marker: str | None = None
    pages: int = 0
    barren: int = 0
    before: frozenset[str] = frozenset()
    """The items of the last page."""
    milestone: str | None = None
    """A marker of earlier, at which a list that goes round comes by again."""
    since_milestone: int = 0
    stretch: int = 1


@dataclass(frozen=True, slots=True)
class ListEnd:
    """The list was shown whole, as far as the client can see."""


@dataclass(frozen=True, slots=True)
class ListLies:
    """The list cannot be what the service has; `reason` says how it shows."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one page came to: the places of its new items, how many it repeated, and what to do next.

    The one item that markers repeat from page to page does not count as a repeat.
    """

    fresh: tuple[int, ...]
    repeats: int
    then: Paging | ListEnd | ListLies


def turn(paging: Paging, page: Page, *, known: Container[str] = ()) -> Turn:
    """Takes in the page that was asked for with `paging.marker`. `known` are items that count as seen beside those of
    the last page.
    """
    seen, fresh = set(paging.before), []
    for place, one in enumerate(page.ids):
        if one not in seen:
            seen.add(one)
            if one not in known:
                fresh.append(place)
    ids = frozenset(page.ids)
    overlap = 1 if paging.before & ids else 0
    return Turn(
        fresh=tuple(fresh),
        repeats=max(0, len(page.ids) - len(fresh) - overlap),
        then=_then(paging, page, ids, new=bool(fresh)),
    )


def _then(paging: Paging, page: Page, ids: frozenset[str], *, new: bool) -> Paging | ListEnd | ListLies:
    marker = page.next_marker
    # By the page alone: what is known may be so from a time when this very page was read, before a crash.
    moved = not ids <= paging.before | {paging.marker}
    if marker is None and not page.marked and moved:
        # It may be one that expects the last item to be given back, until a page is empty.
        marker = page.ids[-1]
    if marker is None:
        return ListEnd()
    if marker == paging.marker:
        # The last item may be given back for ever, but not a page of them.
        return ListLies("it does not move on from one of its pages") if moved or len(ids) > 1 else ListEnd()
    barren = 0 if new else paging.barren + 1
    pages = paging.pages + 1
    if (reason := _lie(paging, marker, pages=pages, barren=barren)) is not None:
        return ListLies(reason)
    return _walked(replace(paging, marker=marker, pages=pages, barren=barren, before=ids or paging.before), marker)


def _lie(paging: Paging, marker: str, *, pages: int, barren: int) -> str | None:
    if marker == paging.milestone:
        return "its pages go round in a circle"
    if barren >= MOST_BARREN:
        return f"{MOST_BARREN} pages in a row show nothing new"
    if pages >= MOST_PAGES:
        return f"it has no end after {MOST_PAGES} pages"
    if len(marker) > _MOST_MARKER:
        return "its marker is too long to be sent"
    return None


def _walked(paging: Paging, marker: str) -> Paging:
    """Sets milestones twice as far apart each time (Brent): a circle of any length is noticed, with one marker kept."""
    if paging.since_milestone + 1 < paging.stretch:
        return replace(paging, since_milestone=paging.since_milestone + 1)
    return replace(paging, milestone=marker, since_milestone=0, stretch=paging.stretch * 2)
