"""Finds the columns of a manifest by their names, and says why when they cannot be trusted."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobs.manifest.layout import Layout
from jobs.manifest.readers.cells import WAVE
from jobs.manifest.readers.first_lines import plain_name
from jobs.problem import Problem, character, foreign_character, quoted

_UNPRINTABLE = re.compile(r"[^ -~\u00a1-\U0010ffff]|[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_LOOKS_LIKE = 0.75
_KEY_LIKE = re.compile(r"[0-9A-Za-z]{8}(-[0-9A-Za-z]{4}){3}-[0-9A-Za-z]{12}|[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The column names of a manifest; `used` are those the tool knows, with their places, none when it is unusable. The
    column that waves go by is among them, under a separate name.

    Columns without a name at the places `unnamed` must be empty: a value there has slipped out of its column.
    """

    width: int
    used: tuple[tuple[str, int], ...]
    problems: tuple[Problem, ...]
    unnamed: tuple[int, ...] = ()


def read_header(
    names: Sequence[str], layout: Layout, *, file: str, line: int | None, wave_by: str | None = None
) -> Header:
    """Judges column names. A header whose required columns are not each found once has no `used` columns."""
    counts = Counter(names)
    usable = all(counts[name] == 1 for name in layout.required) and all(counts[name] <= 1 for name in layout.used)
    used = tuple((name, names.index(name)) for name in layout.used if name in counts) if usable else ()
    if wave_by is not None:
        used = (*used, (WAVE, names.index(wave_by))) if used and counts[wave_by] == 1 else ()
    problems = tuple(
        Problem(file=file, line=line, column=column, reason=reason, structural=True)
        for column, reason in (
            *_damaged(names),
            *_duplicate(counts),
            *_missing(names, layout, line),
            *_respelt(names, layout),
            *_no_waves(wave_by, names),
        )
    )
    # The first column may have values without a name: programs write their own row numbers so.
    unnamed = tuple(place for place, name in enumerate(names) if place and not name.strip())
    return Header(width=len(names), used=used, problems=problems, unnamed=unnamed)


def _damaged(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        if name.strip() and name != name.strip():
            yield name.strip(), f"the column name {quoted(name)} has whitespace around it; remove it"
        elif name.strip() and len(names) > 1 and (found := _UNPRINTABLE.search(name)):
            yield name, f"the column name holds {character(name, found.start())}; remove it"


def _duplicate(counts: Counter[str]) -> Iterator[tuple[str, str]]:
    for name, count in counts.items():
        if name.strip() and count > 1:
            yield name, f"{count} columns have this name; column names must be unique"


def _missing(names: Sequence[str], layout: Layout, line: int | None) -> Iterator[tuple[str, str]]:
    stripped = {name.strip() for name in names}
    for name in layout.required:
        if name not in stripped:
            yield name, f"the column is missing; {_hint(name, names, layout, line)}"


def _respelt(names: Sequence[str], layout: Layout) -> Iterator[tuple[str, str]]:
    """An optional column under nearly its name would be carried and not used: a row could go to another project."""
    stripped = {name.strip() for name in names}
    for name in layout.optional:
        if name not in stripped and (other := _nearly(name, names)):
            yield name, f"{other}: write {name}, or another name if it is not meant"


def _no_waves(wave_by: str | None, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    if wave_by is None or wave_by in names:
        return
    known = [name for name in names if name.strip()]
    like = next((name for name in known if plain_name(name) == plain_name(wave_by)), None)
    like = like or next(iter(difflib.get_close_matches(wave_by, known, n=1)), None)
    meant = f"did you mean {quoted(like)}?" if like else f"there are {quoted(', '.join(known))}"
    yield wave_by, f"--wave-by names a column that is not there; {meant}"


def _nearly(name: str, names: Sequence[str]) -> str:
    """The column that has this name but for its spelling or characters that only look right."""
    same = (found for found in names if plain_name(found) == plain_name(name))
    foreign = [found for found in names if not found.isascii()]
    other = next(same, None) or next(iter(difflib.get_close_matches(name, foreign, n=1, cutoff=_LOOKS_LIKE)), None)
    return (
        "" if other is None else f"there is {quoted(other)}{foreign_character(other)}; column names are case-sensitive"
    )


def _hint(name: str, names: Sequence[str], layout: Layout, line: int | None) -> str:
    if other := _nearly(name, names):
        return other
    if line is None:
        return f"there are {quoted(', '.join(names))}"
    if any(_KEY_LIKE.fullmatch(found) for found in names):
        return f"the first line looks like data, and must hold the column names: {','.join(layout.required)}"
    return f"the first line must hold the column names, it holds {quoted(', '.join(names))}"
