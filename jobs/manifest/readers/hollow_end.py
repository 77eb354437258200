"""Leaves out what spreadsheets write below the last row: lines of delimiters without a value, and blank lines."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from jobs.manifest.readers.lines import LineBlock

_ENDINGS = "\r\n"
_RELEASED_LINES = 50_000


def without_hollow_end(blocks: Iterable[LineBlock], delimiter: str) -> Iterator[LineBlock]:
    """The same lines but for those at the end that are blank or hold delimiters alone. Where no other line comes before
    them they stay: a file in which every row is empty is not a file without rows.

    Of lines that may be the end only their number is kept in memory.
    """
    waiting: list[tuple[int, str, int]] = []
    sound = False
    for block in blocks:
        end = len(block.lines)
        while end and not block.lines[end - 1].strip(_ENDINGS + delimiter):
            end -= 1
        if end:
            yield from _released(waiting)
            waiting.clear()
            sound = True
            yield LineBlock(first=block.first, lines=block.lines[:end])
        first = block.first + end
        for line, same in groupby(block.lines[end:]):
            count = len(list(same))
            waiting.append((first, line, count))
            first += count
    if not sound:
        yield from _released(waiting)


def _released(waiting: Iterable[tuple[int, str, int]]) -> Iterator[LineBlock]:
    for first, line, count in waiting:
        for done in range(0, count, _RELEASED_LINES):
            yield LineBlock(first=first + done, lines=[line] * min(count - done, _RELEASED_LINES))
