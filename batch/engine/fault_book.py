"""Counts what requests were answered besides what was asked for, for people who watch a run."""

from collections.abc import Callable

from batch.csms.faults import Fault
from jobs.run_view import FaultCount

_MOST_CODES = 50
_OTHERS = "(other codes)"
"""Codes are the service's text, so there is no end to them."""


class FaultBook:
    """Remembers for every code how often it came, and what was said the last time; `clean` takes credentials out."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean = clean
        self._found: dict[str, tuple[int, str]] = {}

    def note(self, fault: Fault) -> None:
        """One more answer; its code becomes the most recent."""
        code = self._clean(fault.code)
        if code not in self._found and len(self._found) >= _MOST_CODES:
            code = _OTHERS
        requests, _ = self._found.pop(code, (0, ""))
        self._found[code] = (requests + 1, self._clean(fault.message))

    def recent(self) -> tuple[FaultCount, ...]:
        """Every code, the most recent first."""
        found = reversed(self._found.items())
        return tuple(FaultCount(code=code, requests=n, message=said) for code, (n, said) in found)
