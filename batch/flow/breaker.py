"""The circuit breaker: notices that writes are not answered any more, and finds out without using up rows that
they are answered again. Pure, time is an argument.

A share of failures, however large, opens nothing while other writes are answered between them. It is for silence: ten
unanswered writes in a row have rows tried that stand elsewhere in the manifest, twenty open it. Then nothing leaves but
trials at growing intervals: first a read, which changes nothing and costs no row an attempt, and when that is answered
one write. A read that is answered decides nothing, because a service that can be read but not written is still down.
"""

from enum import Enum
from random import Random

import msgspec

_ASKS_ELSEWHERE = 10
_OPENS = 20
# Where only so many rows are left to write, the fault may be theirs ...
_ROWS_AT_FAULT = 3
# ... and where others were found at fault before, so many.
_MORE_AT_FAULT = 19
# Never two requests to a dead service within two seconds; found alive again within twelve.
_FIRST_INTERVAL_S = 2.0
_GROWTH = 1.5
_LONGEST_INTERVAL_S = 10.0
_JITTER = 0.2
_MOST_GROWTH = 8


class Stage(Enum):
    """What may leave."""

    CLOSED = "closed"
    """Everything: the service answers."""
    READ = "read"
    """A read, once its time has come."""
    TRIAL = "trial"
    """One write, as the read was answered."""


class BreakerState(msgspec.Struct, frozen=True, kw_only=True):
    """`unanswered` counts writes in a row, `elsewhere` the rows from elsewhere that left meanwhile. `opened_at_s` is
    when it opened; `pending` says that a read or trial is in flight; `misses` counts those that were not answered.
    """

    stage: Stage = Stage.CLOSED
    unanswered: int = 0
    rows: frozenset[int] = frozenset()
    elsewhere: int = 0
    opened_at_s: float = 0.0
    next_s: float = 0.0
    pending: bool = False
    misses: int = 0


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A request met no service. `row` is the row that was written, None for a read, and `ours` says that it was the
    pending read or trial. `at_fault` says that some rows of the scope were found to be at fault themselves.
    """

    row: int | None
    ours: bool
    at_fault: bool = False


def failed(state: BreakerState, now_s: float, failure: Failure, rng: Random) -> BreakerState:
    """After a failure. One of a request that was sent before the breaker opened says nothing new, and reads alone never
    open it. Where rows were found to be at fault, only so many different ones open it.
    """
    if state.stage is Stage.CLOSED:
        if failure.row is None:
            return state
        unanswered, rows = state.unanswered + 1, state.rows | {failure.row}
        if unanswered >= _OPENS and (not failure.at_fault or len(rows) >= _OPENS):
            return suspect(now_s, rng=rng)
        return msgspec.structs.replace(state, unanswered=unanswered, rows=rows)
    if not failure.ours:
        return state
    misses = state.misses + 1
    return msgspec.structs.replace(
        state, stage=Stage.READ, pending=False, misses=misses, next_s=now_s + _interval_s(misses, rng)
    )


def suspect(now_s: float, *, rng: Random) -> BreakerState:
    """Opens at once: a row is about to use up its attempts, and no write has been answered since it first failed."""
    return BreakerState(stage=Stage.READ, opened_at_s=now_s, next_s=now_s + _interval_s(0, rng))


def answered(state: BreakerState, *, ours: bool, write: bool) -> BreakerState:
    """The service answered, whatever it said; `write` says that it was a write it answered."""
    match state.stage:
        case Stage.CLOSED if write and (state.unanswered or state.elsewhere):
            return BreakerState()
        case Stage.READ if ours:
            return msgspec.structs.replace(state, stage=Stage.TRIAL, pending=False)
        case Stage.TRIAL if ours and not write:
            return msgspec.structs.replace(state, pending=False)
        case Stage.READ | Stage.TRIAL if write:
            return BreakerState()
        case _:
            return state


def asks_elsewhere(state: BreakerState) -> bool:
    """Whether the next write is to be one from elsewhere: every second one, once ten have not been answered."""
    return state.stage is Stage.CLOSED and 2 * state.elsewhere <= state.unanswered - _ASKS_ELSEWHERE


def went_elsewhere(state: BreakerState) -> BreakerState:
    """A row from elsewhere leaves."""
    return msgspec.structs.replace(state, elsewhere=state.elsewhere + 1)


def silent(state: BreakerState) -> bool:
    """Whether it is in doubt that the service answers writes."""
    return state.stage is not Stage.CLOSED or state.unanswered >= _ASKS_ELSEWHERE


def forgives(state: BreakerState, rows_left: int, *, at_fault: bool) -> bool:
    """Whether the row that leaves now loses no attempt if it meets no service: a trial is for the good of all. Only
    where few rows are left to write the fault may be their own, and their attempts end that.
    """
    return state.stage is Stage.TRIAL and not few(rows_left, at_fault=at_fault)


def few(rows_left: int, *, at_fault: bool) -> bool:
    """Whether so few rows are left to write that a fault may be theirs."""
    return rows_left <= (_MORE_AT_FAULT if at_fault else _ROWS_AT_FAULT)


def sent(state: BreakerState) -> BreakerState:
    """A request leaves; in an open breaker it is the only one."""
    return state if state.stage is Stage.CLOSED else msgspec.structs.replace(state, pending=True)


def withdrawn(state: BreakerState) -> BreakerState:
    """A read or trial did not leave after all."""
    return msgspec.structs.replace(state, pending=False)


def excused(state: BreakerState, since_s: float, now_s: float) -> BreakerState:
    """The time since a moment does not count for how long the service has been down: it was not asked."""
    return msgspec.structs.replace(state, opened_at_s=state.opened_at_s + now_s - max(since_s, state.opened_at_s))


def wait_s(state: BreakerState, now_s: float) -> float:
    """Seconds until a request may leave; infinite while a read or trial is in flight."""
    match state.stage:
        case Stage.CLOSED:
            return 0.0
        case _ if state.pending:
            return float("inf")
        case Stage.TRIAL:
            return 0.0
        case Stage.READ:
            return max(0.0, state.next_s - now_s)


def down_for_s(state: BreakerState, now_s: float) -> float:
    """How long the service has been down; 0 while it answers."""
    return 0.0 if state.stage is Stage.CLOSED else now_s - state.opened_at_s


def _interval_s(misses: int, rng: Random) -> float:
    interval_s = min(_LONGEST_INTERVAL_S, _FIRST_INTERVAL_S * _GROWTH ** min(misses, _MOST_GROWTH))
    return interval_s * rng.uniform(1.0, 1.0 + _JITTER)
