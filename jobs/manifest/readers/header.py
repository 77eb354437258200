"""Finds the columns of a manifest by their names, and says why when they cannot be trusted."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobs.manifest.readers.cells import REQUIRED, USED
from jobs.problem import Problem, character, quoted

_UNPRINTABLE = re.compile(r"[^ -~\u00a1-\U0010ffff]|[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_KEY_LIKE = re.compile(r"[0-9A-Za-z]{8}(-[0-9A-Za-z]{4}){3}-[0-9A-Za-z]{12}|[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The column names of a manifest; `used` are those the tool knows, with their places, none when it is unusable."""

    width: int
    used: tuple[tuple[str, int], ...]
    problems: tuple[Problem, ...]


def read_header(names: Sequence[str], *, file: str, line: int | None) -> Header:
    """Judges column names. A header whose required columns are not each found once has no `used` columns."""
    counts = Counter(names)
    usable = all(counts[name] == 1 for name in REQUIRED) and all(counts[name] <= 1 for name in USED)
    used = tuple((name, names.index(name)) for name in USED if name in counts) if usable else ()
    problems = tuple(
        Problem(file=file, line=line, column=column, reason=reason, structural=True)
        for column, reason in (*_damaged(names), *_duplicate(counts), *_missing(names, line))
    )
    return Header(width=len(names), used=used, problems=problems)


def _damaged(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        if name != name.strip():
            yield name.strip(), f"the column name {quoted(name)} has whitespace around it; remove it"
        elif len(names) > 1 and (found := _UNPRINTABLE.search(name)):
            yield name, f"the column name holds {character(name, found.start())}; remove it"


def _duplicate(counts: Counter[str]) -> Iterator[tuple[str, str]]:
    for name, count in counts.items():
        if count > 1:
            yield name, f"{count} columns have this name; which one counts?"


def _missing(names: Sequence[str], line: int | None) -> Iterator[tuple[str, str]]:
    stripped = {name.strip() for name in names}
    for name in REQUIRED:
        if name not in stripped:
            yield name, f"the column is missing; {_hint(name, names, line)}"


def _hint(name: str, names: Sequence[str], line: int | None) -> str:
    whole = " ".join(names)
    other = next((found for found in names if _UNPRINTABLE.sub("", found).strip().lower() == name), None)
    if other is not None:
        return f"there is {quoted(other)}, and names count exactly"
    if len(names) == 1 and ";" in whole:
        return "the fields look separated by ';', and a manifest has ',' (.csv) or tabs (.tsv)"
    if len(names) == 1 and "\t" in whole:
        return "the fields look separated by tabs: name the file .tsv"
    if len(names) == 1 and "," in whole:
        return "the fields look separated by commas: name the file .csv"
    if line is None:
        return f"there are {quoted(', '.join(names))}"
    if any(_KEY_LIKE.fullmatch(found) for found in names):
        return f"the first line looks like data, and must hold the column names: {','.join(REQUIRED)}"
    return f"the first line must hold the column names, it holds {quoted(', '.join(names))}"
