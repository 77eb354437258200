"""Something that cannot be reached for the moment: when to try it again, and when that has lasted too long; pure."""

from dataclasses import dataclass

_LONGEST_PAUSE_S = 15.0


@dataclass(slots=True)
class Outage:
    """None while `since_s` is None; it may last for `most_s`."""

    most_s: float
    since_s: float | None = None
    _next_s: float = 0.0
    _tries: int = 0

    def failed(self, now_s: float) -> None:
        """It could not be reached."""
        if self.since_s is None:
            self.since_s = now_s
        self._next_s = now_s + min(_LONGEST_PAUSE_S, 2.0**self._tries)
        self._tries += 1

    def ended(self) -> None:
        """It was reached."""
        self.since_s, self._tries, self._next_s = None, 0, 0.0

    def due(self, now_s: float) -> bool:
        """Whether it may be tried."""
        return now_s >= self._next_s

    def too_long(self, now_s: float) -> bool:
        """Whether to wait for it no longer."""
        return self.since_s is not None and now_s >= self.since_s + self.most_s
