"""A run that is going in words: one line for a log, one for each change, and the parts of a screen."""

import math
from collections.abc import Iterator, Sequence
from typing import assert_never

from jobs.model import Status
from jobs.printable import counted
from jobs.run_view import SENDING, FaultCount, RunView, ScopeState, ScopeView, WaveStage, WaveView
from jobs.waves import wave_words
from reports.screen.amounts import rate_text, share, span
from reports.summary.open_rows import place_name

# A share of requests from here on is worth a word, so many in a second say how fast they are.
_WORTH_A_WORD = 0.02
_MOST_LINES = 6
_TELLING_PER_S = 10.0
_TROUBLE = (ScopeState.STOPPED, ScopeState.OUTAGE, ScopeState.THROTTLED, ScopeState.SLOWED)
_SAME_PER_S = 0.05
_IDLE_WORDS = {ScopeState.WAITING: "waiting for a later wave", ScopeState.ENDED: "no rows left"}
_WAITING = frozenset({ScopeState.OUTAGE, ScopeState.THROTTLED})
_STATE_NAMES = {
    ScopeState.STOPPED: "stopped",
    ScopeState.PAUSED: "paused",
    ScopeState.OUTAGE: "not answering",
    ScopeState.THROTTLED: "refused for their rate",
    ScopeState.SLOWED: "slowed",
    ScopeState.SETTLING: "waiting for rows in doubt",
    ScopeState.RUNNING: "running",
    ScopeState.WAITING: "waiting for a later wave",
    ScopeState.ENDED: "done",
}


def progress_line(view: RunView) -> str:
    """How it stands, on one line."""
    trouble = trouble_words(view) or _settling_words(view)
    parts = [
        f"{view.ended:,} of {counted(view.total, 'row')} ({percent(view)})",
        *(() if view.wave is None else (wave_line(view.wave),)),
        ", ".join((*count_words(view), *pace_words(view))),
    ]
    return "; ".join(parts if trouble is None else [*parts, trouble])


def wave_line(wave: WaveView) -> str:
    """Which wave it is, and what comes after it once it is over."""
    place = f"wave {wave.number} of {wave.waves}"
    following = "" if wave.following is None else wave_words(wave.following)
    match wave.stage:
        case WaveStage.RUNNING:
            return f"{place}: {wave_words(wave.name)}"
        case WaveStage.SOAKING:
            return f"{place} is over; {following} begins in {span(wave.again_in_s or 0.0)}"
        case WaveStage.ASKING:
            return f"{place} is over; the command of --between decides whether {following} begins"
        case _:
            assert_never(wave.stage)


def trouble_lines(scopes: Sequence[ScopeView]) -> Iterator[str]:
    """Yields a line for each of a few projects that something slows, and how many more there are."""
    troubled = [scope for scope in scopes if scope.state in _TROUBLE or scope.held_keys]
    for scope in troubled[:_MOST_LINES]:
        yield f"project {place_name(scope.region, scope.project_id)}: {state_words(scope)}"
    if rest := troubled[_MOST_LINES:]:
        yield f"and {counted(len(rest), 'more project')}: {', '.join(state_counts(rest))}"


def percent(view: RunView) -> str:
    """Rounded down, so that all is not said before all is."""
    return f"{100 * view.ended // view.total if view.total else 100} %"


def count_words(view: RunView) -> Iterator[str]:
    """Yields the rows of each status that has any."""
    for status in Status:
        rows = sum(count.rows for count in view.counts if count.status is status)
        if rows:
            yield f"{rows:,} {status.value.replace('_', ' ')}"


def pace_words(view: RunView) -> Iterator[str]:
    """Yields the rates, the time elapsed, and the time left where it is known."""
    if view.paused:
        yield "paused by `set`"
        yield f"{view.in_flight} in flight"
        yield f"{span(math.floor(view.elapsed_s))} elapsed"
        return
    yield f"{rate_text(view.rows_per_s)} rows/s"
    yield f"{rate_text(view.requests_per_s)}/s sent{_allowed_in_all(view)}"
    yield f"{view.in_flight} in flight"
    yield f"{span(math.floor(view.elapsed_s))} elapsed"
    moving = not view.scopes or any(scope.state in SENDING for scope in view.scopes)
    if moving and view.open_rows and view.eta_s is not None and view.stopping is None:
        yield f"about {span(view.eta_s)} left"


def _allowed_in_all(view: RunView) -> str:
    """What each project may send, times the projects that share in what was sent; their sum where they differ."""
    allowed = [scope.allowed_per_s for scope in view.scopes if scope.state in SENDING]
    projects = max(view.sending, len(allowed))
    if not allowed or math.inf in allowed:
        return ""
    if max(allowed) - min(allowed) < _SAME_PER_S:
        return f", allowed {rate_text(allowed[0])}/s{f' x {projects} projects' if projects > 1 else ''}"
    return f", allowed {rate_text(sum(allowed))}/s over {projects} projects"


def scope_words(scope: ScopeView) -> str:
    """What a project does, and what is left for it to do."""
    words = state_words(scope)
    return words if scope.state is ScopeState.ENDED else f"{counted(scope.open_rows, 'row')} left, {words}"


