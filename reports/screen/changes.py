"""Notices what a reader should see during a run: trouble that lasts, and its end."""

from collections.abc import Iterator, Sequence

import msgspec

from jobs.printable import counted
from jobs.run_view import RunView, ScopeState, ScopeView, WaveStage
from reports.screen.run_words import state_words, wave_line
from reports.summary.open_rows import place_name

_AT_ONCE = frozenset({ScopeState.STOPPED, ScopeState.OUTAGE})
_IDLE = frozenset({ScopeState.WAITING, ScopeState.ENDED})
_SLOW = frozenset({ScopeState.SLOWED, ScopeState.THROTTLED})
_LASTS = 5
"""So many more looks at which a project was slowed than at which it was not; what comes and goes is not shown."""
_MOST_LINES = 10
_Place = tuple[str | None, str]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A project that does something else than was last shown, and the words for it."""

    scope: ScopeView
    words: str


class Changes:
    """Remembers what has been shown of each project; to be shown a run once a second."""

    def __init__(self) -> None:
        self._told: dict[_Place, ScopeState] = {}
        self._without_login: set[_Place] = set()
        self._wave: tuple[int, WaveStage] | None = None
        self._slow: dict[_Place, int] = {}
        """How often a project was seen slowed, less how often it was not, within bounds."""

    def note(self, view: RunView) -> tuple[Change, ...]:
        """What to show now. The beginning or end of a project is left out."""
        return tuple(change for scope in view.scopes if (change := self._changed(scope)) is not None)

    def of_wave(self, view: RunView) -> Iterator[str]:
        """Yields a line where a wave has begun or is over."""
        now = None if view.wave is None else (view.wave.number, view.wave.stage)
        if view.wave is not None and now != self._wave:
            yield wave_line(view.wave)
        self._wave = now

    def _changed(self, scope: ScopeView) -> Change | None:
        if scope.state is ScopeState.PAUSED:
            # The person who paused the run knows, and it says nothing about the service.
            return None
        place = (scope.region, scope.project_id)
        told = self._told.get(place, ScopeState.RUNNING)
        self._told[place] = now = self._lasting(place, scope.state, told)
        if now is told or now in _IDLE or (told in _IDLE and now is ScopeState.RUNNING):
            return None
        if now is ScopeState.OUTAGE and scope.login is not None:
            self._without_login.add(place)
        if told is not ScopeState.OUTAGE or now is not ScopeState.RUNNING:
            return Change(scope=scope, words=state_words(scope))
        what = "login" if place in self._without_login else "service"
        self._without_login.discard(place)
        return Change(scope=scope, words=f"{what} answering again")

    def _lasting(self, place: _Place, state: ScopeState, told: ScopeState) -> ScopeState:
        """The state to show: a slow one only once it lasts, and then for as long as it does."""
        if state in _AT_ONCE or state in _IDLE:
            self._slow.pop(place, None)
            return state
        slow = self._slow.get(place, 0) + (1 if state in _SLOW else -1)
        self._slow[place] = slow = max(0, min(_LASTS, slow))
        if told in _SLOW and slow:
            return told
        if state in _SLOW and slow < _LASTS:
            return ScopeState.RUNNING if told in _AT_ONCE else told
        return state


def change_lines(changes: Sequence[Change]) -> Iterator[str]:
    """Yields a line for each of the first of them, and how many more there are."""
    for change in changes[:_MOST_LINES]:
        yield f"project {place_name(change.scope.region, change.scope.project_id)}: {change.words}"
    if len(changes) > _MOST_LINES:
        yield f"and {counted(len(changes) - _MOST_LINES, 'more project')} changed state"
