"""Draws what became of the rows by project, reason and PUTs; each drawing in words too, and its figures as a table."""

from collections.abc import Iterator

import msgspec

from jobs.model import Group
from jobs.printable import counted
from reports.page.charts import Bar, bar_chart
from reports.screen.wording import GROUP_WORDS
from reports.summary.open_rows import place_name
from reports.summary.schema import Summary
from reports.summary.tally import MOST_PUTS

MOST_BARS = 8
_OPEN_KINDS = {group.value: words for group, words in GROUP_WORDS.items() if group is not Group.DONE}


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What a colour stands for."""

    kind: str
    name: str


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A drawing with its legend, and the same as a table; texts may be hostile, `svg` is safe."""

    title: str
    note: str
    keys: tuple[Key, ...]
    svg: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]


def bar_figures(summary: Summary) -> Iterator[Figure]:
    """Outcomes by project, reasons, and PUTs per row, each where there is something to show."""
    if summary.scopes:
        yield _scopes(summary)
    if summary.errors:
        yield _codes(summary)
    if summary.attempts:
        yield _puts(summary)


def _scopes(summary: Summary) -> Figure:
    title = "Outcomes by project"
    ordered = sorted(summary.scopes, key=lambda scope: -scope.rows)
    shown = [
        (place_name(scope.region, scope.project_id), (scope.done, scope.fix_first, scope.run_again))
        for scope in ordered[:MOST_BARS]
    ]
    if rest := ordered[MOST_BARS:]:
        sums = (sum(s.done for s in rest), sum(s.fix_first for s in rest), sum(s.run_again for s in rest))
        shown.append((f"{len(rest)} more", sums))
    if nowhere := summary.by_group.fix_first - sum(scope.fix_first for scope in summary.scopes):
        shown.append(("other invalid rows", (0, nowhere, 0)))
    kinds = tuple(group.value for group in GROUP_WORDS)
    bars = [Bar(label=name, parts=tuple(zip(kinds, rows, strict=True))) for name, rows in shown]
    words = "; ".join(f"{name}: {d:,} done, {f:,} to fix first, {r:,} to run again" for name, (d, f, r) in shown)
    return Figure(
        title=title,
        note="Rows of each region and project.",
        keys=tuple(Key(kind=group.value, name=words) for group, words in GROUP_WORDS.items()),
        svg=bar_chart(title, words, bars=bars),
        columns=("Project", "Done", "Fix first", "Run again"),
        rows=tuple((name, *rows) for name, rows in shown),
    )


def _codes(summary: Summary) -> Figure:
    title = "Rows not done, by reason"
    by_code: dict[str, dict[str, int]] = {}
    for error in summary.errors:
        parts = by_code.setdefault(error.error_code or error.status.value, dict.fromkeys(_OPEN_KINDS, 0))
        parts[error.status.group.value] += error.rows
    ordered = sorted(by_code.items(), key=lambda item: -sum(item[1].values()))
    shown = ordered[:MOST_BARS]
    words = "; ".join(f"{code}: {counted(sum(parts.values()), 'row')}" for code, parts in shown)
    more = f", the first {len(shown)} of {len(ordered)}" if len(ordered) > len(shown) else ""
    return Figure(
        title=title,
        note=f"The last error code of a row, or its status if it has no code{more}.",
        keys=tuple(Key(kind=kind, name=name) for kind, name in _OPEN_KINDS.items()),
        svg=bar_chart(title, words, bars=[Bar(label=code, parts=tuple(parts.items())) for code, parts in shown]),
        columns=("Code", *(name.capitalize() for name in _OPEN_KINDS.values())),
        rows=tuple((code, *parts.values()) for code, parts in shown),
    )


def _puts(summary: Summary) -> Figure:
    title = "Attempts per row"
    shown = [(_puts_name(count.attempts), count.rows) for count in summary.attempts]
    return Figure(
        title=title,
        note="How many PUTs a row needed, over all runs and resumes.",
        keys=(),
        svg=bar_chart(
            title,
            "; ".join(f"{name}: {counted(rows, 'row')}" for name, rows in shown),
            bars=[Bar(label=name, parts=(("plain", rows),)) for name, rows in shown],
        ),
        columns=("PUTs", "Rows"),
        rows=tuple(shown),
    )


def _puts_name(puts: int) -> str:
    return "1 PUT" if puts == 1 else f"{puts}{' or more' if puts == MOST_PUTS else ''} PUTs"
