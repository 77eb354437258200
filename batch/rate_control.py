"""Finds the rate a scope may be asked at: down when throttled, back up while answers are clean."""

import msgspec

from batch.csms.faults import Quota

_BACK_OFF = 0.7
# Back at the ceiling from one step down after six seconds of clean answers.
_RECOVER_PER_S = 0.05
_FLOOR_PER_S = 0.1
# One round trip: answers to requests sent before the rate went down say nothing about the new rate.
_ONCE_PER_S = 2.0


class RateState(msgspec.Struct, frozen=True, kw_only=True):
    """`ceiling_per_s` is what the user allowed, lowered to a quota that the service has named; `base_per_s` is the
    rate from which the steps of recovery are measured.
    """

    per_s: float
    ceiling_per_s: float
    base_per_s: float
    lowered_at_s: float = float("-inf")
    raised_at_s: float = float("-inf")


def start(per_s: float) -> RateState:
    """The rate the user asked for; infinite where nothing limits it."""
    return RateState(per_s=per_s, ceiling_per_s=per_s, base_per_s=per_s)


def throttled(state: RateState, now_s: float, quota: Quota | None, measured_per_s: float) -> RateState:
    """After a refusal for rate. A quota named by the service is believed; otherwise the rate steps down once per round
    trip, from what was really sent where nothing limited it.
    """
    if quota is not None:
        ceiling = min(state.ceiling_per_s, quota.requests / quota.period_s)
        per_s = min(state.per_s, ceiling)
        return RateState(per_s=per_s, ceiling_per_s=ceiling, base_per_s=ceiling, lowered_at_s=now_s, raised_at_s=now_s)
    if now_s - state.lowered_at_s < _ONCE_PER_S:
        return msgspec.structs.replace(state, raised_at_s=now_s)
    base = min(state.per_s, max(measured_per_s, _FLOOR_PER_S))
    floor = min(_FLOOR_PER_S, state.ceiling_per_s)
    return RateState(
        per_s=max(floor, base * _BACK_OFF),
        ceiling_per_s=state.ceiling_per_s,
        base_per_s=min(state.base_per_s, max(base, _FLOOR_PER_S)),
        lowered_at_s=now_s,
        raised_at_s=now_s,
    )


def answered(state: RateState, now_s: float) -> RateState:
    """After a clean answer: once a second the rate rises by a twentieth of its base, never above the ceiling."""
    if state.per_s >= state.ceiling_per_s:
        return state
    since_s = now_s - state.raised_at_s
    if since_s < 1.0:
        return state
    # A pause in which nothing was asked for says nothing either.
    risen = state.per_s + min(since_s, 2.0) * _RECOVER_PER_S * state.base_per_s
    return msgspec.structs.replace(state, per_s=min(state.ceiling_per_s, risen), raised_at_s=now_s)
