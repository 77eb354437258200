"""Shuts a scope for everyone for a moment after a refusal for rate. Pure, time is an argument."""

from random import Random

import msgspec

# A quarter of a window at most, so that what frees up in a sliding window is used; drawn, so that not all clients of a
# quota come back in the same instant.
_SHORTEST_SHARE, _LONGEST_SHARE = 0.15, 0.25
_LONGEST_WINDOW_S = 5.0
# A refusal that stands alone, where no limit is named, is as likely to be chance.
_ALONE_S = (0.1, 0.12)
_LONGEST_S = 60.0
# A named window soon frees something again, and a minute of sleep would lose it.
_LONGEST_NAMED_S, _LONGEST_NAMED_SHARE = 15.0, 0.25
_MOST_DOUBLINGS = 9
# Not everybody who was given the same Retry-After wakes in the same instant.
_RETRY_AFTER_JITTER_S = 0.25


class GateState(msgspec.Struct, frozen=True, kw_only=True):
    """Shut until `open_at_s`; `refusals` counts shuttings in a row, since `refused_since_s`, with nothing accepted
    between them.
    """

    refused_since_s: float = float("-inf")
    open_at_s: float = float("-inf")
    shut_at_s: float = float("-inf")
    refusals: int = 0


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A request that left at `sent_s` was refused for its rate. `window_s` is that of the limit, if the service named
    it; `alone` says that hardly any other request was refused lately.
    """

    sent_s: float
    retry_after_s: float | None = None
    window_s: float | None = None
    alone: bool = False


def shut(state: GateState, now_s: float, refusal: Refusal, rng: Random) -> GateState:
    """After a refusal. Refusals of requests that were in flight when the gate shut count as the same refusal, but a
    Retry-After among them is honoured. Repeated ones double the wait, up to a quarter of a named window or a minute.
    """
    retry_after_s = refusal.retry_after_s
    if refusal.sent_s <= state.shut_at_s:
        open_at_s = state.open_at_s if retry_after_s is None else max(state.open_at_s, now_s + retry_after_s)
        return msgspec.structs.replace(state, open_at_s=open_at_s)
    if retry_after_s is not None:
        wait_s = retry_after_s + rng.uniform(0.0, _RETRY_AFTER_JITTER_S)
    else:
        doubled_s = _first_s(refusal, rng) * 2.0 ** min(state.refusals, _MOST_DOUBLINGS)
        wait_s = min(_longest_s(refusal.window_s), doubled_s)
    since_s = state.refused_since_s if state.refusals else now_s
    return GateState(refused_since_s=since_s, open_at_s=now_s + wait_s, shut_at_s=now_s, refusals=state.refusals + 1)


def _first_s(refusal: Refusal, rng: Random) -> float:
    if refusal.window_s is None and refusal.alone:
        return rng.uniform(*_ALONE_S)
    window_s = min(_LONGEST_WINDOW_S, refusal.window_s or 1.0)
    return rng.uniform(_SHORTEST_SHARE, _LONGEST_SHARE) * window_s


def _longest_s(window_s: float | None) -> float:
    if window_s is None:
        return _LONGEST_S
    return min(_LONGEST_S, max(_LONGEST_NAMED_S, _LONGEST_NAMED_SHARE * window_s))


def wait_s(state: GateState, now_s: float) -> float:
    """Seconds until a request may leave."""
    return max(0.0, state.open_at_s - now_s)


def refused_for_s(state: GateState, now_s: float) -> float:
    """For how long there has been nothing but refusals."""
    return now_s - state.refused_since_s if state.refusals else 0.0


def excused(state: GateState, since_s: float, now_s: float) -> GateState:
    """The time since a moment does not count for how long there was nothing but refusals: nothing was sent then."""
    if not state.refusals:
        return state
    begun_s = state.refused_since_s
    return msgspec.structs.replace(state, refused_since_s=begun_s + now_s - max(since_s, begun_s))


def answered(state: GateState, *, sent_s: float) -> GateState:
    """Any answer but a refusal for rate, to a request that left at `sent_s`: the gate is open, if that was after it
    shut.
    """
    return GateState() if state.refusals and sent_s > state.shut_at_s else state
