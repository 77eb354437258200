"""Finds the rate at which a scope may be asked: a given one, lowered while it is refused, or one sought from below.

The quota may be shared with others who come and go. So the rate steps down by a quarter where refusals are too many
to be chance, at most once per window of the limit, and rises again along the cubic curve of RFC 9438: quickly at
first, slowly near the rate that was refused, quickly again where that turns out to be safe. Pure, time is an argument.
"""

import math
from enum import Enum

import msgspec

from batch.csms.faults import Quota
from batch.flow.meter import Reading
from jobs.rate import Rate

_FLOOR_PER_S = 0.1
_BACK_OFF = 0.75
# Of the size of the quota, per window cubed: back at the rate that was refused after ten windows.
_STEEPNESS = 0.00024
# Of a quota that is to be found the size is what was first taken of it, which may be the little that others left.
_LEAST_SCALE_PER_S = 20.0
# Where the rate was refused before it was back, somebody else needs more: the next peak is lower (fast convergence).
_CONVERGENCE = 0.9
_REGAINED = 0.98
# Fewer refusals than these are chance, and cost one request each: slower would cost more.
_CHANCE = 0.03
# More than these show that the service refuses for the rate, whatever it took before.
_CERTAIN = 0.2
# A refusal with so many fewer requests accepted in its last second than in the best one lately is not explained by the
# rate ...
_FEWER_PER_S = 6.0
# ... and so many of them within the memory of the meter show that the rate does not matter. Tried again a minute later.
_UNEXPLAINED = 3
_UNEXPLAINED_WITHIN_S = 10.0
_BELIEVED_S = 60.0
_SEEK_FROM_PER_S = 10.0
_DOUBLED_EVERY_S = 1.0
_USED = 0.7
# Where nothing limits the rate and nothing was measured yet.
_MOST_GUESSED_PER_S = 100.0


class Mode(Enum):
    """How a rate moves."""

    GIVEN = "given"
    """At the rate the user allowed, or below it after refusals."""
    SEEKING = "seeking"
    """Doubling every second until the first refusal."""


class RateState(msgspec.Struct, frozen=True, kw_only=True):
    """`ceiling_per_s` is what the user allowed, lowered to a quota that the service has named: `limit_per_s`, with its
    window `window_s`. `low_per_s` is the rate after the last step down at `stepped_at_s`, `peak_per_s` the one it rises
    to first, `scale_per_s` the size of the quota as far as known; for `held_s` of the time since then nothing
    could leave. Until `believed_until_s` refusals are taken for chance, after those in `unexplained_s`.
    """

    mode: Mode
    ceiling_per_s: float
    low_per_s: float
    peak_per_s: float
    scale_per_s: float
    window_s: float = 1.0
    limit_per_s: float = math.inf
    named: bool = False
    stepped_at_s: float = -math.inf
    held_s: float = 0.0
    unexplained_s: tuple[float, ...] = ()
    believed_until_s: float = -math.inf


def start(per_s: float) -> RateState:
    """The rate the user allows; infinite where nothing limits it."""
    return RateState(mode=Mode.GIVEN, ceiling_per_s=per_s, low_per_s=per_s, peak_per_s=per_s, scale_per_s=per_s)


def seek() -> RateState:
    """A rate that is to be found out."""
    return RateState(
        mode=Mode.SEEKING, ceiling_per_s=math.inf, low_per_s=_SEEK_FROM_PER_S, peak_per_s=math.inf,
        scale_per_s=math.inf,
    )  # fmt: skip


def per_s(state: RateState, now_s: float) -> float:
    """The rate now, in requests per second."""
    if state.mode is Mode.SEEKING or math.isinf(state.stepped_at_s):
        return min(state.ceiling_per_s, state.low_per_s)
    steepness = _STEEPNESS * state.scale_per_s
    windows = max(0.0, now_s - state.stepped_at_s - state.held_s) / state.window_s - _to_peak(state)
    return max(_FLOOR_PER_S, min(state.ceiling_per_s, state.peak_per_s + steepness * windows**3))


def refused(state: RateState, now_s: float, *, sent_s: float, quota: Quota | None, reading: Reading) -> RateState:
    """After a request that left at `sent_s` was refused for its rate. A quota that the service names is a ceiling."""
    if quota is not None:
        state = _named(state, now_s, quota)
    if not state.named:
        state = _judged(state, now_s, reading)
        if now_s < state.believed_until_s:
            return state
    seeking = state.mode is Mode.SEEKING
    # Answers to requests that left before the last step say nothing about the new rate.
    news = sent_s > state.stepped_at_s and now_s - state.stepped_at_s >= state.window_s
    if not seeking and not (news and reading.refused > _CHANCE):
        return state
    return _stepped_down(state, now_s, reading)


