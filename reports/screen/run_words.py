"""A run that is going in words: one line for a log, one for each change, and the parts of a screen."""

import math
from collections.abc import Iterator

from jobs.model import Status
from jobs.run_view import FaultCount, RunView, ScopeState, ScopeView
from reports.summary.open_rows import place_name

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_MOST_CHANGES = 10


def progress_line(view: RunView) -> str:
    """How it stands, on one line."""
    parts = [f"{view.ended:,} of {view.total:,} rows ({percent(view)})", *count_words(view), *pace_words(view)]
    return "; ".join([parts[0], ", ".join(parts[1:]) or "none has ended"])


def changes(before: RunView | None, now: RunView) -> Iterator[str]:
    """Yields a line for every scope that does something else than before, and at the first time for those in trouble.

    A scope that merely begins or ends says nothing.
    """
    known = {} if before is None else {(s.region, s.project_id): s.state for s in before.scopes}
    changed = []
    for scope in now.scopes:
        was = known.get((scope.region, scope.project_id), ScopeState.RUNNING)
        if scope.state is not was and scope.state is not ScopeState.ENDED:
            changed.append(scope)
    for scope in changed[:_MOST_CHANGES]:
        yield f"scope {place_name(scope.region, scope.project_id)}: {state_words(scope)}"
    if len(changed) > _MOST_CHANGES:
        yield f"and {len(changed) - _MOST_CHANGES} more scopes changed their state"


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
    """Yields the rates, the time gone, and the time left where it can be told."""
    yield f"{_rate(view.rows_per_s)} rows/s"
    allowed = view.allowed_per_s
    of = "" if not allowed or math.isinf(allowed) else f" of {_rate(allowed)}/s allowed"
    yield f"{_rate(view.requests_per_s)} requests/s{of}"
    yield f"{view.in_flight} in flight"
    yield f"{span(math.floor(view.elapsed_s))} gone"
    moving = not view.scopes or any(scope.state is ScopeState.RUNNING for scope in view.scopes)
    if moving and view.open_rows and view.eta_s is not None and view.stopping is None:
        yield f"about {span(view.eta_s)} left"


def scope_words(scope: ScopeView) -> str:
    """What a scope does, and what is left for it to do."""
    words = state_words(scope)
    rows = "1 row" if scope.open_rows == 1 else f"{scope.open_rows:,} rows"
    return words if scope.state is ScopeState.ENDED else f"{rows} left, {words}"


def state_words(scope: ScopeView) -> str:
    """What a scope does."""
    again = f", again in {math.ceil(scope.again_in_s)} s" if scope.again_in_s else ""
    match scope.state:
        case ScopeState.RUNNING:
            allowed = "no limit" if math.isinf(scope.allowed_per_s) else f"{_rate(scope.allowed_per_s)}/s allowed"
            return f"running, {allowed}, {scope.in_flight} in flight"
        case ScopeState.THROTTLED:
            return f"throttled{again}"
        case ScopeState.SETTLING:
            when = f" in {math.ceil(scope.again_in_s)} s" if scope.again_in_s else ""
            return f"in doubt, read{when}, when no PUT of theirs can land any more"
        case ScopeState.OUTAGE:
            return f"breaker open{again}: the service does not answer"
        case ScopeState.STOPPED:
            return f"stopped: {scope.reason or 'no more requests'}"
        case ScopeState.ENDED:
            return "no rows left"


def fault_words(fault: FaultCount) -> str:
    """A code, how often it came, and what was said."""
    return f"{fault.code}: {fault.requests:,} requests, last: {fault.message}"


def span(seconds: float) -> str:
    """A time span in two units: 12 s, 3 min 05 s, 2 h 07 min, 3 d 04 h."""
    whole = math.ceil(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02d} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S:02d} h"


def _rate(per_s: float) -> str:
    return f"{per_s:,.0f}" if per_s >= 100 else f"{per_s:.1f}"  # noqa: PLR2004 - a tenth is of no interest then
