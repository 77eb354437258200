"""The file of results: each section keeps its figures, with the day they are of, until it is measured again."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_PATH = Path(__file__).parent / "RESULTS.md"
# What was aimed at and what came out, judged by hand: read it again whenever the figures move.
_GOALS = Path(__file__).parent / "GOALS.md"
_HEADING = re.compile(r"^## (.+)\n", re.MULTILINE)


def kept(path: Path = _PATH) -> dict[str, str]:
    """What each section says, by its title."""
    _, *parts = _HEADING.split(path.read_text()) if path.exists() else [""]
    return {title: body.strip() for title, body in zip(parts[::2], parts[1::2], strict=True)}


def section(lines: Sequence[str], *, began_at: float, took_s: float) -> str:
    """The body of a section that was measured now."""
    day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(began_at))
    return "\n".join((f"Measured on {day}, in {took_s:.0f} s.", "", *lines)).strip()


def write(found: Mapping[str, str], titles: Sequence[str], machine: str, path: Path = _PATH) -> None:
    """Writes the sections that have these titles, in this order, and then the goals."""
    path.write_text("\n".join(_text(found, titles, machine)))


def _text(found: Mapping[str, str], titles: Sequence[str], machine: str) -> Iterator[str]:
    yield f"# Measured\n\n{machine}; `make bench`, which may measure one section at a time.\n"
    yield from (f"## {title}\n\n{found[title]}\n" for title in titles if title in found)
    yield _GOALS.read_text()
