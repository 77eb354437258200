"""Notices that a service is down, and finds out that it is back without using up rows. Pure, time is an argument.

Failures draw on a budget as in the standard retry mode of AWS's botocore, here for a whole scope: each costs five
tokens, each answer gives one back. Where the budget is empty nothing is sent but a trial at growing intervals: first a
read, which changes nothing and costs no row an attempt, and when that is answered one ordinary request.
"""

from enum import Enum
from random import Random

import msgspec

_CAPACITY = 100.0
_COST = 5.0
_REFUND = 1.0
_ROWS_AT_FAULT = 3
# Never two requests to a dead service within two seconds; found alive again within twelve.
_FIRST_INTERVAL_S = 2.0
_GROWTH = 1.5
_LONGEST_INTERVAL_S = 10.0
_JITTER = 0.2


class Stage(Enum):
    """What may leave."""

    CLOSED = "closed"
    """Everything: the service answers."""
    READ = "read"
    """A read, once its time has come."""
    TRIAL = "trial"
    """One ordinary request, as the read was answered."""


class BreakerState(msgspec.Struct, frozen=True, kw_only=True):
    """`opened_at_s` is when the budget ran out; `pending` says that a read or trial is on its way; `misses` counts
    those that failed since the service last answered an ordinary request.
    """

    stage: Stage = Stage.CLOSED
    tokens: float = _CAPACITY
    opened_at_s: float = 0.0
    next_s: float = 0.0
    pending: bool = False
    misses: int = 0


def failed(state: BreakerState, now_s: float, *, ours: bool, rng: Random) -> BreakerState:
    """A request met no service. `ours` says that it was the pending read or trial; others of the same time, sent before
    the breaker opened, say nothing new.
    """
    if state.stage is Stage.CLOSED:
        tokens = state.tokens - _COST
        if tokens >= _COST:
            return msgspec.structs.replace(state, tokens=tokens)
        return BreakerState(
            stage=Stage.READ, tokens=0.0, opened_at_s=now_s, next_s=now_s + _interval_s(state.misses, rng),
            misses=state.misses,
        )  # fmt: skip
    if not ours:
        return state
    misses = state.misses + 1
    return msgspec.structs.replace(
        state,
        stage=Stage.READ,
        pending=False,
        misses=misses,
        next_s=now_s + _interval_s(misses, rng),
    )


def suspect(state: BreakerState, now_s: float, *, rng: Random) -> BreakerState:
    """Opens at once: a row is about to use up its attempts, and nobody has been answered since it last failed."""
    return failed(msgspec.structs.replace(state, tokens=0.0), now_s, ours=False, rng=rng)


def forgives(state: BreakerState, open_rows: int) -> bool:
    """Whether the row that leaves now loses no attempt if it meets no service: a trial is for the good of all. Only
    where a few rows are all that is left the fault may be their own, and their attempts end that.
    """
    return state.stage is Stage.TRIAL and open_rows > _ROWS_AT_FAULT


def answered(state: BreakerState, *, ours: bool, write: bool) -> BreakerState:
    """The service answered, whatever it said. `write` says that it was a change it answered: a service that can be read
    but not written is still down, so a read in place of a trial decides nothing.
    """
    match state.stage:
        case Stage.CLOSED if state.tokens == _CAPACITY and not state.misses:
            return state
        case Stage.CLOSED:
            return msgspec.structs.replace(state, tokens=min(_CAPACITY, state.tokens + _REFUND), misses=0)
        case Stage.READ if ours:
            return msgspec.structs.replace(state, stage=Stage.TRIAL, pending=False)
        case Stage.TRIAL if ours and not write:
            return msgspec.structs.replace(state, pending=False)
        case Stage.TRIAL if ours:
            # Half a budget: a service that is not really back must not cost as many rows again.
            return BreakerState(tokens=_CAPACITY / 2, misses=state.misses)
        case _:
            return state


def sent(state: BreakerState) -> BreakerState:
    """A request leaves; in an open breaker it is the only one."""
    return state if state.stage is Stage.CLOSED else msgspec.structs.replace(state, pending=True)


def wait_s(state: BreakerState, now_s: float) -> float:
    """Seconds until a request may leave; infinite while a read or trial is on its way."""
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
    interval_s = min(_LONGEST_INTERVAL_S, _FIRST_INTERVAL_S * _GROWTH ** min(misses, 8))
    return interval_s * rng.uniform(1.0, 1.0 + _JITTER)
