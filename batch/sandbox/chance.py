"""Faults at random, by odds given as text; the same seed gives the same ones."""

import random
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from batch.sandbox import faults
from batch.sandbox.faults import InjectedFault
from batch.sandbox.wire import Arrival

_COIN = 0.5
_LATE_S = 2.0
_STATUSES = frozenset({"401", "403", "429"})
_OPEN_STATUSES = frozenset({"500", "502", "503", "504"})
_OTHERS = frozenset({"late504", "html502", "reset", "timeout", "truncate", "drop", "token"})
KINDS = _STATUSES | _OPEN_STATUSES | _OTHERS
"""The kinds of faults chance knows."""


class Chance:
    """Faults at random: each kind with its probability, and a coin for what became of the update where that is open."""

    def __init__(self, odds: Sequence[tuple[str, float]], rng: random.Random) -> None:
        self._odds = odds
        self._rng = rng

    def decide(self, arrival: Arrival) -> InjectedFault | None:  # noqa: ARG002 # chance looks at nothing
        """A fault, when the dice say so."""
        at = self._rng.random()
        for kind, probability in self._odds:
            if at < probability:
                return _fault_of(kind, applied=self._rng.random() < _COIN)
            at -= probability
        return None


def parse_odds(specs: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Reads `504=0.02`, `504=2%` and the like, one for each kind.

    Raises:
        ValueError: an unknown kind, a kind twice, no share, or more than 1 in all.
    """
    return parse_shares(specs, KINDS, "fault")


def parse_shares(specs: Sequence[str], kinds: AbstractSet[str], what: str) -> tuple[tuple[str, float], ...]:
    """Reads `KIND=SHARE`, one for each kind.

    Raises:
        ValueError: an unknown kind, a kind twice, no share, or more than 1 in all.
    """
    shares: dict[str, float] = {}
    for spec in specs:
        kind, _, text = spec.partition("=")
        if kind not in kinds:
            raise ValueError(f"{what} {spec!r}: unknown kind; the kinds are {', '.join(sorted(kinds))}")
        if kind in shares:
            raise ValueError(f"{what} {spec!r}: {kind} is given twice")
        shares[kind] = _share(f"{what} {spec!r}", text)
    if sum(shares.values()) > 1 + 1e-9:
        raise ValueError(f"{what}: the shares add up to {sum(shares.values()):.6g}, more than 1")
    return tuple(shares.items())


def _share(spec: str, text: str) -> float:
    number = text.removesuffix("%")
    try:
        value = float(number) / (1 if number == text else 100)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError(f"{spec}: expected a share after the =, from 0 to 1 or from 0% to 100%")
    return value


def _fault_of(kind: str, *, applied: bool) -> InjectedFault:
    if kind in _STATUSES:
        return faults.gateway_error(int(kind))
    if kind in _OPEN_STATUSES:
        return faults.gateway_error(int(kind), applied=applied)
    match kind:
        case "late504":
            return faults.gateway_error(504, lands_after_s=_LATE_S)
        case "html502":
            return faults.page(502, applied=applied)
        case "reset":
            return faults.reset(applied=applied)
        case "timeout":
            return faults.silence(applied=applied)
        case "truncate":
            return faults.cut(applied=applied)
        case "drop":
            return faults.drop()
        case _:
            return faults.tokens_end()