def trouble_words(view: RunView) -> str | None:
    """What slows the run, in few words; None where nothing does."""
    troubled = [scope for scope in view.scopes if scope.state in _TROUBLE]
    match troubled:
        case []:
            return None
        case [only] if len(view.scopes) == 1:
            return state_words(only)
        case [only]:
            return f"project {place_name(only.region, only.project_id)}: {state_words(only)}"
        case _:
            return f"{len(troubled)} of {len(view.scopes)} projects: {', '.join(state_counts(troubled))}"


def _settling_words(view: RunView) -> str | None:
    """What a run waits for that sends nothing because of rows in doubt: it would seem to hang."""
    left = [scope for scope in view.scopes if scope.state not in _IDLE_WORDS]
    if not left or any(scope.state is not ScopeState.SETTLING for scope in left):
        return None
    return state_words(min(left, key=lambda scope: scope.again_in_s or 0.0))


def state_counts(scopes: Sequence[ScopeView]) -> Iterator[str]:
    """Yields how many projects are in each state that one of them is in."""
    without = sum(scope.login is not None and scope.state is ScopeState.OUTAGE for scope in scopes)
    if without:
        yield f"{without} waiting for the login"
    for state, name in _STATE_NAMES.items():
        count = sum(scope.state is state for scope in scopes) - (without if state is ScopeState.OUTAGE else 0)
        if count:
            yield f"{count} {name}"


def state_words(scope: ScopeView) -> str:
    """What a project does; where something slows it, what that is and what it costs."""
    # The source is last, as it may be long.
    words = "; ".join((*_state_parts(scope), *((f"source: {scope.login}",) if scope.login else ())))
    if not scope.held_keys or scope.state in {ScopeState.STOPPED, ScopeState.ENDED}:
        return words
    keys = "1 key" if scope.held_keys == 1 else f"{scope.held_keys} keys"
    first = "" if scope.held_reason is None else f" ({'' if scope.held_keys == 1 else 'first: '}{scope.held_reason})"
    return f"{words}; {keys} held back{first}"


def _state_parts(scope: ScopeView) -> Iterator[str]:
    in_s = "" if scope.again_in_s is None else f" in {math.ceil(scope.again_in_s)} s"
    match scope.state:
        case ScopeState.RUNNING:
            yield f"running, {_allowed_words(scope)}, {scope.in_flight} in flight"
        case ScopeState.PAUSED:
            yield f"paused, {scope.in_flight} in flight"
        case ScopeState.SLOWED:
            yield from _slowed_parts(scope)
        case ScopeState.THROTTLED:
            yield f"requests refused for their rate (429); next request{in_s or ' soon'}"
        case ScopeState.SETTLING:
            yield f"outcome of some rows uncertain; checking{in_s or ' now'}"
        case ScopeState.OUTAGE:
            yield from _outage_parts(scope, in_s)
        case ScopeState.STOPPED:
            yield f"stopped: {scope.reason or 'no more requests'}"
        case ScopeState.WAITING | ScopeState.ENDED:
            yield _IDLE_WORDS[scope.state]
        case _:
            assert_never(scope.state)
    if scope.state in _WAITING and scope.gives_up_in_s is not None:
        yield f"gives up in {span(scope.gives_up_in_s)}" if scope.gives_up_in_s > 0 else "gives up after this try"


def _outage_parts(scope: ScopeView, in_s: str) -> Iterator[str]:
    code = f" ({scope.code})" if scope.code else ""
    if scope.login is None:
        yield f"service not answering{code}; {'next probe' if in_s else 'probing'}{in_s or ' now'}"
        return
    yield f"login not answering{code}"
    yield f"next try{in_s}" if in_s else "trying now"


def _slowed_parts(scope: ScopeView) -> Iterator[str]:
    failing = scope.unanswered >= _WORTH_A_WORD
    if failing:
        yield f"{share(scope.unanswered)} of requests failing{f' ({scope.code})' if scope.code else ''}"
    if scope.reduced:
        yield _quota_words(scope)
        answered = f", {rate_text(_continuing_per_s(scope))}/s get through" if failing else ""
        yield f"sending {rate_text(scope.allowed_per_s)}/s{answered}"
        return
    if scope.refused >= _WORTH_A_WORD:
        yield f"{share(scope.refused)} of requests refused for their rate (429)"
    yield f"continuing at {rate_text(_continuing_per_s(scope))}/s"


def _quota_words(scope: ScopeView) -> str:
    """Why it sends less than it was asked to; short, as two lines of a terminal hold all of it."""
    usual = rate_text(scope.usual_per_s)
    if scope.named_per_s is None:
        return f"quota below {usual}/s, or shared with others (429)"
    of = f" of {usual}/s" if scope.named_per_s < scope.asked_per_s else ""
    return f"quota{of} shared with others (429)"


def _continuing_per_s(scope: ScopeView) -> float:
    """A second in which few requests are sent says little about what a project achieves."""
    expected = scope.allowed_per_s * (1.0 - scope.unanswered - scope.refused)
    return scope.accepted_per_s if math.isinf(expected) or scope.accepted_per_s >= _TELLING_PER_S else expected


def _allowed_words(scope: ScopeView) -> str:
    if math.isinf(scope.allowed_per_s):
        return "no limit"
    named = scope.named_per_s is not None and scope.named_per_s < scope.asked_per_s
    return f"{rate_text(scope.allowed_per_s)}/s allowed{' by the service' if named else ''}"


def fault_words(fault: FaultCount) -> str:
    """A code, how often it came, and what was said."""
    return f"{fault.code}: {counted(fault.requests, 'request')}, last: {fault.message}"
