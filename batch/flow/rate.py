"""Finds the rate a scope may be asked at: a given one, lowered while it is refused, or one sought from below."""

from enum import Enum
from typing import assert_never

import msgspec

from batch.csms.faults import Quota

_FLOOR_PER_S = 0.1
_BACK_OFF = 0.7
# One round trip: answers to requests sent before the rate went down say nothing about the new rate.
_ONCE_PER_S = 2.0
# Nearly back from one step down after six seconds of clean answers.
_RECOVER_PER_S = 0.05
_SEEK_FROM_PER_S = 10.0
# A quota just found is kept clear of by this much; then, as each refusal costs seconds, more is tried but rarely.
_KEEP_CLEAR = 0.97
_SOON_S = 10.0
_TRY_AFTER_S = 60.0
_TRY_EVERY_S = 10.0
_TRY_STEP = 0.01
_REGAIN_EVERY_S = 5.0
_USED = 0.7
# Where nothing limits the rate and nothing was measured yet.
_MOST_GUESSED_PER_S = 100.0


class Mode(Enum):
    """How a rate moves."""

    GIVEN = "given"
    """At the rate the user allowed; after a refusal soon back near what was accepted, and slowly on from there."""
    SEEKING = "seeking"
    """Doubling every second until the first refusal."""
    HOLDING = "holding"
    """Just below what was accepted when it was refused, trying a little more from time to time."""


class RateState(msgspec.Struct, frozen=True, kw_only=True):
    """`ceiling_per_s` is what the user allowed, lowered to a quota that the service has named; `base_per_s` is the
    rate from which steps are measured; `tested` says that something was accepted since the rate went down.
    """

    mode: Mode
    per_s: float
    ceiling_per_s: float
    base_per_s: float
    lowered_at_s: float = float("-inf")
    raised_at_s: float = float("-inf")
    tested: bool = True


def start(per_s: float) -> RateState:
    """The rate the user allows; infinite where nothing limits it."""
    return RateState(mode=Mode.GIVEN, per_s=per_s, ceiling_per_s=per_s, base_per_s=per_s)


def seek() -> RateState:
    """A rate that is to be found out."""
    return RateState(mode=Mode.SEEKING, per_s=_SEEK_FROM_PER_S, ceiling_per_s=float("inf"), base_per_s=_SEEK_FROM_PER_S)


def throttled(state: RateState, now_s: float, quota: Quota | None, accepted_per_s: float | None) -> RateState:
    """After a refusal for rate; `accepted_per_s` is what the service took in the last second, None where requests have
    not been going out for so long. A quota that the service names is believed; otherwise the rate steps down once per
    round trip.
    """
    if quota is not None:
        return _named(state, now_s, quota.requests / quota.period_s)
    if not state.tested or now_s - state.lowered_at_s < _ONCE_PER_S:
        # The same exhaustion, told again: a lower rate has not been tried yet.
        return msgspec.structs.replace(state, raised_at_s=now_s)
    accepted = min(state.per_s, accepted_per_s or min(state.per_s, _MOST_GUESSED_PER_S))
    match state.mode:
        case Mode.GIVEN:
            sent = accepted if state.per_s == float("inf") else state.per_s
            return _lowered(state, now_s, sent * _BACK_OFF, base=accepted)
        case Mode.SEEKING:
            return _lowered(state, now_s, accepted * _KEEP_CLEAR, base=accepted)
        case Mode.HOLDING:
            # Refused again at once: what was accepted in a second was not the quota, whose window must be longer.
            share = _BACK_OFF if now_s - state.lowered_at_s < _SOON_S else _KEEP_CLEAR
            return _lowered(state, now_s, state.per_s * share, base=state.per_s)
        case _:
            assert_never(state.mode)


def answered(state: RateState, now_s: float, accepted_per_s: float) -> RateState:
    """After a clean answer: the rate may rise, but never above the ceiling."""
    if not state.tested:
        state = msgspec.structs.replace(state, tested=True)
    if state.per_s >= state.ceiling_per_s:
        return state
    since_s = now_s - state.raised_at_s
    match state.mode:
        case Mode.GIVEN:
            near = state.per_s >= _KEEP_CLEAR * state.base_per_s
            if since_s < (_REGAIN_EVERY_S if near else 1.0):
                return state
            if near:
                return _raised(state, now_s, state.per_s + _TRY_STEP * state.ceiling_per_s)
            # A pause in which nothing was asked for says nothing either.
            risen = state.per_s + min(since_s, 2.0) * _RECOVER_PER_S * state.base_per_s
            return _raised(state, now_s, min(risen, max(state.per_s, _KEEP_CLEAR * state.base_per_s)))
        case Mode.SEEKING:
            # A rate that is not used up, for want of rows or answers, has not been tried.
            tried = accepted_per_s >= _USED * state.per_s
            return _raised(state, now_s, state.per_s * 2.0 ** min(since_s, 0.25)) if tried else state
        case Mode.HOLDING:
            if now_s - state.lowered_at_s < _TRY_AFTER_S or since_s < _TRY_EVERY_S:
                return state
            return _raised(state, now_s, state.per_s + _TRY_STEP * state.base_per_s)
        case _:
            assert_never(state.mode)


def _named(state: RateState, now_s: float, named_per_s: float) -> RateState:
    ceiling = min(state.ceiling_per_s, named_per_s)
    mode = Mode.GIVEN if state.mode is Mode.GIVEN else Mode.HOLDING
    return RateState(
        mode=mode,
        per_s=min(state.per_s, ceiling) if mode is Mode.GIVEN else ceiling,
        ceiling_per_s=ceiling,
        base_per_s=ceiling,
        lowered_at_s=now_s,
        raised_at_s=now_s,
    )


def _lowered(state: RateState, now_s: float, per_s: float, *, base: float) -> RateState:
    floor = min(_FLOOR_PER_S, state.ceiling_per_s)
    return RateState(
        mode=Mode.GIVEN if state.mode is Mode.GIVEN else Mode.HOLDING,
        per_s=max(floor, per_s),
        ceiling_per_s=state.ceiling_per_s,
        base_per_s=max(floor, base),
        lowered_at_s=now_s,
        raised_at_s=now_s,
        tested=False,
    )


def _raised(state: RateState, now_s: float, per_s: float) -> RateState:
    return msgspec.structs.replace(state, per_s=min(state.ceiling_per_s, per_s), raised_at_s=now_s)