def asked(state: RateState, now_s: float, rate: Rate) -> RateState:
    """After the user has allowed another rate: it holds at once, but for what is known of the quota. Where others keep
    the rate below both, it rises as before.
    """
    if rate.auto and not state.named and state.mode is not Mode.SEEKING:
        return seek()
    ceiling = min(rate.per_s, state.limit_per_s)
    now = per_s(state, now_s)
    if state.mode is Mode.SEEKING or now < min(_REGAINED * state.ceiling_per_s, ceiling):
        return msgspec.structs.replace(state, ceiling_per_s=ceiling)
    return msgspec.structs.replace(
        state, ceiling_per_s=ceiling, low_per_s=ceiling, peak_per_s=ceiling, scale_per_s=ceiling,
        stepped_at_s=-math.inf, held_s=0.0,
    )  # fmt: skip


def held(state: RateState, seconds: float) -> RateState:
    """After a refusal nothing leaves for so many seconds more. A rate that is not used does not rise."""
    return msgspec.structs.replace(state, held_s=state.held_s + seconds)


def answered(state: RateState, now_s: float, reading: Reading) -> RateState:
    """After a clean answer: a rate that is sought rises where it is really used."""
    if state.mode is not Mode.SEEKING or reading.accepted_per_s < _USED * state.low_per_s:
        return state
    since_s = 0.0 if math.isinf(state.stepped_at_s) else now_s - state.stepped_at_s
    risen = state.low_per_s * 2.0 ** min(since_s / _DOUBLED_EVERY_S, 0.25)
    return msgspec.structs.replace(state, low_per_s=min(state.ceiling_per_s, risen), stepped_at_s=now_s)


def _to_peak(state: RateState) -> float:
    """Windows from the last step down until the rate is back at its peak."""
    steepness = _STEEPNESS * state.scale_per_s
    return math.cbrt(max(0.0, state.peak_per_s - state.low_per_s) / steepness)


def _named(state: RateState, now_s: float, quota: Quota) -> RateState:
    limit = min(state.limit_per_s, quota.requests / quota.period_s)
    ceiling = min(state.ceiling_per_s, limit)
    if state.named and ceiling == state.ceiling_per_s and quota.period_s == state.window_s:
        return state
    now = min(per_s(state, now_s), ceiling)
    return msgspec.structs.replace(
        state, mode=Mode.GIVEN, named=True, limit_per_s=limit, ceiling_per_s=ceiling, scale_per_s=ceiling,
        window_s=quota.period_s, low_per_s=now, peak_per_s=ceiling,
        stepped_at_s=now_s if now < ceiling else -math.inf, held_s=0.0,
    )  # fmt: skip


def _judged(state: RateState, now_s: float, reading: Reading) -> RateState:
    """Distinguishes refusals for the rate from those by chance: the latter also come, between requests that are
    accepted, when less is asked for than the service took a moment ago.
    """
    if reading.refused > _CERTAIN:
        return msgspec.structs.replace(state, unexplained_s=(), believed_until_s=-math.inf)
    if not 0.0 < reading.accepted_per_s <= reading.most_per_s - _FEWER_PER_S:
        return state
    unexplained = (*(at for at in state.unexplained_s if at > now_s - _UNEXPLAINED_WITHIN_S), now_s)[-_UNEXPLAINED:]
    if len(unexplained) < _UNEXPLAINED:
        return msgspec.structs.replace(state, unexplained_s=unexplained)
    state = msgspec.structs.replace(state, unexplained_s=unexplained, believed_until_s=now_s + _BELIEVED_S)
    regained = min(state.ceiling_per_s, max(reading.most_per_s, state.peak_per_s))
    return msgspec.structs.replace(state, low_per_s=regained, peak_per_s=regained, stepped_at_s=-math.inf)


def _stepped_down(state: RateState, now_s: float, reading: Reading) -> RateState:
    now = per_s(state, now_s)
    if math.isinf(now) or state.mode is Mode.SEEKING:
        now = min(now, max(reading.accepted_per_s, reading.most_per_s) or min(now, _MOST_GUESSED_PER_S))
    scale = max(now, _LEAST_SCALE_PER_S) if math.isinf(state.scale_per_s) else state.scale_per_s
    early = not math.isinf(state.stepped_at_s) and state.mode is Mode.GIVEN and now < _REGAINED * state.peak_per_s
    return msgspec.structs.replace(
        state,
        mode=Mode.GIVEN,
        scale_per_s=scale,
        peak_per_s=max(_FLOOR_PER_S, now * (_CONVERGENCE if early else 1.0)),
        low_per_s=max(min(_FLOOR_PER_S, state.ceiling_per_s), now * _BACK_OFF),
        stepped_at_s=now_s,
        held_s=0.0,
    )
