"""The state of a run in plain lines: for one in progress, and for one that has ended."""

from collections.abc import Iterator

import msgspec

from jobs.ledger import ScopeCount
from jobs.model import Status, StatusCount
from jobs.printable import printable
from reports.moment import utc_text
from reports.screen.amounts import span
from reports.screen.verdict import left_out_words
from reports.screen.wording import group_words


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows stand at a moment, UTC seconds since 1970.

    `running` says that somebody held the run's lock at that moment; `ended_at` is when the last session ended. Of a run
    in progress, rows that have not ended are counted as `not_attempted`, or as `unknown` when they are in flight;
    `pace` says how fast it is, and `trouble` what slows it; `paused` says that `set` holds it back, and `rate` differs
    from `full_rate` where `set` has changed it. Of a run that has stopped, `mend` says what has to be mended before it
    can continue. `left_out` rows were not selected, or are `carried` along because the plan could not do them, and are
    not among the others. `wave` says which wave a run in progress is at, and `next` are the commands to give then, in
    order, and `next_when` says of each when it applies.
    """

    at: float
    ended_at: float | None = None
    running: bool
    rows: int
    counts: tuple[StatusCount, ...]
    scopes: tuple[ScopeCount, ...] = ()
    exit_code: int | None = None
    stopped: str | None = None
    mend: tuple[str, ...] = ()
    pace: str = ""
    trouble: tuple[str, ...] = ()
    paused: bool = False
    rate: str = ""
    full_rate: str = ""
    left_out: int = 0
    carried: int = 0
    next: tuple[str, ...] = ()
    next_when: tuple[str, ...] = ()
    wave: str = ""


def standing_json(standing: Standing) -> str:
    """The same for a program; moments are UTC, ISO 8601."""
    moments = {"at": utc_text(standing.at), "ended_at": utc_text(standing.ended_at) or None}
    document = {"schema": "csms-rekey/status/2", **msgspec.to_builtins(standing), **moments}
    return msgspec.json.encode(document).decode()


def status_lines(standing: Standing, now_s: float, encoding: str = "utf-8") -> Iterator[str]:
    """Yields lines of `key: value`; keys are stable."""
    for line in _lines(standing, now_s):
        yield printable(line, encoding)


def _lines(standing: Standing, now_s: float) -> Iterator[str]:
    yield f"state: {_state(standing)}"
    name, moment = ("as_of", standing.at) if standing.ended_at is None else ("ended", standing.ended_at)
    yield f"{name}: {utc_text(moment)} ({span(max(0.0, round(now_s - moment)))} ago)"
    if standing.exit_code is not None:
        yield f"exit_code: {standing.exit_code}"
    if standing.wave:
        yield f"wave: {standing.wave}"
    yield f"rows: {standing.rows}"
    for count in standing.counts:
        if count.rows:
            yield f"{_label(count.status, running=standing.running)}: {count.rows} ({_words(count.status, standing)})"
    for rows, words in left_out_words(standing.left_out, standing.carried):
        yield f"left_out: {rows} ({words})"
    for scope in standing.scopes:
        stopped = f", stopped: {scope.stopped}" if scope.stopped else ""
        left_out = f", {scope.left_out} {'left out' if standing.carried else 'not selected'}" if scope.left_out else ""
        rows = scope.rows - scope.left_out
        yield f"project: {scope.endpoint} {scope.project_id} {scope.done} of {rows} done{left_out}{stopped}"
    if standing.scopes and (nowhere := _nowhere(standing)) > 0:
        yield f"other invalid rows: {nowhere}"
    for line in standing.mend:
        yield f"mend: {line}"
    for command, when in zip(standing.next, standing.next_when, strict=True):
        yield f"next: {command} ({when})"
    yield from _pace_lines(standing)


def _pace_lines(standing: Standing) -> Iterator[str]:
    if standing.rate != standing.full_rate:
        yield f"rate: {standing.rate} by `set`, {standing.full_rate} at the start"
    if standing.pace:
        yield f"pace: {standing.pace}"
    for line in standing.trouble:
        yield f"trouble: {line}"


def _nowhere(standing: Standing) -> int:
    """Rows that belong to no project: with them the projects add up to all rows."""
    return standing.rows + standing.left_out - sum(scope.rows for scope in standing.scopes)


def _state(standing: Standing) -> str:
    if standing.running:
        return "paused by `set`" if standing.paused else "running"
    if standing.stopped:
        return f"stopped: {standing.stopped}"
    return "ended" if standing.exit_code is not None else "killed: no end recorded; resume it"


def _label(status: Status, *, running: bool) -> str:
    return "open" if running and status is Status.NOT_ATTEMPTED else status.value


def _words(status: Status, standing: Standing) -> str:
    return "to come" if standing.running and status is Status.NOT_ATTEMPTED else group_words(status)
