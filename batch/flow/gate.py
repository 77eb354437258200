"""Shuts a scope for everyone after a refusal for rate, and opens it for one request first."""

from random import Random

import msgspec

# The gateway's FAQ on APIG.0308 advises to wait 2 to 5 seconds; its answers carry no Retry-After.
_SHORTEST_S = 2.0
_LONGEST_FIRST_S = 5.0
_LONGEST_S = 60.0


class GateState(msgspec.Struct, frozen=True, kw_only=True):
    """Shut until `open_at_s`; `refusals` counts shuttings in a row, since `refused_since_s`, without a clean answer
    between them.
    """

    refused_since_s: float = float("-inf")
    open_at_s: float = float("-inf")
    shut_at_s: float = float("-inf")
    refusals: int = 0
    probing: bool = False
    read: bool = False
    """A read has been answered since the last refusal."""


def shut(state: GateState, now_s: float, *, sent_s: float, retry_after_s: float | None, rng: Random) -> GateState:
    """After a refusal. Refusals of requests that were on their way when the gate shut are the same refusal, told again;
    a Retry-After among them still counts. Repeated ones double the wait, up to a minute.
    """
    if sent_s <= state.shut_at_s:
        if retry_after_s is None:
            return state
        return msgspec.structs.replace(state, open_at_s=max(state.open_at_s, now_s + retry_after_s))
    doubling = 2.0 ** min(state.refusals, 6)
    wait_s = min(_LONGEST_S, rng.uniform(_SHORTEST_S, _LONGEST_FIRST_S) * doubling)
    if retry_after_s is not None:
        # Not everybody wakes in the same instant.
        wait_s = retry_after_s + rng.uniform(0.0, 0.25)
    since_s = state.refused_since_s if state.refusals else now_s
    return GateState(refused_since_s=since_s, open_at_s=now_s + wait_s, shut_at_s=now_s, refusals=state.refusals + 1)


def wait_s(state: GateState, now_s: float) -> float:
    """Seconds until a request may leave; infinite while the one that tries the reopened gate is on its way."""
    if state.probing:
        return float("inf")
    return max(0.0, state.open_at_s - now_s)


def sent(state: GateState) -> GateState:
    """A request leaves: after a refusal the first one goes alone."""
    return msgspec.structs.replace(state, probing=True) if state.refusals else state


def read_first(state: GateState) -> bool:
    """Whether the gate is tried with a read: a row must not use up its attempts on a service that refuses them all."""
    return state.refusals > 1 and not state.read


def refused_for_s(state: GateState, now_s: float) -> float:
    """For how long there has been nothing but refusals."""
    return now_s - state.refused_since_s if state.refusals else 0.0


def answered(state: GateState, *, sent_s: float) -> GateState:
    """Any answer but a refusal for rate: the gate is open, if the request left after it shut and was no mere read."""
    if not state.refusals or sent_s <= state.shut_at_s:
        return state
    if read_first(state):
        return msgspec.structs.replace(state, read=True, probing=False)
    return GateState()
