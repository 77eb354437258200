"""Finds how many requests a scope may have open: fewer when answers fail or slow down, more when they do not."""

import msgspec

_BACK_OFF = 0.8
_ONCE_PER_S = 1.0
_SMOOTHING = 0.1
# An answer that takes three times the best, and at least a fifth of a second more, has waited somewhere.
_SLOW_FACTOR = 3.0
_SLOW_MARGIN_S = 0.2
# The best latency is forgotten slowly, or one lucky answer would make all later ones look slow.
_FORGET = 1.001


class ConcurrencyState(msgspec.Struct, frozen=True, kw_only=True):
    """`limit` open requests, never more than the `ceiling`; latencies are in seconds."""

    ceiling: int
    limit: float
    best_s: float = float("inf")
    usual_s: float = 0.0
    lowered_at_s: float = float("-inf")


def start(ceiling: int) -> ConcurrencyState:
    """As many as the user allows."""
    return ConcurrencyState(ceiling=ceiling, limit=float(ceiling))


def allowed(state: ConcurrencyState) -> int:
    """How many requests may be open."""
    return max(1, int(state.limit))


def failed(state: ConcurrencyState, now_s: float) -> ConcurrencyState:
    """After an answer that was late, lost or an excuse: a fifth less, at most once a second."""
    return _lowered(state, now_s)


def answered(state: ConcurrencyState, now_s: float, *, latency_s: float, in_flight: int) -> ConcurrencyState:
    """After a good answer: one more after as many answers as there may be open, where so many are really used."""
    best_s = min(state.best_s * _FORGET, latency_s)
    usual_s = latency_s if state.usual_s == 0.0 else state.usual_s + _SMOOTHING * (latency_s - state.usual_s)
    state = msgspec.structs.replace(state, best_s=best_s, usual_s=usual_s)
    used = in_flight * 2 >= state.limit
    if used and usual_s > best_s * _SLOW_FACTOR and usual_s > best_s + _SLOW_MARGIN_S:
        return _lowered(state, now_s)
    if not used or state.limit >= state.ceiling:
        return state
    return msgspec.structs.replace(state, limit=min(float(state.ceiling), state.limit + 1.0 / state.limit))


def _lowered(state: ConcurrencyState, now_s: float) -> ConcurrencyState:
    if now_s - state.lowered_at_s < _ONCE_PER_S:
        return state
    return msgspec.structs.replace(state, limit=max(1.0, state.limit * _BACK_OFF), lowered_at_s=now_s)
