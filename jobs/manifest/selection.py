"""Which rows of a manifest a job selects, by the names of their secrets."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import translate
from itertools import repeat

from jobs.ledger import Carried
from jobs.manifest.source import ManifestCopy
from jobs.problem import Problem, quoted
from jobs.spec import JobSpec


class Selection:
    """Those whose name matches one of `--only`, where there are any, and none of `--exclude`; case counts.

    A name decides for every row that has it, so rows that repeat or contradict each other are never parted.
    """

    def __init__(self, spec: JobSpec, carried: Iterable[Carried] = ()) -> None:
        """Rows that are `carried`, in their order, are not selected whatever their name."""
        self._carried = (one.row for one in carried)
        self._next_carried = next(self._carried, None)
        self._takes_all = not (spec.only or spec.exclude)
        self._selects = name_selection(spec)
        self._unmatched = {("only", glob): _any_of((glob,)) for glob in spec.only}
        self._unmatched |= {("exclude", glob): _any_of((glob,)) for glob in spec.exclude}
        self._rows = self._selected = self._taken_along = 0

    def of_block(self, rows: Sequence[int], names: Sequence[str | None]) -> Iterator[bool]:
        """Whether each of some rows of these names is selected, at least; every row of the manifest is asked about
        once, in their order.
        """
        self._rows += len(rows)
        if self._takes_all and self._next_carried is None:
            self._selected += len(rows)
            return repeat(object=True)
        return (self._is_selected(row, name or "") for row, name in zip(rows, names, strict=True))

    def _is_selected(self, row: int, name: str) -> bool:
        if row == self._next_carried:
            self._next_carried = next(self._carried, None)
            self._taken_along += 1
            return False
        if self._unmatched:
            self._unmatched = {one: glob for one, glob in self._unmatched.items() if not _matches(glob, name)}
        selected = self._selects(name)
        self._selected += selected
        return selected

    def problems(self, copy: ManifestCopy) -> Iterator[Problem]:
        """What is odd about the selection as a whole, once every row was asked about: nothing where there is no row."""
        if not self._rows:
            return
        for option, glob in self._unmatched:
            yield Problem(file=copy.name, reason=f"--{option} {quoted(glob)} matches no row", structural=False)
        if not self._selected and self._taken_along < self._rows:
            yield copy.problem("--only and --exclude leave no row")


def name_selection(spec: JobSpec) -> Callable[[str], bool]:
    """Whether a job selects the secret of a name, for a caller that has no manifest."""
    only, exclude = _any_of(spec.only), _any_of(spec.exclude)
    return lambda name: (only is None or _matches(only, name)) and not _matches(exclude, name)


def _any_of(globs: tuple[str, ...]) -> "re.Pattern[str] | None":
    return re.compile("|".join(map(translate, globs))) if globs else None


def _matches(globs: "re.Pattern[str] | None", name: str) -> bool:
    return globs is not None and globs.match(name) is not None
