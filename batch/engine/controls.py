"""What the user asks of a session while it lasts, for all its scopes alike: another rate, or a pause."""

import math
from collections.abc import Callable, Iterator

from batch.engine.lane import Lane
from jobs.rate import Rate


class Controls:
    """The one door to the scopes of a live session. `full_rate` is the rate that the session began with; `on_change`
    hears in words what has changed.
    """

    def __init__(self, full_rate: Rate, on_change: Callable[[str], None]) -> None:
        self._on_change = on_change
        self.scopes: list[Lane] = []
        self.full_rate = full_rate
        self.rate = full_rate
        self.paused = False
        self.held = False
        """Something else has to be done before anything is sent."""

    @property
    def sends(self) -> bool:
        """Whether anything may be sent."""
        return not (self.paused or self.held)

    def add(self, scope: Lane) -> None:
        """One more scope, which does what was asked for before."""
        self.scopes.append(scope)
        scope.obey(self.rate, paused=not self.sends)

    def allowed_per_s(self) -> float:
        """What all scopes together may send in a second now; once that is without a limit no more are asked."""
        allowed_per_s = 0.0
        for one in self.scopes:
            allowed_per_s += one.allowed_per_s
            if math.isinf(allowed_per_s):
                break
        return allowed_per_s

    def obey(self, rate: Rate, *, paused: bool) -> str:
        """Does what is asked for; in words what that changes, empty where it is nothing."""
        words = ", ".join(self._changes(rate, paused=paused))
        self.rate, self.paused = rate, paused
        if words:
            self._pass_on()
            self._on_change(words)
        return words

    def hold(self, held: bool) -> None:  # noqa: FBT001 - the state itself
        """Sends nothing for now, or what else is asked for."""
        if held != self.held:
            self.held = held
            self._pass_on()

    def _pass_on(self) -> None:
        for one in self.scopes:
            one.obey(self.rate, paused=not self.sends)

    def _changes(self, rate: Rate, *, paused: bool) -> Iterator[str]:
        if rate != self.rate:
            yield f"rate {rate} (before {self.rate})"
        if paused != self.paused:
            yield "paused" if paused else "continued"
