"""Prints what is wrong with a manifest, as it is found, up to a limit."""

from collections.abc import Callable

from jobs.problem import Problem


class ProblemPrinter:
    """Structural problems are always printed; of bad rows the first `limit`, and then how many more there were."""

    def __init__(self, tell: Callable[[str], None], *, limit: int | None) -> None:
        self._tell = tell
        self._limit = limit
        self._rows = 0

    def add(self, problem: Problem) -> None:
        """Prints a problem, or counts it."""
        if not problem.structural:
            self._rows += 1
            if self._limit is not None and self._rows > self._limit:
                return
        self._tell(str(problem))

    def finish(self) -> None:
        """Tells how many were only counted."""
        if self._limit is not None and self._rows > self._limit:
            self._tell(f"... and {self._rows - self._limit} more invalid rows; the rejected file lists them all")
