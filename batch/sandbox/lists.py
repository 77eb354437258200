"""How a list is cut into pages: documents leave open what a marker stands for, so every reading of them can be had."""

import bisect
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs

import msgspec

from batch.sandbox.refusals import refused
from batch.sandbox.wire import Route

MAX_PAGE = 1000
_USUAL_PAGE = "50"


class Markers(StrEnum):
    """What the marker of a page is, and where the next one begins."""

    EXCLUSIVE = "exclusive"
    """The last item of its page; the next begins behind it."""
    INCLUSIVE = "inclusive"
    """The last item of its page; the next begins with it once more."""
    NEXT = "next"
    """The first item of the next page, which begins with it."""
    NONE = "none"
    """Pages say nothing about where they stand; asked with an item, the service continues behind it."""


class ListStyle(msgspec.Struct, frozen=True, kw_only=True):
    """How all lists are cut: no page has more than `page_size` items, whatever is asked for."""

    markers: Markers = Markers.EXCLUSIVE
    page_size: int = MAX_PAGE


class PageInfo(msgspec.Struct):
    """Where a page stands, as the service shows it."""

    next_marker: str | None
    previous_marker: str | None
    current_count: int


class Cut(msgspec.Struct, frozen=True):
    """A page: its items, and what to ask with for the next one."""

    items: Sequence[str]
    marker: str
    next_marker: str | None

    def info(self, shown: int) -> PageInfo:
        """What the answer says of it when `shown` of its items are in it."""
        return PageInfo(next_marker=self.next_marker, previous_marker=self.marker or None, current_count=shown)


def cut(items: Sequence[str], query: dict[str, str], style: ListStyle, *, order: Callable[[str], Any]) -> Cut:
    """The page that a query asks for, of items that stand in that order."""
    limit = min(_limit(query), style.page_size)
    marker = query.get("marker", "")
    start = 0
    if marker:
        find = bisect.bisect_right if style.markers in {Markers.EXCLUSIVE, Markers.NONE} else bisect.bisect_left
        start = find(items, order(marker), key=order)
    stop = start + limit
    more = stop < len(items)
    following = stop if style.markers is Markers.NEXT else stop - 1
    return Cut(items[start:stop], marker, items[following] if more else None)


def query_of(route: Route) -> dict[str, str]:
    """The last value of each name."""
    return {name: values[-1] for name, values in parse_qs(route.query).items()}


def _limit(query: dict[str, str]) -> int:
    text = query.get("limit", _USUAL_PAGE)
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_PAGE):  # noqa: PLR2004 # the API takes 4 digits
        raise refused("CSMS.0002", "limit")
    return int(text)
