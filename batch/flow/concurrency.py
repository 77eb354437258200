"""How many requests a scope may have in flight: fewer where most are not answered, more again where they are. Pure.

A share of failures that is not most of them says nothing about load: then fewer in flight would only be slower.
"""

import msgspec

_MOST_UNANSWERED = 0.6
_BACK_OFF = 0.8
_ONCE_PER_S = 1.0
_FLOOR_SHARE = 0.25
_FLOOR = 4


class ConcurrencyState(msgspec.Struct, frozen=True, kw_only=True):
    """`limit` requests in flight, never more than the `ceiling`."""

    ceiling: int
    limit: float
    lowered_at_s: float = float("-inf")


def start(ceiling: int) -> ConcurrencyState:
    """As many as the user allows."""
    return ConcurrencyState(ceiling=ceiling, limit=float(ceiling))


def allowed(state: ConcurrencyState) -> int:
    """How many requests may be in flight."""
    return max(1, int(state.limit))


def unanswered(state: ConcurrencyState, now_s: float, share: float) -> ConcurrencyState:
    """After a request that was not answered, `share` of the last ones: a fifth less, at most once a second, where that
    is most of them, but not below a quarter.
    """
    if share <= _MOST_UNANSWERED or now_s - state.lowered_at_s < _ONCE_PER_S:
        return state
    floor = min(float(state.ceiling), max(_FLOOR, _FLOOR_SHARE * state.ceiling))
    return msgspec.structs.replace(state, limit=max(floor, state.limit * _BACK_OFF), lowered_at_s=now_s)


def answered(state: ConcurrencyState) -> ConcurrencyState:
    """After an answer: one more after as many answers as there may be in flight."""
    if state.limit >= state.ceiling:
        return state
    return msgspec.structs.replace(state, limit=min(float(state.ceiling), state.limit + 1.0 / state.limit))
